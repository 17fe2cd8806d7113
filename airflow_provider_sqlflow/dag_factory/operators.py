"""The tasks of a persist job's Dag that no other operator does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import JobTransitionError
from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, job_summary
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.ingest.urls import is_url
from airflow_provider_sqlflow.jobs.model import (
    NOT_DELETED,
    Job,
    JobFilter,
    JobId,
    JobKind,
    JobRequest,
    JobSource,
    JobStatus,
    PathSource,
    TaskOrigin,
    TextSource,
    source_key,
)
from airflow_provider_sqlflow.jobs.schedules.model import JOB_TAG_PREFIX
from airflow_provider_sqlflow.operators.outlets import emit_assets
from airflow_provider_sqlflow.operators.sqlflow import JOB_ID_XCOM_KEY, SqlFlowExportOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_sqlflow.client.base import SqlFlowClient

AUTO_DIALECT = "auto"
TABLES_ALIAS = "sqlflow_lineage"
"""The alias of events of tables."""


class _ClientOperator(Connected, BaseOperator):
    """A task that talks to the client of a connection."""

    ui_color = "#dcedf7"

    def __init__(self, *, sqlflow_conn_id: str = SqlFlowHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sqlflow_conn_id = sqlflow_conn_id

    @contextmanager
    def _client(self) -> Iterator[SqlFlowClient]:
        try:
            with airflow_errors():
                yield self.hook.get_conn()
        finally:
            self.hook.close()


class SqlFlowFetchJobOperator(_ClientOperator):
    """Look whether a persist job is still to run, and list what its sources hold now.

    A scheduled run of a job whose schedule was cancelled or paused since the Dag was parsed is skipped.
    Returns the job's id, name and how many files its sources have.

    Args:
        job_id: the job in the store (templated).
        sqlflow_conn_id: id of the connection.
    """

    template_fields: Sequence[str] = ("job_id",)

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, and list.

        Raises:
            AirflowSkipException: the schedule is gone.
            AirflowFailException: the job is deleted, or a source is missing, empty or unreadable.
        """
        with self._client() as client:
            job = client.get_job(JobId(self.job_id))
            if job.status is JobStatus.DELETE:
                raise AirflowFailException(f"job {job.name} ({job.id}) is deleted")
            is_active = job.schedule is not None and not job.schedule.is_paused
            if not is_active and _is_scheduled(context):
                gone = "cancelled" if job.schedule is None else "paused"
                raise AirflowSkipException(f"the schedule of job {job.name} ({job.id}) is {gone}")
            request = client.get_request(job.id)
            files = () if request is None else _list_files(request.sources)
        self.log.info("Job %s (%s) has %d files", job.name, job.id, len(files))
        return {"job_id": str(job.id), "job_name": job.name, "files": len(files)}


class SqlFlowRunJobOperator(_ClientOperator):
    """Run a persist job again over its sources, analysing only what has changed.

    Returns the job as ``SqlFlowSubmitJobOperator`` does. A run that a killed try of the same task instance
    left behind is taken over; a run of somebody else's is waited for by Airflow's retries.

    Args:
        job_id: the job in the store (templated).
        sqlflow_conn_id: id of the connection.
    """

    template_fields: Sequence[str] = ("job_id",)

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Run.

        Raises:
            AirflowException: another run of the job has not ended.
            AirflowFailException: a source is missing, empty or unreadable.
        """
        context["ti"].xcom_push(key=JOB_ID_XCOM_KEY, value=self.job_id)
        origin = _origin(context)
        with self._client() as client:
            job = _taken_over(client, client.get_job(JobId(self.job_id)), origin)
            if job is None:
                with _others_runs(self.job_id):
                    job = client.rerun_job(JobId(self.job_id), origin=origin)
            return job_summary(job)


class _SourcesOperator(_ClientOperator):
    """A task that knows its sources itself."""

    def __init__(
        self,
        *,
        dialect: str,
        paths: str | Sequence[str] = (),
        sql: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dialect = dialect
        self.paths = paths
        self.sql = sql

    def _sources(self, name: str) -> tuple[JobSource, ...]:
        paths = [self.paths] if isinstance(self.paths, str) else self.paths
        folder = Path(self.dag.folder)
        return (
            *((TextSource(f"{name}.sql", self.sql),) if self.sql else ()),
            *(PathSource(path if is_url(path) else str(folder / path)) for path in paths),
        )


class SqlFlowFetchSourcesOperator(_SourcesOperator):
    """List what the sources of a declared job hold now; returns how many files that are.

    Args:
        dialect: SQL dialect (templated).
        paths: files, folders, archives, URLs and other sources; relative ones start at the Dag file's
            folder (templated).
        sql: SQL text (templated).
        sqlflow_conn_id: id of the connection.
    """

    template_fields: Sequence[str] = ("dialect", "paths", "sql")
    template_fields_renderers = {"sql": "sql"}  # noqa: RUF012  # Airflow's own type

    def execute(self, context: Context) -> dict[str, Any]:
        """List.

        Raises:
            AirflowFailException: a source is missing, empty or unreadable.
        """
        with airflow_errors():
            files = _list_files(self._sources(self.dag.dag_id))
        self.log.info("The sources have %d files", len(files))
        return {"files": len(files)}


class SqlFlowSubmitDeclaredJobOperator(_SourcesOperator):
    """Submit a declared job: a new persist job the first time, then another run of the same one.

    What the declaration says is what the job has: sources that it no longer names leave the job. Only files
    that have changed are analysed. The job is found again by a tag that names the Dag.

    Args:
        job_name: what lists and exported files call the job.
        dialect: SQL dialect (templated).
        paths: files, folders, archives, URLs and other sources; relative ones start at the Dag file's
            folder (templated).
        sql: SQL text (templated).
        default_database: completes names that give no database (templated).
        default_schema: completes names that give no schema (templated).
        catalog: columns of tables that the SQL does not declare, by dotted name.
        tags: words to find the job by.
        sqlflow_conn_id: id of the connection.
    """

    template_fields: Sequence[str] = ("dialect", "paths", "sql", "default_database", "default_schema")
    template_fields_renderers = {"sql": "sql"}  # noqa: RUF012  # Airflow's own type

    def __init__(
        self,
        *,
        job_name: str,
        default_database: str | None = None,
        default_schema: str | None = None,
        catalog: Mapping[str, Sequence[str]] | None = None,
        tags: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_name = job_name
        self.default_database = default_database
        self.default_schema = default_schema
        self.catalog = catalog
        self.tags = tags

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit.

        Raises:
            AirflowException: another run of the job has not ended.
            AirflowFailException: a source is missing, empty or unreadable.
        """
        request = self._request(context)
        assert request.origin is not None  # noqa: S101  # made above
        with self._client() as client:
            kept = self._find(client, request)
            job = None if kept is None else _taken_over(client, kept, request.origin)
            if job is None:
                with _others_runs(self.job_name):
                    job = self._submit(client, kept, request)
            context["ti"].xcom_push(key=JOB_ID_XCOM_KEY, value=str(job.id))
            return job_summary(job)

    def _request(self, context: Context) -> JobRequest:
        return JobRequest(
            name=self.job_name,
            dialect=self.dialect,
            sources=self._sources(self.job_name),
            owner=self.owner,
            tags=(*self.tags, self._tag()),
            default_database=self.default_database or None,
            default_schema=self.default_schema or None,
            catalog={table: tuple(columns) for table, columns in (self.catalog or {}).items()},
            origin=_origin(context),
        )

    def _tag(self) -> str:
        return f"{JOB_TAG_PREFIX}{self.dag.dag_id}"

    def _find(self, client: SqlFlowClient, request: JobRequest) -> Job | None:
        """The job of this Dag, unless the declaration has become another job's."""
        from airflow_provider_sqlflow.jobs.inputs import named_dialect
        from airflow_provider_sqlflow.jobs.lookup import iter_jobs

        for job in iter_jobs(client.list_jobs, JobFilter(status=NOT_DELETED, tag=self._tag())):
            if job.kind is not JobKind.PERSIST:
                continue
            kept = client.get_request(job.id)
            is_same = named_dialect(request.dialect) in (AUTO_DIALECT, job.dialect)
            return job if is_same and (kept is None or _keeps_defaults(kept, request)) else None
        return None

    def _submit(self, client: SqlFlowClient, kept: Job | None, request: JobRequest) -> Job:
        from dataclasses import replace

        if kept is None:
            return client.submit_persist_job(request)
        before = client.get_request(kept.id)
        return client.submit_persist_job(
            replace(request, dialect=kept.dialect),
            kept.id,
            incremental=before is None or _only_grows(before, request),
        )


class SqlFlowExportJobOperator(SqlFlowExportOperator):
    """``SqlFlowExportOperator`` with relative paths below ``lineage`` in ``[sqlflow] home``."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the files."""
        path = str(self.output_path)
        if "://" not in path and not Path(path).is_absolute():
            self.output_path = f"{Path(conf.home(), 'lineage', path)}/"
        return super().execute(context)


class SqlFlowPublishOperator(_ClientOperator):
    """Tell that a job has new lineage: an event of the asset that stands for the job, and of tables.

    The asset's name is ``asset``, its URI ``x-sqlflow://job/`` and that. The event's ``extra`` has the job as
    ``SqlFlowSubmitJobOperator`` returns it, and the exported files; the task returns the same. Each table
    that the job writes has an event of its own, on the alias ``sqlflow_lineage``.

    Args:
        job_id: the job (templated).
        asset: name of the asset.
        export_task_id: the task of the same Dag that wrote the files; empty for none.
        sqlflow_conn_id: id of the connection.
    """

    template_fields: Sequence[str] = ("job_id",)

    def __init__(self, *, job_id: str, asset: str, export_task_id: str = "", **kwargs: Any) -> None:
        own = Asset(name=asset, uri=f"x-sqlflow://job/{asset}")
        super().__init__(outlets=[own, AssetAlias(TABLES_ALIAS)], **kwargs)
        self.job_id = job_id
        self.asset = asset
        self.export_task_id = export_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Publish."""
        with self._client() as client:
            job = client.get_job(JobId(self.job_id))
            extra = {**job_summary(job), "exports": self._exports(context)}
            own, _ = self.outlets
            context["outlet_events"][own].extra = extra
            emit_assets(self, self.hook, job, context, "", {"exports": extra["exports"]})
        return extra

    def _exports(self, context: Context) -> list[str]:
        """Paths of the files that the export task wrote."""
        if not self.export_task_id:
            return []
        exported = context["ti"].xcom_pull(task_ids=self.export_task_id)
        return [one["path"] for one in exported["exports"]] if exported else []


class SqlFlowProblemsOperator(BaseOperator):
    """Fails with what is wrong with declared jobs.

    Args:
        problems: a line each.
    """

    def __init__(self, *, problems: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problems = problems

    def execute(self, context: Context) -> None:
        """Fail.

        Raises:
            AirflowFailException: always.
        """
        raise AirflowFailException("\n".join(self.problems))


def _list_files(sources: tuple[JobSource, ...]) -> tuple[str, ...]:
    from airflow_provider_sqlflow.jobs.inputs import open_inputs

    return open_inputs(sources, conf.settings()).names


def _keeps_defaults(kept: JobRequest, new: JobRequest) -> bool:
    """Whether no default name is gone: a submit that gives none leaves a job's as it is."""
    return (new.default_database is not None or kept.default_database is None) and (
        new.default_schema is not None or kept.default_schema is None
    )


def _only_grows(kept: JobRequest, new: JobRequest) -> bool:
    """Whether sources and catalog are still all there, so that a batch that joins them says all."""
    keys = {source_key(source) for source in new.sources}
    are_all_there = all(source_key(source) in keys for source in kept.sources)
    return are_all_there and set(kept.catalog) <= set(new.catalog)


def _is_scheduled(context: Context) -> bool:
    return str(getattr(context["dag_run"].run_type, "value", context["dag_run"].run_type)) == "scheduled"


def _origin(context: Context) -> TaskOrigin:
    ti = context["ti"]
    map_index = -1 if ti.map_index is None else ti.map_index
    return TaskOrigin(ti.dag_id, ti.run_id, ti.task_id, map_index, ti.try_number)


def _taken_over(client: SqlFlowClient, job: Job, origin: TaskOrigin) -> Job | None:
    """The job with the run that an earlier try of this task instance began, if it has not ended.

    Raises:
        AirflowException: the run is somebody else's, or may not be taken over yet.
    """
    if job.status.is_terminal:
        return None
    run = client.list_runs(job.id)[0]
    job = client.resume_job(job.id)
    is_own = run.origin is not None and _instance(run.origin) == _instance(origin)
    if job.status.is_terminal:
        return job if is_own else None
    if is_own and client.resume_seconds is None:
        return job
    raise AirflowException(f"run {run.number} of job {job.name} ({job.id}) has not ended: try again later")


def _instance(origin: TaskOrigin) -> tuple[str, str, str, int]:
    return origin.dag_id, origin.run_id, origin.task_id, origin.map_index


@contextmanager
def _others_runs(name: str) -> Iterator[None]:
    """Somebody else's run that began a moment ago is for Airflow's retries."""
    try:
        yield
    except JobTransitionError as error:
        raise AirflowException(f"job {name} cannot run now: {error}") from error
