"""Lineage jobs in this process, kept in this installation's own store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.jobs.model import (
    ExportSummary,
    InstancePage,
    Job,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobRun,
    JobTable,
    Schedule,
    SyntaxProblem,
    TableRole,
    TaskOrigin,
    TextSource,
)
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.execution import OnProgress
    from airflow_provider_sqlflow.jobs.publish import JobLineage
    from airflow_provider_sqlflow.jobs.runners.base import JobRunner
    from airflow_provider_sqlflow.jobs.service import JobService
    from airflow_provider_sqlflow.jobs.sharding.service import ShardedJobs
    from airflow_provider_sqlflow.jobs.store.base import JobStore
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore


class EmbeddedClient:
    """A :class:`~airflow_provider_sqlflow.client.base.SqlFlowClient` over the embedded engine.

    Submitted jobs run here, or are left to ``sqlflow worker`` processes: ``settings.runner`` says which.
    The store is opened by the first call that needs it. May be shared between threads.

    Args:
        settings: where the store is, who runs jobs, and limits.
        on_progress: told of every file of a submitted job that this process has analysed.
    """

    def __init__(self, settings: Settings, on_progress: OnProgress = lambda _counts, _name: None) -> None:
        self._settings = settings
        self._on_progress = on_progress
        self._opening = threading.Lock()
        self._opened: tuple[SqlJobStore, JobService] | None = None

    @property
    def resume_seconds(self) -> float | None:
        """See the protocol."""
        return self._settings.worker_lease_seconds if self._settings.runner == "inline" else None

    def submit_job(self, request: JobRequest) -> Job:
        """See the protocol. The job has ended when this returns, unless it is left to a worker."""
        return self._service().submit(request)

    def submit_persist_job(
        self,
        request: JobRequest,
        job_id: JobId | None = None,
        *,
        incremental: bool = True,
        schedule: Schedule | None = None,
    ) -> Job:
        """See the protocol."""
        return self._service().submit_persist(request, job_id, incremental=incremental, schedule=schedule)

    def resume_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return self._service().resume(job_id)

    def get_request(self, job_id: JobId) -> JobRequest:
        """See the protocol."""
        return self._service().get_request(job_id)

    def rerun_job(self, job_id: JobId, *, origin: TaskOrigin | None = None) -> Job:
        """See the protocol."""
        return self._service().rerun(job_id, origin=origin)

    def get_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return self._service().get(job_id)

    async def aget_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return await asyncio.to_thread(self.get_job, job_id)

    def list_jobs(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """See the protocol."""
        return self._service().list(where, limit, offset)

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """See the protocol."""
        return self._service().list_files(job_id, run)

    def list_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """See the protocol."""
        return self._service().list_runs(job_id)

    def list_tables(self, job_id: JobId, role: TableRole | None = None) -> tuple[JobTable, ...]:
        """See the protocol."""
        return self._service().list_tables(job_id, role)

    def find_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """See the protocol."""
        return self._service().find_last_run(table, role)

    async def afind_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """See the protocol."""
        return await asyncio.to_thread(self.find_last_run, table, role)

    def list_instances(
        self,
        table: str,
        role: TableRole | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> InstancePage:
        """See the protocol."""
        return self._service().list_instances(table, role, start, end, limit, offset)

    def set_schedule(self, job_id: JobId, schedule: Schedule | None) -> Job:
        """See the protocol."""
        if schedule is None:
            return self._service().cancel_schedule(job_id)
        return self._service().set_schedule(job_id, schedule)

    def pause_schedule(self, job_id: JobId, *, is_paused: bool = True) -> Job:
        """See the protocol."""
        service = self._service()
        return service.pause_schedule(job_id) if is_paused else service.resume_schedule(job_id)

    def list_scheduled(self) -> tuple[Job, ...]:
        """See the protocol."""
        return self._service().list_scheduled()

    def cancel_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return self._service().cancel(job_id)

    async def acancel_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return await asyncio.to_thread(self.cancel_job, job_id)

    def delete_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return self._service().delete(job_id)

    def export_job(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        """See the protocol."""
        return self._service().export(job_id, format, path, options)

    def get_lineage(self, job_id: JobId) -> JobLineage:
        """See the protocol."""
        return self._service().lineage(job_id)

    def sharded_jobs(self) -> ShardedJobs:
        """Jobs whose work the tasks of a Dag share between them; those of the queue ``airflow``."""
        from airflow_provider_sqlflow.jobs.service import utc_now
        from airflow_provider_sqlflow.jobs.sharding.service import ShardedJobs

        return ShardedJobs(self._open()[0], self._settings, utc_now)

    def check_syntax(self, source: TextSource, dialect: str) -> tuple[SyntaxProblem, ...]:
        """See the protocol."""
        from airflow_provider_sqlflow.jobs.syntax import check_syntax

        return check_syntax(source, dialect, self._settings)

    def job_url(self, job_id: JobId) -> str:
        """See the protocol. Who embeds the engine may have a page; the engine has none."""
        return ""

    def ping(self) -> str:
        """See the protocol."""
        store, service = self._open()
        return f"embedded engine, store {store.shown_url}, {service.count()} jobs"

    def close(self) -> None:
        """See the protocol. A later call opens the store again."""
        with self._opening:
            if self._opened is not None:
                self._opened[0].close()
            self._opened = None

    def _service(self) -> JobService:
        return self._open()[1]

    def _open(self) -> tuple[SqlJobStore, JobService]:
        with self._opening:
            if self._opened is None:
                # Here, so that a Dag that imports an operator pays nothing for SQLAlchemy.
                from airflow_provider_sqlflow.jobs.service import JobService
                from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

                settings = self._settings
                store = SqlJobStore(settings.resolved_store_url(), settings.store_retry_seconds)
                self._opened = (store, JobService(store, self._runner(store), settings))
            return self._opened

    def _runner(self, store: JobStore) -> JobRunner:
        if self._settings.runner == "worker":
            from airflow_provider_sqlflow.jobs.runners.queued import QueuedRunner

            return QueuedRunner()
        from airflow_provider_sqlflow.jobs.execution import Execution
        from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
        from airflow_provider_sqlflow.jobs.service import utc_now

        execution = Execution(store, self._settings, utc_now)
        return InlineRunner(store, execution, self._settings, utc_now, self._on_progress)
