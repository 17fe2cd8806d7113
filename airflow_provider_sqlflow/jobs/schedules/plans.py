"""Plans of Dags: from jobs in the store, and from declared ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from airflow_provider_sqlflow.jobs.cron import checked_schedule
from airflow_provider_sqlflow.jobs.model import Job, JobId
from airflow_provider_sqlflow.jobs.schedules.declared import DeclaredJob
from airflow_provider_sqlflow.jobs.schedules.model import (
    DAG_ID_PREFIX,
    DEFAULT_OWNER,
    STORED_PREFIX,
    DagPlan,
    TaskPlan,
    dag_tags,
    one_line,
)

_PACKAGE = "airflow_provider_sqlflow"
FETCH_STORED = f"{_PACKAGE}.dag_factory.operators.SqlFlowFetchJobOperator"
FETCH_DECLARED = f"{_PACKAGE}.dag_factory.operators.SqlFlowFetchSourcesOperator"
RUN_STORED = f"{_PACKAGE}.dag_factory.operators.SqlFlowRunJobOperator"
SUBMIT_DECLARED = f"{_PACKAGE}.dag_factory.operators.SqlFlowSubmitDeclaredJobOperator"
EMIT = f"{_PACKAGE}.operators.openlineage.SqlFlowEmitLineageOperator"
PUBLISH = f"{_PACKAGE}.dag_factory.operators.SqlFlowPublishOperator"
WAIT = f"{_PACKAGE}.sensors.sqlflow.SqlFlowJobSensor"
EXPORT = f"{_PACKAGE}.dag_factory.operators.SqlFlowExportJobOperator"

SUBMITTED_JOB = "{{ ti.xcom_pull(task_ids='submit', key='job_id') }}"
"""The id of a declared job, known once it has been submitted."""

DEFAULT_CONNECTION = "sqlflow_default"


@dataclass(frozen=True, slots=True)
class StoredJobOptions:
    """What the Dags of jobs in the store have in common.

    Attributes:
        output_path: folder or ObjectStoragePath URL below which each Dag has a folder for its exports;
            relative ones are below ``lineage`` in ``[sqlflow] home``; may be templated.
        formats: export formats; none exports nothing.
        openlineage: whether lineage is published as OpenLineage events, too.
        tags: of the Dags, beside the job's own.
        deferrable: whether waiting is left to the triggerer; ``None`` follows Airflow's configuration.
        fail_on_partial: whether a job fails its Dag when some statement gave no lineage.
        timeout: seconds to wait for a job's end.
        retries: of each task.
        retry_delay: seconds between two tries.
        sqlflow_conn_id: id of the connection.
    """

    output_path: str = ""
    formats: tuple[str, ...] = ("json",)
    openlineage: bool = False
    tags: tuple[str, ...] = ()
    deferrable: bool | None = None
    fail_on_partial: bool = False
    timeout: float = 86400
    retries: int = 1
    retry_delay: float = 300
    sqlflow_conn_id: str = DEFAULT_CONNECTION


def stored_dag_id(job_id: JobId) -> str:
    """The id of the Dag of a job in the store."""
    return STORED_PREFIX + re.sub(r"[^A-Za-z0-9_.-]", "-", job_id)[:200]


def plan_stored(job: Job, options: StoredJobOptions) -> DagPlan:
    """The Dag of a persist job; without a schedule, or while that is paused, only people run it.

    Raises:
        ConfigError: the schedule cannot be used.
    """
    schedule = None if job.schedule is None else checked_schedule(job.schedule)
    is_active = schedule is not None and not schedule.is_paused
    tags = (*job.tags, *options.tags, *(("paused",) if not is_active else ()))
    dag_id = stored_dag_id(job.id)
    shared = _shared(options.sqlflow_conn_id)
    job_id = {"job_id": str(job.id)}
    return DagPlan(
        dag_id=dag_id,
        display_name=one_line(job.name)[:200] or dag_id,
        description=f"Persist job {job.id} of the SQLFlow job store",
        cron=schedule.cron if schedule is not None and is_active else None,
        timezone=schedule.timezone if schedule is not None else "UTC",
        start_date=None,
        owner=one_line(job.owner) or DEFAULT_OWNER,
        tags=dag_tags(tags),
        retries=options.retries,
        retry_delay=options.retry_delay,
        doc=f"Runs persist job `{job.id}` of the SQLFlow job store on its schedule, incrementally.",
        tasks=(
            TaskPlan("fetch", FETCH_STORED, {**job_id, **shared}),
            TaskPlan("submit", RUN_STORED, {**job_id, **shared}),
            *_ending(
                dag_id,
                str(job.id),
                output_path=options.output_path,
                formats=options.formats,
                emit={} if options.openlineage else None,
                wait=_waiting(options.timeout, options.deferrable, options.fail_on_partial),
                shared=shared,
            ),
        ),
    )


def plan_declared(job: DeclaredJob, folder: str = "") -> DagPlan:
    """The Dag of a job declared in a file.

    Args:
        job: the job.
        folder: where the job's relative paths start, as seen from the Dag file's folder: no absolute path,
            which would differ between machines and make a new version of the Dag on each.
    """
    dag_id = f"{DAG_ID_PREFIX}{job.name}"
    schedule = job.schedule if job.schedule is not None and not job.schedule.is_paused else None
    tags = (*job.tags, *(("paused",) if job.schedule is not None and schedule is None else ()))
    shared = _shared(job.sqlflow_conn_id)
    sources: dict[str, Any] = {"dialect": job.dialect}
    if job.paths:
        sources["paths"] = [_from(folder, path) for path in job.paths]
    if job.sql:
        sources["sql"] = job.sql
    request: dict[str, Any] = {"job_name": job.name, **sources}
    for name in ("default_database", "default_schema", "catalog"):
        if getattr(job, name):
            request[name] = getattr(job, name)
    if job.tags:
        request["tags"] = list(job.tags)
    return DagPlan(
        dag_id=dag_id,
        display_name=dag_id,
        description=job.description or f"Lineage job {job.name}",
        cron=None if schedule is None else schedule.cron,
        timezone=job.timezone,
        start_date=job.start_date,
        owner=job.owner,
        tags=dag_tags(tags),
        retries=job.retries,
        retry_delay=job.retry_delay,
        doc=job.description or f"Lineage job `{job.name}`, declared in `{PurePath(job.file).name}`.",
        tasks=(
            TaskPlan("fetch", FETCH_DECLARED, {**sources, **shared}),
            TaskPlan("submit", SUBMIT_DECLARED, {**request, **shared}),
            *_ending(
                dag_id,
                SUBMITTED_JOB,
                output_path=job.output_path,
                formats=job.formats,
                emit=_emission(job),
                wait=_waiting(job.timeout, job.deferrable, job.fail_on_partial),
                shared=shared,
            ),
        ),
    )


def _ending(
    dag_id: str,
    job_id: str,
    *,
    output_path: str,
    formats: Sequence[str],
    emit: Mapping[str, Any] | None,
    wait: Mapping[str, Any],
    shared: Mapping[str, Any],
) -> tuple[TaskPlan, ...]:
    """The tasks behind the submit."""
    of_job = {"job_id": job_id, **shared}
    folder = f"{output_path.rstrip('/')}/{dag_id}/" if output_path else f"{dag_id}/"
    export = TaskPlan("export", EXPORT, {**of_job, "output_path": folder, "formats": list(formats)})
    publish = {**of_job, "asset": dag_id, **({"export_task_id": "export"} if formats else {})}
    return (
        TaskPlan("wait", WAIT, {**of_job, **wait}),
        *((export,) if formats else ()),
        *((TaskPlan("emit", EMIT, {**of_job, **emit}),) if emit is not None else ()),
        TaskPlan("publish", PUBLISH, publish),
    )


def _emission(job: DeclaredJob) -> dict[str, Any] | None:
    """Arguments of the task that emits; ``None`` without one."""
    if not job.openlineage:
        return None
    names = ("dataset_conn_id", "default_database", "default_schema")
    return {name: getattr(job, name) for name in names if getattr(job, name)}


def _waiting(timeout: float, deferrable: bool | None, fail_on_partial: bool) -> dict[str, Any]:
    arguments: dict[str, Any] = {"timeout": timeout, "mode": "reschedule"}
    if deferrable is not None:
        arguments["deferrable"] = deferrable
    if fail_on_partial:
        arguments["fail_on_partial"] = True
    return arguments


def _shared(sqlflow_conn_id: str) -> dict[str, str]:
    return {} if sqlflow_conn_id == DEFAULT_CONNECTION else {"sqlflow_conn_id": sqlflow_conn_id}


def _from(folder: str, path: str) -> str:
    from airflow_provider_sqlflow.ingest.urls import is_url

    if folder in ("", ".") or is_url(path) or path.startswith(("/", "{{")):
        return path
    return f"{folder}/{path}"
