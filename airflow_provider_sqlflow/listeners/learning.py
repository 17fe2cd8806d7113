"""Keeps the lineage of a task's SQL in the job store: one persist job a task and connection, a run each time.

The reading that made the event is kept; nothing is analysed twice. A run over the same SQL, tables and
columns as the run before shares its results.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.errors import JobTransitionError
from airflow_provider_sqlflow.jobs.lookup import iter_jobs
from airflow_provider_sqlflow.jobs.model import (
    NOT_DELETED,
    Job,
    JobFilter,
    JobKind,
    JobRequest,
    TaskOrigin,
    TextSource,
)
from airflow_provider_sqlflow.listeners.reading import SqlReading
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import ScriptReading
    from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer
    from airflow_provider_sqlflow.jobs.service import JobService

CAPTURED_TAG = "captured"
"""Tag of all jobs whose SQL was captured."""

log = logging.getLogger(__name__)


def learn(readings: Iterable[SqlReading], task_instance: Any, settings: Settings) -> list[Job]:
    """Keep what a task's SQL was found to do.

    Args:
        readings: the task's SQL by connection.
        task_instance: the task instance that ran it.
        settings: where the store is.
    """
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

    store = SqlJobStore(settings.resolved_store_url(), settings.store_retry_seconds)
    try:
        return [_keep(_service(store, reading, settings), reading, task_instance) for reading in readings]
    finally:
        store.close()


def source_name(task_instance: Any) -> str:
    """What spans and the job's list of files call a task's SQL."""
    return f"{task_instance.dag_id}/{task_instance.task_id}.sql"


def task_tag(task_instance: Any, conn_id: str) -> str:
    """The tag of the job of one task and connection: ``captured:dag/task[/map index]@connection``."""
    parts = [task_instance.dag_id, task_instance.task_id]
    if _map_index(task_instance) >= 0:
        parts.append(str(task_instance.map_index))
    return f"{CAPTURED_TAG}:{'/'.join(parts)}@{conn_id}"


def _keep(service: JobService, reading: SqlReading, task_instance: Any) -> Job:
    tag = task_tag(task_instance, reading.sql.conn_id)
    request = _request(reading, task_instance, tag)
    known = iter_jobs(service.list, JobFilter(status=NOT_DELETED, tag=tag))
    # A connection may point to another kind of database by now; a job keeps its dialect.
    job_id = next(
        (job.id for job in known if (job.kind, job.dialect) == (JobKind.PERSIST, request.dialect)), None
    )
    if job_id is None:
        return service.submit_persist(request)
    try:
        return service.submit_persist(request, job_id)
    except JobTransitionError:
        # The same task of another Dag run is being kept at this moment.
        return service.submit(request)


def _request(reading: SqlReading, task_instance: Any, tag: str) -> JobRequest:
    from airflow_provider_sqlflow.engine.catalog import join_name

    naming = reading.database.naming
    catalog = {
        join_name([part for part in lookup if part]): columns
        for lookup, columns in reading.reading.lookups.items()
        if columns is not None
    }
    return JobRequest(
        name=f"{task_instance.dag_id}.{task_instance.task_id}",
        dialect=naming.dialect,
        sources=(TextSource(source_name(task_instance), reading.text),),
        owner=str(getattr(task_instance.task, "owner", "") or ""),
        tags=(CAPTURED_TAG, tag),
        default_database=naming.default_database,
        default_schema=naming.default_schema,
        catalog=catalog,
        origin=TaskOrigin(
            task_instance.dag_id,
            task_instance.run_id,
            task_instance.task_id,
            _map_index(task_instance),
            task_instance.try_number,
        ),
    )


def _map_index(task_instance: Any) -> int:
    return -1 if task_instance.map_index is None else int(task_instance.map_index)


def _service(store: Any, reading: SqlReading, settings: Settings) -> JobService:
    from airflow_provider_sqlflow.jobs.execution import Execution
    from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
    from airflow_provider_sqlflow.jobs.service import JobService, utc_now

    def make_analyzer(options: AnalysisOptions, limits: Settings) -> FileAnalyzer:
        return _known_analyzer(options, limits, reading.reading)

    execution = Execution(store, settings, utc_now, make_analyzer=make_analyzer)
    return JobService(store, InlineRunner(store, execution, settings, utc_now), settings)


def _known_analyzer(options: AnalysisOptions, settings: Settings, reading: ScriptReading) -> FileAnalyzer:
    from airflow_provider_sqlflow.jobs.analysis import FileAnalyzer, FileTask

    class KnownAnalyzer(FileAnalyzer):
        """Has the one file's lineage already."""

        def read(self, task: FileTask) -> ScriptReading:
            return reading

    return KnownAnalyzer(options, settings)
