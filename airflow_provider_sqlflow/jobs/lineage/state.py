"""Which results count: those of the files of each job's shown run, or of the run that was shown at a time.

Edges hang on results, and a result may belong to many runs of many jobs. So a search collects edges first
and asks once for each new result whether it counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from airflow_provider_sqlflow.errors import JobNotFoundError, JobNotReadyError
from airflow_provider_sqlflow.jobs.lineage.index import chunks
from airflow_provider_sqlflow.jobs.lineage.model import EdgeMaker, LineageState
from airflow_provider_sqlflow.jobs.model import JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.tables import job, job_tag, run, run_file

_CHUNK = 5_000
_WHOLE = [status.value for status in JobStatus if status.has_result]


def select_files(state: LineageState, *columns: ColumnElement[Any]) -> Select[Any]:
    """Columns of the files that count, joined with their runs and jobs."""
    joined: Select[Any] = (
        select(*columns)
        .select_from(run_file)
        .join(run, run.c.id == run_file.c.run_id)
        .join(job, job.c.id == run.c.job_id)
        .where(job.c.status != JobStatus.DELETE.value, run_file.c.result_id.is_not(None))
    )
    if state.at is None:
        joined = joined.where(run.c.number == job.c.result_run)
    else:
        last = (
            select(run.c.job_id, func.max(run.c.number).label("number"))
            .where(run.c.status.in_(_WHOLE), run.c.end_at <= state.at)
            .group_by(run.c.job_id)
            .subquery()
        )
        joined = joined.join(last, and_(last.c.job_id == run.c.job_id, last.c.number == run.c.number))
    if state.job_ids:
        joined = joined.where(job.c.id.in_(state.job_ids))
    if state.owner:
        joined = joined.where(job.c.owner == state.owner)
    if state.tag:
        has_tag = select(job_tag.c.tag).where(job_tag.c.job_id == job.c.id, job_tag.c.tag == state.tag)
        joined = joined.where(has_tag.exists())
    return joined


class LiveResults:
    """Tells which results count; asks the database once for each."""

    def __init__(self, connection: Connection, state: LineageState) -> None:
        self._connection = connection
        self._state = state
        self._known: dict[int, bool] = {}

    def of(self, result_ids: Iterable[int]) -> set[int]:
        """Those of the results that count."""
        asked = set(result_ids)
        for chunk in chunks(sorted(asked - self._known.keys()), _CHUNK):
            query = select_files(self._state, run_file.c.result_id).where(run_file.c.result_id.in_(chunk))
            live = set(self._connection.execute(query.distinct()).scalars())
            self._known.update((result_id, result_id in live) for result_id in chunk)
        return {result_id for result_id in asked if self._known[result_id]}


def edge_makers(
    connection: Connection, state: LineageState, result_ids: Iterable[int]
) -> dict[int, list[EdgeMaker]]:
    """The files behind results, by result; oldest job first."""
    makers: dict[int, list[EdgeMaker]] = {}
    query = select_files(state, run_file.c.result_id, job.c.id, job.c.name, run.c.number, run_file.c.path)
    for chunk in chunks(sorted(set(result_ids)), _CHUNK):
        rows = connection.execute(
            query.where(run_file.c.result_id.in_(chunk)).order_by(job.c.number, run_file.c.position)
        )
        for row in rows:
            makers.setdefault(row[0], []).append(EdgeMaker(*row[1:]))
    return makers


def end_of_run(connection: Connection, job_id: JobId, number: int) -> datetime:
    """When a run ended: asking for the state at that time shows what the run made of it.

    Raises:
        JobNotFoundError: no such job, or it has no such run.
        JobNotReadyError: the run has not ended.
    """
    query = select(run.c.end_at).where(run.c.job_id == job_id, run.c.number == number)
    row = connection.execute(query).first()
    if row is None:
        raise JobNotFoundError(f"no run {number} of a job {job_id}")
    if row.end_at is None:
        raise JobNotReadyError(f"run {number} of job {job_id} has not ended")
    ended: datetime = row.end_at
    return ended
