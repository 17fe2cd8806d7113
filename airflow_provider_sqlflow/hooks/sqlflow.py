"""The hook: an Airflow connection turned into a client for lineage jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError, SqlFlowError
from airflow_provider_sqlflow.hooks.connection import embedded_settings, is_remote, remote_options, secrets_of

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_sqlflow.client.base import SqlFlowClient
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
    from airflow_provider_sqlflow.jobs.publish import JobLineage
    from airflow_provider_sqlflow.settings import Settings

Answer = TypeVar("Answer")


class SqlFlowHook(BaseHook):
    """Submits, watches, cancels and exports lineage jobs.

    A connection with a host means a SQLFlow service. One without means the embedded engine: jobs run in
    the calling process. When the default connection is not defined at all, the embedded engine works with
    the options of the ``[sqlflow]`` section. Any other connection id must exist.

    Methods whose names begin with ``a`` are for event loops, which they never block. What goes wrong is a
    :class:`~airflow_provider_sqlflow.errors.SqlFlowError`, whose ``retryable`` says whether a retry may help.

    Args:
        sqlflow_conn_id: id of a connection of type ``sqlflow``.
        client: use this client instead of opening one from the connection.
    """

    conn_name_attr = "sqlflow_conn_id"
    default_conn_name = "sqlflow_default"
    conn_type = "sqlflow"
    hook_name = "SQLFlow"

    def __init__(
        self, sqlflow_conn_id: str = default_conn_name, *, client: SqlFlowClient | None = None
    ) -> None:
        super().__init__()
        self.sqlflow_conn_id = sqlflow_conn_id
        self._client = client

    # -- the client

    def get_conn(self) -> SqlFlowClient:
        """The client, opened at the first call and kept until :meth:`close`.

        Raises:
            ConfigError: the connection has a field that cannot be used.
            AirflowNotFoundException: the connection is neither defined nor the default one.
        """
        if self._client is None:
            self._client = _open_client(self._connection())
        return self._client

    async def aget_conn(self) -> SqlFlowClient:
        """:meth:`get_conn` for an event loop."""
        if self._client is None:
            connection = await self._aconnection()
            # Opening imports the engine's packages, which takes longer than an event loop may block.
            self._client = await asyncio.to_thread(_open_client, connection)
        return self._client

    def close(self) -> None:
        """Close the client; the next call opens another one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def test_connection(self) -> tuple[bool, str]:
        """What the connection form's test button shows: whether jobs can be submitted, and one line."""
        try:
            return True, self.get_conn().ping()
        except (SqlFlowError, AirflowNotFoundException) as error:
            return False, str(error)
        finally:
            self.close()

    # -- submitting

    def submit_job(self, request: JobRequest) -> Job:
        """Create a job and hand it to its runner; the embedded engine ends it before returning."""
        return self.get_conn().submit_job(request)

    async def asubmit_job(self, request: JobRequest) -> Job:
        """:meth:`submit_job` for an event loop."""
        return await self._in_thread(lambda client: client.submit_job(request))

    def submit_persist_job(
        self,
        request: JobRequest,
        job_id: JobId | None = None,
        *,
        incremental: bool = True,
        schedule: Schedule | None = None,
    ) -> Job:
        """Create a persist job, or run one again over more sources (or, not ``incremental``, over others)."""
        return self.get_conn().submit_persist_job(request, job_id, incremental=incremental, schedule=schedule)

    async def asubmit_persist_job(
        self,
        request: JobRequest,
        job_id: JobId | None = None,
        *,
        incremental: bool = True,
        schedule: Schedule | None = None,
    ) -> Job:
        """:meth:`submit_persist_job` for an event loop."""
        return await self._in_thread(
            lambda client: client.submit_persist_job(
                request, job_id, incremental=incremental, schedule=schedule
            )
        )

    def resume_job(self, job_id: JobId) -> Job:
        """Look a job up, and see to it that it is run if it has not ended and nobody else runs it."""
        return self.get_conn().resume_job(job_id)

    async def aresume_job(self, job_id: JobId) -> Job:
        """:meth:`resume_job` for an event loop."""
        return await self._in_thread(lambda client: client.resume_job(job_id))

    def rerun_job(self, job_id: JobId, *, origin: TaskOrigin | None = None) -> Job:
        """Run an ended job again over the same sources, as they are now."""
        return self.get_conn().rerun_job(job_id, origin=origin)

    async def arerun_job(self, job_id: JobId, *, origin: TaskOrigin | None = None) -> Job:
        """:meth:`rerun_job` for an event loop."""
        return await self._in_thread(lambda client: client.rerun_job(job_id, origin=origin))

    # -- looking up

    def get_job(self, job_id: JobId) -> Job:
        """Look a job up; :class:`~airflow_provider_sqlflow.errors.JobNotFoundError` when there is none."""
        return self.get_conn().get_job(job_id)

    async def aget_job(self, job_id: JobId) -> Job:
        """:meth:`get_job` for an event loop."""
        return await (await self.aget_conn()).aget_job(job_id)

    def list_jobs(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """Jobs that match, newest first."""
        return self.get_conn().list_jobs(where, limit, offset)

    async def alist_jobs(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """:meth:`list_jobs` for an event loop."""
        return await self._in_thread(lambda client: client.list_jobs(where, limit, offset))

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """What became of each file of a run (the job's last one unless told), in input order."""
        return self.get_conn().list_files(job_id, run)

    async def alist_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """:meth:`list_files` for an event loop."""
        return await self._in_thread(lambda client: client.list_files(job_id, run))

    def list_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """The runs of a job, newest first."""
        return self.get_conn().list_runs(job_id)

    async def alist_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """:meth:`list_runs` for an event loop."""
        return await self._in_thread(lambda client: client.list_runs(job_id))

    def list_tables(self, job_id: JobId, role: TableRole | None = None) -> tuple[JobTable, ...]:
        """The tables that a job's last result reads or writes, by name; empty without a result."""
        return self.get_conn().list_tables(job_id, role)

    async def alist_tables(self, job_id: JobId, role: TableRole | None = None) -> tuple[JobTable, ...]:
        """:meth:`list_tables` for an event loop."""
        return await self._in_thread(lambda client: client.list_tables(job_id, role))

    def list_instances(
        self,
        table: str,
        role: TableRole | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> InstancePage:
        """Runs submitted by Airflow tasks in a time range that read or write a table, newest first."""
        return self.get_conn().list_instances(table, role, start, end, limit, offset)

    async def alist_instances(
        self,
        table: str,
        role: TableRole | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> InstancePage:
        """:meth:`list_instances` for an event loop."""
        return await self._in_thread(
            lambda client: client.list_instances(table, role, start, end, limit, offset)
        )

    def find_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """The run with a result, of any job, that ended last and reads or writes a table."""
        return self.get_conn().find_last_run(table, role)

    async def afind_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """:meth:`find_last_run` for an event loop."""
        return await (await self.aget_conn()).afind_last_run(table, role)

    # -- ending

    def cancel_job(self, job_id: JobId) -> Job:
        """Stop a job; one that has ended is returned as it is."""
        return self.get_conn().cancel_job(job_id)

    async def acancel_job(self, job_id: JobId) -> Job:
        """:meth:`cancel_job` for an event loop."""
        return await (await self.aget_conn()).acancel_job(job_id)

    def delete_job(self, job_id: JobId) -> Job:
        """Remove a job's results and mark it deleted."""
        return self.get_conn().delete_job(job_id)

    async def adelete_job(self, job_id: JobId) -> Job:
        """:meth:`delete_job` for an event loop."""
        return await self._in_thread(lambda client: client.delete_job(job_id))

    # -- schedules

    def set_schedule(self, job_id: JobId, schedule: Schedule | None) -> Job:
        """Replace a persist job's schedule; ``None`` removes it."""
        return self.get_conn().set_schedule(job_id, schedule)

    async def aset_schedule(self, job_id: JobId, schedule: Schedule | None) -> Job:
        """:meth:`set_schedule` for an event loop."""
        return await self._in_thread(lambda client: client.set_schedule(job_id, schedule))

    def pause_schedule(self, job_id: JobId, *, is_paused: bool = True) -> Job:
        """Let a persist job's schedule rest, or go on."""
        return self.get_conn().pause_schedule(job_id, is_paused=is_paused)

    async def apause_schedule(self, job_id: JobId, *, is_paused: bool = True) -> Job:
        """:meth:`pause_schedule` for an event loop."""
        return await self._in_thread(lambda client: client.pause_schedule(job_id, is_paused=is_paused))

    def list_scheduled(self) -> tuple[Job, ...]:
        """Jobs with a schedule, paused ones too, by id."""
        return self.get_conn().list_scheduled()

    async def alist_scheduled(self) -> tuple[Job, ...]:
        """:meth:`list_scheduled` for an event loop."""
        return await self._in_thread(lambda client: client.list_scheduled())

    # -- results and texts

    def export_job(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        """Write a job's result to a local file, whole or not at all."""
        return self.get_conn().export_job(job_id, format, path, options)

    def get_request(self, job_id: JobId) -> JobRequest | None:
        """What a job was asked, all its batches together; ``None`` where a service keeps that."""
        return self.get_conn().get_request(job_id)

    async def aget_request(self, job_id: JobId) -> JobRequest | None:
        """:meth:`get_request` for an event loop."""
        return await self._in_thread(lambda client: client.get_request(job_id))

    def get_lineage(self, job_id: JobId) -> JobLineage:
        """What a job found, with the SQL that it read."""
        return self.get_conn().get_lineage(job_id)

    def store_settings(self) -> Settings:
        """Settings with the job store of the connection.

        Raises:
            ConfigError: the connection has a host: a remote service has no store of ours.
            AirflowNotFoundException: as in :meth:`get_conn`.
        """
        connection = self._connection()
        if connection is not None and is_remote(connection):
            raise ConfigError(
                f"connection {connection.conn_id} has a host: a remote service has no store of ours"
            )
        return embedded_settings(conf.settings(), connection)

    async def aget_lineage(self, job_id: JobId) -> JobLineage:
        """:meth:`get_lineage` for an event loop."""
        return await self._in_thread(lambda client: client.get_lineage(job_id))

    async def aexport_job(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        """:meth:`export_job` for an event loop."""
        return await self._in_thread(lambda client: client.export_job(job_id, format, path, options))

    def check_syntax(self, source: TextSource, dialect: str) -> tuple[SyntaxProblem, ...]:
        """What would not be understood of a text, in reading order."""
        return self.get_conn().check_syntax(source, dialect)

    async def acheck_syntax(self, source: TextSource, dialect: str) -> tuple[SyntaxProblem, ...]:
        """:meth:`check_syntax` for an event loop."""
        return await self._in_thread(lambda client: client.check_syntax(source, dialect))

    def job_url(self, job_id: JobId) -> str:
        """Where people see the job in a browser; empty where there is no such page."""
        return self.get_conn().job_url(job_id) or conf.job_url(str(job_id))

    def lineage_url(self, job_id: JobId) -> str:
        """Where people see the job's lineage in a browser; empty where there is no such page."""
        return conf.lineage_url(str(job_id))

    # -- steps

    async def _in_thread(self, work: Callable[[SqlFlowClient], Answer]) -> Answer:
        client = await self.aget_conn()
        return await asyncio.to_thread(work, client)

    def _connection(self) -> Connection | None:
        try:
            return self.get_connection(self.sqlflow_conn_id)
        except AirflowNotFoundException:
            if not self._may_be_missing():
                raise
            return None

    async def _aconnection(self) -> Connection | None:
        try:
            return await self.aget_connection(self.sqlflow_conn_id)
        except AirflowNotFoundException:
            if not self._may_be_missing():
                raise
            return None

    def _may_be_missing(self) -> bool:
        if self.sqlflow_conn_id != self.default_conn_name:
            return False
        self.log.info(
            "Connection %s is not defined: jobs run in the embedded engine with the [sqlflow] options",
            self.sqlflow_conn_id,
        )
        return True


def _open_client(connection: Connection | None) -> SqlFlowClient:
    settings = embedded_settings(conf.settings(), connection)
    for secret in secrets_of(connection, settings):
        mask_secret(secret)
    if connection is not None and is_remote(connection):
        from airflow_provider_sqlflow.client.http.client import HttpClient
        from airflow_provider_sqlflow.client.http.settings import settings_from

        try:
            remote = settings_from(**remote_options(connection))
            return HttpClient(replace(remote, on_token=mask_secret), settings)
        except ConfigError as error:
            raise ConfigError(f"connection {connection.conn_id}: {error}") from None
    from airflow_provider_sqlflow.client.embedded import EmbeddedClient

    return EmbeddedClient(settings)
