"""Operators that submit lineage jobs, export their results, and end them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf as airflow_conf

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.ingest.urls import is_url
from airflow_provider_sqlflow.jobs.model import (
    DEFAULT_QUEUE,
    NOT_DELETED,
    Job,
    JobFilter,
    JobId,
    JobKind,
    JobRequest,
    Schedule,
)
from airflow_provider_sqlflow.operators.ending import SqlFlowCancelJobOperator, SqlFlowDeleteJobOperator
from airflow_provider_sqlflow.operators.export import SqlFlowExportOperator
from airflow_provider_sqlflow.operators.openlineage import TaskLineage
from airflow_provider_sqlflow.operators.sources import (
    TaskInput,
    database_source,
    path_sources,
    text_sources,
)
from airflow_provider_sqlflow.operators.submission import submit_once
from airflow_provider_sqlflow.operators.syntax import SqlFlowCheckSyntaxOperator
from airflow_provider_sqlflow.operators.templates import SqlTemplates
from airflow_provider_sqlflow.operators.waiting import JOB_ID_XCOM_KEY, KILL_SECONDS, JobOperator

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

__all__ = [
    "JOB_ID_XCOM_KEY",
    "KILL_SECONDS",
    "SqlFlowCancelJobOperator",
    "SqlFlowCheckSyntaxOperator",
    "SqlFlowDeleteJobOperator",
    "SqlFlowExportOperator",
    "SqlFlowSubmitJobOperator",
    "SqlFlowSubmitPersistJobOperator",
]


class SqlFlowSubmitJobOperator(TaskLineage, SqlTemplates, JobOperator):
    """Submit a lineage job and, unless told otherwise, wait for its end.

    Returns the job as a dict: ``job_id``, ``job_name``, ``dialect``, ``status``, ``error`` and
    ``counts`` (files, statements, relations, column edges, diagnostics). The job's id is also pushed
    under the XCom key ``job_id`` as soon as it is known, so that ``operator.output["job_id"]`` names it.

    A job that ends as ``fail`` fails the task without retry, as does an input that cannot be used.
    Statements that cannot be understood make the job ``partial_success``: they are logged with file,
    line and column, and the task passes unless ``fail_on_partial`` is set.

    A try that was killed is gone on with: the next one finds its job, if the input is still the same.

    Args:
        sql: SQL text, or a list of texts, or names ending in ``.sql`` that Airflow loads as templates
            from the Dag's folder (templated).
        paths: files, folders, archives, URLs or anything else that
            :class:`~airflow_provider_sqlflow.jobs.model.PathSource` takes, one or a list; relative paths
            start at the Dag file's folder. Their text is not rendered as a template (paths templated).
        storage_conn_id: Airflow connection that opens the URLs in ``paths``; an ``ObjectStoragePath`` may
            bring its own. Without one, the worker's own credentials do (templated).
        csv_layout: ``columns``, ``enclose`` and ``escape`` of ``*.csv`` in ``paths``, where they have not
            SQLFlow's default layout (templated).
        database_conn_id: connection of a database (any ``DbApiHook``) whose views and routines are
            analysed, with its columns as catalog (templated).
        database_schemas: only these schemas of the database; all but the system's own by default (templated).
        dialect: name of the SQL dialect, as sqlglot or SQLFlow spells it; ``auto`` where a database, a dbt
            project or database metadata says it (templated).
        job_name: what lists and exported files call the job; by default ``dag_id.task_id``, with the
            map index for a mapped task (templated).
        tags: words to find the job by; the operator adds one that names the task instance (templated).
        default_database: completes names that give no database (templated).
        default_schema: completes names that give no schema (templated).
        catalog: columns of relations that the SQL does not declare, by dotted name (templated).
        job_queue: which ``sqlflow worker`` processes may run the job (templated).
        wait_for_termination: ``False`` returns after the submit; a
            :class:`~airflow_provider_sqlflow.sensors.sqlflow.SqlFlowJobSensor` can wait.
        deferrable: wait in the triggerer instead of a worker slot.
        poll_interval: seconds between two looks; by default ``[sqlflow] poll_interval``.
        timeout: seconds after which the job is cancelled and the task fails; ``None`` sets no limit.
        fail_on_partial: fail the task when some statement or file gave no lineage.
        cancel_on_kill: cancel the job when the task is killed, cleared or marked while it waits.
        emit_assets: add events for the tables written to every ``AssetAlias`` among the task's outlets.
        dataset_namespace: OpenLineage namespace of the tables in these events, such as
            ``postgres://db.example.com:5432`` (templated).
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = (
        "sql",
        "paths",
        "storage_conn_id",
        "csv_layout",
        "database_conn_id",
        "database_schemas",
        "dialect",
        "job_name",
        "tags",
        "default_database",
        "default_schema",
        "catalog",
        "job_queue",
        "dataset_namespace",
        "sqlflow_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql", "catalog": "json", "csv_layout": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        dialect: str,
        sql: str | list[str] | None = None,
        paths: str | ObjectStoragePath | list[str | ObjectStoragePath] | None = None,
        storage_conn_id: str | None = None,
        csv_layout: Mapping[str, str] | None = None,
        database_conn_id: str | None = None,
        database_schemas: Sequence[str] = (),
        job_name: str = "",
        tags: Sequence[str] = (),
        default_database: str | None = None,
        default_schema: str | None = None,
        catalog: Mapping[str, Sequence[str]] | None = None,
        job_queue: str = DEFAULT_QUEUE,
        wait_for_termination: bool = True,
        deferrable: bool = airflow_conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | None = None,
        timeout: float | None = None,
        fail_on_partial: bool = False,
        cancel_on_kill: bool = True,
        emit_assets: bool = True,
        dataset_namespace: str = "",
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            wait_for_termination=wait_for_termination,
            deferrable=deferrable,
            poll_interval=poll_interval,
            timeout=timeout,
            fail_on_partial=fail_on_partial,
            cancel_on_kill=cancel_on_kill,
            emit_assets=emit_assets,
            dataset_namespace=dataset_namespace,
            sqlflow_conn_id=sqlflow_conn_id,
            **kwargs,
        )
        self.sql = sql
        self.paths = paths
        self.storage_conn_id = storage_conn_id
        self.csv_layout = csv_layout
        self.database_conn_id = database_conn_id
        self.database_schemas = database_schemas
        self.dialect = dialect
        self.job_name = job_name
        self.tags = tags
        self.default_database = default_database
        self.default_schema = default_schema
        self.catalog = catalog
        self.job_queue = job_queue

    @cached_property
    def database_hook(self) -> Any:
        """The hook of ``database_conn_id``, as its provider makes it."""
        return BaseHook.get_connection(str(self.database_conn_id)).get_hook()  # type: ignore[no-untyped-call]

    def lineage_files(self) -> list[str]:
        """The paths, from the Dag file's folder."""
        given = (
            [self.paths] if isinstance(self.paths, str) or not isinstance(self.paths, list) else self.paths
        )
        paths = [str(path) for path in given if path]
        return [path if is_url(path) else str(Path(self.dag.folder) / path) for path in paths]

    def _submit(self, context: Context) -> Job:
        from airflow_provider_sqlflow.jobs.fingerprint import content_digest

        request = self._request(context)
        content = content_digest(request.sources, conf.settings())
        return submit_once(self.hook, request, content, context, self.hook.submit_job)

    def _request(self, context: Context) -> JobRequest:
        given = self._input()
        says_dialect = given.dialect and self.dialect.strip().lower() in ("", "auto")
        own = {name: tuple(columns) for name, columns in (self.catalog or {}).items()}
        return JobRequest(
            name=self.job_name or self._default_name(context),
            dialect=given.dialect if says_dialect else self.dialect,
            sources=given.sources,
            owner=self.owner,
            tags=tuple(self.tags),
            default_database=self.default_database or given.default_database or None,
            default_schema=self.default_schema or None,
            catalog={**given.catalog, **own},
            queue=self.job_queue or DEFAULT_QUEUE,
        )

    def _default_name(self, context: Context) -> str:
        ti = context["ti"]
        name = f"{ti.dag_id}.{ti.task_id}"
        return f"{name}.{ti.map_index}" if ti.map_index is not None and ti.map_index >= 0 else name

    def _input(self) -> TaskInput:
        if not self.sql and not self.paths and not self.database_conn_id:
            raise ConfigError(
                f"task {self.task_id}: neither sql nor paths nor database_conn_id is given, so there is "
                "nothing to analyse"
            )
        found = path_sources(
            self.paths, Path(self.dag.folder), self.csv_layout, self.storage_conn_id, conf.settings()
        )
        texts = text_sources(self.sql, self.task_id)
        if not self.database_conn_id:
            return replace(found, sources=(*texts, *found.sources))
        read = database_source(self.database_hook, tuple(self.database_schemas), with_routines=True)
        return replace(
            read,
            sources=(*texts, *found.sources, *read.sources),
            catalog={**read.catalog, **found.catalog},
        )


class SqlFlowSubmitPersistJobOperator(SqlFlowSubmitJobOperator):
    """Submit to a persist job: one that lives on, and is run again over what it has and what is added.

    Only files that changed are analysed again. Without ``job_id`` the sources go to the persist job of this
    name and owner, which the first run creates; so a scheduled Dag feeds one job. Takes what
    :class:`SqlFlowSubmitJobOperator` takes, and returns the same.

    Args:
        job_id: the job to add to; empty means the persist job that has this name (templated).
        incremental: whether the sources join those that the job has; else they replace them.
        schedule: cron expression after which the job is to run by itself, in five fields or as Quartz writes
            it; ``None`` leaves the job's schedule as it is (templated).
        schedule_timezone: IANA name of the zone of ``schedule`` (templated).
        schedule_paused: give the schedule, but let it rest.
    """

    template_fields: Sequence[str] = (
        *SqlFlowSubmitJobOperator.template_fields,
        "job_id",
        "schedule",
        "schedule_timezone",
    )

    def __init__(
        self,
        *,
        job_id: str = "",
        incremental: bool = True,
        schedule: str | None = None,
        schedule_timezone: str = "UTC",
        schedule_paused: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.incremental = incremental
        self.schedule = schedule
        self.schedule_timezone = schedule_timezone
        self.schedule_paused = schedule_paused

    def _submit(self, context: Context) -> Job:
        from airflow_provider_sqlflow.jobs.fingerprint import content_digest

        request = self._request(context)
        content = content_digest(request.sources, conf.settings())
        return submit_once(self.hook, request, content, context, self._submit_batch)

    def _submit_batch(self, request: JobRequest) -> Job:
        schedule = None
        if self.schedule:
            schedule = Schedule(self.schedule, self.schedule_timezone, self.schedule_paused)
        job_id = JobId(self.job_id) if self.job_id else self._job_of_that_name(request)
        return self.hook.submit_persist_job(request, job_id, incremental=self.incremental, schedule=schedule)

    def _job_of_that_name(self, request: JobRequest) -> JobId | None:
        """The newest persist job with exactly this name and owner."""
        from airflow_provider_sqlflow.jobs.lookup import iter_jobs

        where = JobFilter(status=NOT_DELETED, name=request.name, owner=request.owner)
        for job in iter_jobs(self.hook.list_jobs, where):
            if job.name == request.name and job.kind is JobKind.PERSIST:
                return job.id
        return None
