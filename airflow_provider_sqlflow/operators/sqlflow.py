"""Operators that submit lineage jobs and export their results."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf as airflow_conf
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError, JobTimeoutError, RemoteUnavailableError, SqlFlowError
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, check_job, job_summary, log_job
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.ingest.urls import is_url
from airflow_provider_sqlflow.jobs.model import Job, JobId, JobRequest, JobSource, PathSource, TextSource
from airflow_provider_sqlflow.operators.files import export_file, export_paths
from airflow_provider_sqlflow.operators.openlineage import TaskLineage
from airflow_provider_sqlflow.operators.submission import (
    cancel_active_jobs,
    forget,
    instance_tag,
    submit_once,
)
from airflow_provider_sqlflow.triggers.sqlflow import ENDED, TIMEOUT, SqlFlowJobTrigger

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context, ObjectStoragePath

JOB_ID_XCOM_KEY = "job_id"
KILL_SECONDS = 5.0
"""How long :meth:`SqlFlowSubmitJobOperator.on_kill` may take: the supervisor kills soon after."""


class SqlFlowSubmitJobOperator(TaskLineage, BaseOperator):
    """Submit a lineage job and, unless told otherwise, wait for its end.

    Returns the job as a dict: ``job_id``, ``job_name``, ``dialect``, ``status``, ``error`` and
    ``counts`` (files, statements, relations, column edges, diagnostics). The job's id is also pushed
    under the XCom key ``job_id`` as soon as it is known, so that ``operator.output["job_id"]`` names it.

    A job that ends as ``fail`` fails the task without retry, as does an input that cannot be used.
    Statements that cannot be understood make the job ``partial_success``: they are logged with file,
    line and column, and the task passes unless ``fail_on_partial`` is set.

    Args:
        sql: SQL text, or a list of texts, or names ending in ``.sql`` that Airflow loads as templates
            from the Dag's folder (templated).
        paths: files, folders, archives, URLs or anything else that
            :class:`~airflow_provider_sqlflow.jobs.model.PathSource` takes, one or a list; relative paths
            start at the Dag file's folder. Their text is not rendered as a template (paths templated).
        dialect: name of the SQL dialect, as sqlglot or SQLFlow spells it; ``auto`` where a path is a dbt
            project or database metadata, which say it (templated).
        job_name: what lists and exported files call the job; by default ``dag_id.task_id``, with the
            map index for a mapped task (templated).
        tags: words to find the job by; the operator adds one that names the task instance (templated).
        default_database: completes names that give no database (templated).
        default_schema: completes names that give no schema (templated).
        catalog: columns of relations that the SQL does not declare, by dotted name (templated).
        wait_for_termination: ``False`` returns after the submit; a
            :class:`~airflow_provider_sqlflow.sensors.sqlflow.SqlFlowJobSensor` can wait.
        deferrable: wait in the triggerer instead of a worker slot.
        poll_interval: seconds between two looks; by default ``[sqlflow] poll_interval``.
        timeout: seconds after which the job is cancelled and the task fails; ``None`` sets no limit.
        fail_on_partial: fail the task when some statement or file gave no lineage.
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = (
        "sql",
        "paths",
        "dialect",
        "job_name",
        "tags",
        "default_database",
        "default_schema",
        "catalog",
        "sqlflow_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql", "catalog": "json"}  # noqa: RUF012  # Airflow's own type
    ui_color = "#dcedf7"

    def __init__(
        self,
        *,
        dialect: str,
        sql: str | list[str] | None = None,
        paths: str | list[str] | None = None,
        job_name: str = "",
        tags: Sequence[str] = (),
        default_database: str | None = None,
        default_schema: str | None = None,
        catalog: Mapping[str, Sequence[str]] | None = None,
        wait_for_termination: bool = True,
        deferrable: bool = airflow_conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | None = None,
        timeout: float | None = None,
        fail_on_partial: bool = False,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.paths = paths
        self.dialect = dialect
        self.job_name = job_name
        self.tags = tags
        self.default_database = default_database
        self.default_schema = default_schema
        self.catalog = catalog
        self.wait_for_termination = wait_for_termination
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.fail_on_partial = fail_on_partial
        self.sqlflow_conn_id = sqlflow_conn_id
        self._tag = ""

    @cached_property
    def hook(self) -> SqlFlowHook:
        """The hook of the connection."""
        return SqlFlowHook(self.sqlflow_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit, and wait where asked.

        Raises:
            AirflowFailException: the input is unusable or the job ended without a result.
            JobTimeoutError: the job did not end in time; it has been cancelled.
            TaskDeferred: the job runs on and the triggerer waits.
        """
        self._tag = instance_tag(context["ti"])
        try:
            with airflow_errors():
                job = submit_once(self.hook, self._request(context), self._tag, context)
                context["ti"].xcom_push(key=JOB_ID_XCOM_KEY, value=str(job.id))
                if not self.wait_for_termination:
                    forget(context)
                    return job_summary(job)
                if not job.status.is_terminal:
                    if self.deferrable:
                        self._defer(job)
                    job = self._wait(job, context)
                return self._finish(job, context)
        finally:
            self.hook.close()

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume when the trigger has fired; errors as in :meth:`execute`."""
        if not event or not event.get("job_id"):
            raise AirflowFailException(f"the trigger said nothing about a job: {event!r}")
        self._tag = instance_tag(context["ti"])
        job_id = JobId(event["job_id"])
        try:
            with airflow_errors():
                if event.get("outcome") == ENDED:
                    return self._finish(self.hook.get_job(job_id), context)
                if event.get("outcome") == TIMEOUT:
                    self._give_up(job_id, context)
                if event.get("retryable"):
                    raise RemoteUnavailableError(f"job {job_id} cannot be watched: {event.get('message')}")
                raise AirflowFailException(f"job {job_id}: {event.get('message') or event!r}")
        finally:
            self.hook.close()

    def on_kill(self) -> None:
        """Cancel the task's jobs that have not ended, best effort.

        Airflow calls this in a signal handler, which may have interrupted a transaction of the
        embedded engine in this very thread: another thread does it, and is not waited for long.
        """
        if not self._tag:
            return
        thread = threading.Thread(target=self._cancel, name="sqlflow-cancel", daemon=True)
        thread.start()
        thread.join(KILL_SECONDS)

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render; only in ``sql`` does a name ending in ``.sql`` stand for the text of a template file."""
        if isinstance(content, str) and content.endswith(".sql") and not self._is_template_file(content):
            # An empty Jinja comment renders to nothing, and the text no longer ends like a file name.
            content += "{##}"
        return super().render_template(content, context, jinja_env, seen_oids)

    def resolve_template_files(self) -> None:
        """Load the template files named in ``sql``; a path in ``paths`` stays a path."""
        fields = self.template_fields
        self.template_fields = ("sql",)
        try:
            super().resolve_template_files()
        finally:
            self.template_fields = fields

    def _is_template_file(self, name: str) -> bool:
        return name in self.sql if isinstance(self.sql, list) else name == self.sql

    def _request(self, context: Context) -> JobRequest:
        return JobRequest(
            name=self.job_name or self._default_name(context),
            dialect=self.dialect,
            sources=self._sources(),
            owner=self.owner,
            tags=tuple(self.tags),
            default_database=self.default_database or None,
            default_schema=self.default_schema or None,
            catalog={name: tuple(columns) for name, columns in (self.catalog or {}).items()},
        )

    def _default_name(self, context: Context) -> str:
        ti = context["ti"]
        name = f"{ti.dag_id}.{ti.task_id}"
        return f"{name}.{ti.map_index}" if ti.map_index is not None and ti.map_index >= 0 else name

    def _sources(self) -> tuple[JobSource, ...]:
        texts = [self.sql] if isinstance(self.sql, str) else list(self.sql or ())
        paths = [self.paths] if isinstance(self.paths, str) else list(self.paths or ())
        if not texts and not paths:
            raise ConfigError(
                f"task {self.task_id}: neither sql nor paths is given, so there is nothing to analyse"
            )
        names = (
            [f"{self.task_id}.sql"]
            if len(texts) == 1
            else [f"{self.task_id}.{number}.sql" for number in range(1, len(texts) + 1)]
        )
        folder = Path(self.dag.folder)
        return (
            *(TextSource(name, text) for name, text in zip(names, texts, strict=True)),
            *(PathSource(path if is_url(path) else str(folder / path)) for path in paths),
        )

    def _seconds_allowed(self) -> float | None:
        """The nearer of ``timeout`` and ``execution_timeout``, which Airflow drops while deferred."""
        limits = [] if self.timeout is None else [self.timeout]
        if self.execution_timeout is not None:
            limits.append(self.execution_timeout.total_seconds())
        return min(limits, default=None)

    def _defer(self, job: Job) -> None:
        seconds = self._seconds_allowed()
        self.log.info("Job %s is %s: waiting in the triggerer", job.id, job.status.value)
        self.defer(
            trigger=SqlFlowJobTrigger(
                job_id=str(job.id),
                sqlflow_conn_id=self.sqlflow_conn_id,
                poll_interval=self.poll_interval or conf.poll_interval(),
                deadline=None if seconds is None else time.time() + seconds,
            ),
            method_name="execute_complete",
        )

    def _wait(self, job: Job, context: Context) -> Job:
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        interval = self.poll_interval or conf.poll_interval()
        while not job.status.is_terminal:
            if deadline is not None and time.monotonic() >= deadline:
                self._give_up(job.id, context)
            self.log.info(
                "Job %s is %s: %d of %d files",
                job.id,
                job.status.value,
                job.counts.files_done,
                job.counts.files_total,
            )
            remaining = interval if deadline is None else deadline - time.monotonic()
            time.sleep(max(0.0, min(interval, remaining)))
            job = self.hook.get_job(job.id)
        return job

    def _give_up(self, job_id: JobId, context: Context) -> None:
        job = self.hook.cancel_job(job_id)
        forget(context)
        raise JobTimeoutError(f"job {job_id} did not end in time and is now {job.status.value}")

    def lineage_files(self) -> list[str]:
        """The paths, from the Dag file's folder."""
        paths = [self.paths] if isinstance(self.paths, str) else list(self.paths or ())
        return [path if "://" in path else str(Path(self.dag.folder) / path) for path in paths]

    def _finish(self, job: Job, context: Context) -> dict[str, Any]:
        self._lineage_job = job
        forget(context)
        log_job(self.hook, job)
        check_job(job, fail_on_partial=self.fail_on_partial)
        return job_summary(job)

    def _cancel(self) -> None:
        try:
            for job_id in cancel_active_jobs(self.hook, self._tag):
                self.log.info("Cancelled job %s", job_id)
        except SqlFlowError:
            self.log.exception("The task's job could not be cancelled")


class SqlFlowExportOperator(TaskLineage, BaseOperator):
    """Write the result of a lineage job to files.

    Returns a dict: ``job_id``, ``job_name`` and ``exports``, a list of dicts with ``format``,
    ``path``, ``size`` (bytes), ``relations`` and ``edges``.

    Args:
        job_id: the job; it must have ended with a result (templated).
        output_path: a folder, which is created where missing, or, for a single format, a file name
            with a suffix. A local path, or a URL that ``ObjectStoragePath`` understands such as
            ``s3://conn@bucket/lineage``. A trailing slash always means a folder (templated).
        formats: one or several names of export formats, such as ``json``, ``csv``, ``graphml``, ``svg``,
            ``openlineage`` (templated).
        options: what to show, by name: ours (``{"indirect": "false", "result_sets": "all"}``) or SQLFlow's
            settings (``{"showRelationType": "fdd"}``); values are text (templated).
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = ("job_id", "output_path", "formats", "options", "sqlflow_conn_id")
    ui_color = "#dcedf7"

    def __init__(
        self,
        *,
        job_id: str,
        output_path: str | ObjectStoragePath,
        formats: str | Sequence[str] = "json",
        options: Mapping[str, str] | None = None,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.output_path = output_path
        self.formats = formats
        self.options = options
        self.sqlflow_conn_id = sqlflow_conn_id

    @cached_property
    def hook(self) -> SqlFlowHook:
        """The hook of the connection."""
        return SqlFlowHook(self.sqlflow_conn_id)

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the files, each whole or not at all.

        Raises:
            AirflowFailException: the job has no result, or a format or option is unknown.
        """
        job_id = JobId(self.job_id)
        formats = [self.formats] if isinstance(self.formats, str) else list(self.formats)
        try:
            with airflow_errors():
                job = self.hook.get_job(job_id)
                exports = []
                for name, path in export_paths(str(self.output_path), job.name, formats).items():
                    summary = export_file(self.hook, job_id, name, path, self.options)
                    self.log.info("Wrote %s (%d bytes, %d edges)", summary.path, summary.size, summary.edges)
                    exports.append(asdict(summary))
                self._lineage_job, self._lineage_exports = job, exports
        finally:
            self.hook.close()
        return {"job_id": str(job_id), "job_name": job.name, "exports": exports}
