"""The hook: an Airflow connection turned into a client for lineage jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError, SqlFlowError
from airflow_provider_sqlflow.hooks.connection import embedded_settings, is_remote, remote_options

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_sqlflow.client.base import SqlFlowClient
    from airflow_provider_sqlflow.jobs.model import (
        ExportSummary,
        Job,
        JobFile,
        JobFilter,
        JobId,
        JobPage,
        JobRequest,
    )
    from airflow_provider_sqlflow.jobs.publish import JobLineage
    from airflow_provider_sqlflow.settings import Settings


class SqlFlowHook(BaseHook):
    """Submits, watches, cancels and exports lineage jobs.

    A connection with a host means a SQLFlow service. One without means the embedded engine: jobs run in
    the calling process. When the default connection is not defined at all, the embedded engine works with
    the options of the ``[sqlflow]`` section. Any other connection id must exist.

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

    def submit_job(self, request: JobRequest) -> Job:
        """Create a job and hand it to its runner; the embedded engine ends it before returning."""
        return self.get_conn().submit_job(request)

    def get_job(self, job_id: JobId) -> Job:
        """Look a job up; :class:`~airflow_provider_sqlflow.errors.JobNotFoundError` when there is none."""
        return self.get_conn().get_job(job_id)

    async def aget_job(self, job_id: JobId) -> Job:
        """:meth:`get_job` for an event loop."""
        return await (await self.aget_conn()).aget_job(job_id)

    def list_jobs(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """Jobs that match, newest first."""
        return self.get_conn().list_jobs(where, limit, offset)

    def list_files(self, job_id: JobId) -> tuple[JobFile, ...]:
        """What became of each file of a job, in input order."""
        return self.get_conn().list_files(job_id)

    def cancel_job(self, job_id: JobId) -> Job:
        """Stop a job; one that has ended is returned as it is."""
        return self.get_conn().cancel_job(job_id)

    async def acancel_job(self, job_id: JobId) -> Job:
        """:meth:`cancel_job` for an event loop."""
        return await (await self.aget_conn()).acancel_job(job_id)

    def export_job(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        """Write a job's result to a local file, whole or not at all."""
        return self.get_conn().export_job(job_id, format, path, options)

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

    def test_connection(self) -> tuple[bool, str]:
        """What the connection form's test button shows: whether jobs can be submitted, and one line."""
        try:
            return True, self.get_conn().ping()
        except (SqlFlowError, AirflowNotFoundException) as error:
            return False, str(error)
        finally:
            self.close()

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
    if connection is not None and is_remote(connection):
        from airflow_provider_sqlflow.client.http.client import HttpClient
        from airflow_provider_sqlflow.client.http.settings import settings_from

        try:
            return HttpClient(settings_from(**remote_options(connection)), settings)
        except ConfigError as error:
            raise ConfigError(f"connection {connection.conn_id}: {error}") from None
    from airflow_provider_sqlflow.client.embedded import EmbeddedClient

    return EmbeddedClient(settings)
