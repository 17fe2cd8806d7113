"""Lineage jobs on a SQLFlow service: the cloud's, one on premise, or our own server.

What the service has no operation for is made from others where that is honest, and refused as
``NotSupportedError`` where it is not; ``docs/how-to/use-a-remote-service.md`` lists both.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_sqlflow.client.http import io_loop
from airflow_provider_sqlflow.client.http.export import export_remote, file_causes, lineage_of, tables_of
from airflow_provider_sqlflow.client.http.job_objects import read_files
from airflow_provider_sqlflow.client.http.parameters import check_request, persist_fields, submit_fields
from airflow_provider_sqlflow.client.http.remote_jobs import RemoteJobs
from airflow_provider_sqlflow.client.http.settings import HttpSettings
from airflow_provider_sqlflow.client.http.upload import prepare
from airflow_provider_sqlflow.errors import NotSupportedError
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
    JobStatus,
    JobTable,
    Schedule,
    SyntaxProblem,
    TableRole,
    TaskOrigin,
    TextSource,
)
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.publish import JobLineage

T = TypeVar("T")


class HttpClient:
    """A :class:`~airflow_provider_sqlflow.client.base.SqlFlowClient` over a SQLFlow service.

    Connects at the first call. May be shared between threads and event loops. Besides the errors of the
    protocol every method raises those of ``errors.ClientError``; what is retryable has been retried.

    Args:
        remote: where the service is, and who asks.
        settings: limits of the sources that are sent.
    """

    def __init__(self, remote: HttpSettings, settings: Settings | None = None) -> None:
        self._jobs = RemoteJobs(remote)
        self._settings = settings or Settings()

    @property
    def resume_seconds(self) -> float | None:
        """After how long a job whose process was lost may be taken over: a service sees to that itself."""
        return None

    def submit_job(self, request: JobRequest) -> Job:
        """See the protocol. The service goes on by itself when this returns."""
        check_request(request)
        is_findable = request.idempotency_key is not None
        with ExitStack() as stack:
            upload = prepare(request, self._settings, stack)
            fields = {**submit_fields(request, upload.dialect), **upload.fields}
            return self._run(self._jobs.submit(fields, upload.open_parts, is_findable=is_findable))

    def submit_persist_job(
        self,
        request: JobRequest,
        job_id: JobId | None = None,
        *,
        incremental: bool = True,
        schedule: Schedule | None = None,
    ) -> Job:
        """See the protocol. An idempotency key only marks the job's name."""
        check_request(request)
        fields = persist_fields(job_id, incremental, schedule, self._jobs.settings.timezone)
        with ExitStack() as stack:
            upload = prepare(request, self._settings, stack)
            fields |= {**submit_fields(request, upload.dialect), **upload.fields}
            return self._run(self._jobs.submit_persist(fields, upload.open_parts))

    def rerun_job(self, job_id: JobId, *, origin: TaskOrigin | None = None) -> Job:
        """See the protocol. The service runs the sources that it was sent, and keeps no origin."""
        return self._run(self._jobs.rerun(job_id))

    def resume_job(self, job_id: JobId) -> Job:
        """Look a job up; the service sees to it that it runs."""
        return self.get_job(job_id)

    def get_request(self, job_id: JobId) -> None:
        """See the protocol. Services do not tell."""

    def get_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return self._run(self._jobs.get(job_id))

    async def aget_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return await io_loop.arun(self._jobs.get(job_id))

    def list_jobs(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """See the protocol. Only the account's own jobs."""
        return self._run(self._jobs.page(where, limit, offset))

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """See the protocol. Statements are not counted; causes come from the lineage document."""
        found = self._run(self._jobs.job_object(job_id))
        files = read_files(found, run)
        if not any(file.status is JobStatus.PARTIAL_SUCCESS for file in files):
            return files
        return file_causes(self._jobs, found, files)

    def list_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """See the protocol."""
        return self._run(self._jobs.runs(job_id))

    def list_tables(self, job_id: JobId, role: TableRole | None = None) -> tuple[JobTable, ...]:
        """The tables that a job's result reads or writes, by name; empty without a result."""
        return tables_of(self._jobs, job_id, role)

    def list_instances(
        self,
        table: str,
        role: TableRole | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> InstancePage:
        """Not on a service.

        Raises:
            NotSupportedError: a service does not know which Airflow task submitted a job.
        """
        raise NotSupportedError(
            "a SQLFlow service does not know which Airflow tasks submitted its jobs; the embedded engine does"
        )

    def find_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """Not on a service.

        Raises:
            NotSupportedError: a service finds no jobs by table.
        """
        raise NotSupportedError(
            f"a SQLFlow service finds no jobs by table ({table}): wait for a job by its id, or use the "
            "embedded engine"
        )

    async def afind_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """:meth:`find_last_run` for an event loop."""
        return self.find_last_run(table, role)

    def cancel_job(self, job_id: JobId) -> Job:
        """See the protocol. A service can only delete, so the job comes back as ``delete``.

        Raises:
            NotSupportedError: a persist job is running; deleting it would lose its batches.
        """
        return self._run(self._jobs.cancel(job_id))

    async def acancel_job(self, job_id: JobId) -> Job:
        """:meth:`cancel_job` for an event loop."""
        return await io_loop.arun(self._jobs.cancel(job_id))

    def delete_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return self._run(self._jobs.delete(job_id))

    def set_schedule(self, job_id: JobId, schedule: Schedule | None) -> Job:
        """See the protocol. The time zone must be the service's; removing is :meth:`cancel_schedule`."""
        if schedule is None:
            return self.cancel_schedule(job_id)
        return self._run(self._jobs.set_schedule(job_id, schedule))

    def pause_schedule(self, job_id: JobId, *, is_paused: bool = True) -> Job:
        """See the protocol."""
        return self._run(self._jobs.pause_schedule(job_id, is_paused=is_paused))

    def resume_schedule(self, job_id: JobId) -> Job:
        """Let a paused schedule go on."""
        return self.pause_schedule(job_id, is_paused=False)

    def cancel_schedule(self, job_id: JobId) -> Job:
        """End a job's schedule. A service keeps it, paused: it has no operation to drop one."""
        return self.pause_schedule(job_id)

    def list_scheduled(self) -> tuple[Job, ...]:
        """See the protocol."""
        return self._run(self._jobs.list_scheduled())

    def export_job(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        """See the protocol. ``json``, ``csv`` and ``graphml`` are the service's own; others are made here."""
        return export_remote(self._jobs, job_id, format, path, options)

    def get_lineage(self, job_id: JobId) -> JobLineage:
        """See the protocol. Without the SQL, which a service keeps to itself."""
        return lineage_of(self._jobs, job_id)

    def check_syntax(self, source: TextSource, dialect: str) -> tuple[SyntaxProblem, ...]:
        """What the service's parser refuses in a text, with places; nothing when all is well."""
        return self._run(self._jobs.check_syntax(source, dialect))

    def job_url(self, job_id: JobId) -> str:
        """Where people see the job in a browser: nowhere that is documented."""
        return ""

    def ping(self) -> str:
        """See the protocol."""
        count = self._run(self._jobs.count())
        remote = self._jobs.settings
        return f"SQLFlow service {remote.base_url}, user {remote.user_id}, {count} jobs"

    def close(self) -> None:
        """See the protocol. A later call connects again."""
        if self._jobs.is_open:
            self._run(self._jobs.close())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return io_loop.run(work)
