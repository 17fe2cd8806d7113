"""Looks jobs, their runs and their files up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select

from airflow_provider_sqlflow.errors import JobNotFoundError
from airflow_provider_sqlflow.jobs.document import request_from_json
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobRun,
    JobStatus,
)
from airflow_provider_sqlflow.jobs.store.rows import chunks, job_of, run_of
from airflow_provider_sqlflow.jobs.store.tables import job, job_tag, result, run, run_file

_DELETED = JobStatus.DELETE.value


def get_job(connection: Connection, job_id: JobId) -> Job:
    """The job, or :class:`JobNotFoundError`."""
    row = connection.execute(select(job).where(job.c.id == job_id)).mappings().first()
    if row is None:
        raise JobNotFoundError(f"no job {job_id}")
    return _with_tags(connection, [row])[0]


def get_request(connection: Connection, job_id: JobId) -> JobRequest:
    """What was asked, or :class:`JobNotFoundError`."""
    document = connection.execute(select(job.c.request).where(job.c.id == job_id)).scalar()
    if not document:
        raise JobNotFoundError(f"no request of job {job_id}: there is no such job, or it was deleted")
    return request_from_json(document)


def find_key(connection: Connection, idempotency_key: str) -> tuple[JobId, str] | None:
    """The job and the digest of the run that holds the key."""
    row = connection.execute(
        select(run.c.job_id, run.c.digest).where(run.c.idempotency_key == idempotency_key)
    ).first()
    return None if row is None else (JobId(row.job_id), row.digest)


def list_jobs(connection: Connection, where: JobFilter, limit: int, offset: int) -> JobPage:
    """Jobs that match, newest first."""
    conditions = _conditions(where)
    page = (
        select(job)
        .where(*conditions)
        .order_by(job.c.created_at.desc(), job.c.number.desc())
        .limit(limit)
        .offset(offset)
    )
    total = select(func.count()).select_from(job).where(*conditions)
    rows = connection.execute(page).mappings().all()
    return JobPage(tuple(_with_tags(connection, rows)), connection.execute(total).scalar_one())


def list_scheduled(connection: Connection) -> tuple[Job, ...]:
    """Jobs with a schedule, by id."""
    query = select(job).where(job.c.cron.is_not(None), job.c.status != _DELETED).order_by(job.c.id)
    return tuple(_with_tags(connection, connection.execute(query).mappings().all()))


def count_jobs(connection: Connection) -> int:
    """How many jobs are not deleted."""
    query = select(func.count()).select_from(job).where(job.c.status != _DELETED)
    return connection.execute(query).scalar_one()


def list_runs(connection: Connection, job_id: JobId) -> tuple[JobRun, ...]:
    """The runs of a job, newest first."""
    query = select(run).where(run.c.job_id == job_id).order_by(run.c.number.desc())
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def list_files(connection: Connection, job_id: JobId, number: int | None) -> tuple[JobFile, ...]:
    """The files of a run in input order; those without a result are still to be analysed."""
    query = (
        select(
            run_file.c.path,
            func.coalesce(result.c.status, JobStatus.CREATE.value).label("status"),
            func.coalesce(result.c.statements, 0).label("statements"),
            func.coalesce(result.c.failed_statements, 0).label("failed_statements"),
            func.coalesce(result.c.cause, "").label("cause"),
        )
        .select_from(run_file.join(run).outerjoin(result))
        .where(*of_run(job_id, number))
        .order_by(run_file.c.position)
    )
    rows = connection.execute(query).mappings()
    return tuple(JobFile(**{**row, "status": JobStatus(row["status"])}) for row in rows)


def list_names(connection: Connection, job_ids: Sequence[JobId]) -> dict[JobId, tuple[str, ...]]:
    """The files of the last run of each job, in input order; a job whose run has not begun is left out."""
    query = (
        select(job.c.id, run_file.c.path)
        .select_from(job.join(run).join(run_file))
        .where(job.c.id.in_(job_ids), run.c.number == job.c.run)
        .order_by(run_file.c.run_id, run_file.c.position)
    )
    found: dict[JobId, list[str]] = {}
    for job_id, path in connection.execute(query):
        found.setdefault(JobId(job_id), []).append(path)
    return {job_id: tuple(paths) for job_id, paths in found.items()}


def of_run(job_id: JobId, number: int | None = None) -> tuple[ColumnElement[bool], ...]:
    """Conditions on ``run``: this run of the job, the last one unless told."""
    last = select(job.c.run).where(job.c.id == job_id).scalar_subquery()
    return run.c.job_id == job_id, run.c.number == (last if number is None else number)


def shown_run(connection: Connection, job_id: JobId) -> int | None:
    """The row number of the run whose result exports show, if there is one."""
    query = select(run.c.id).join(job).where(job.c.id == job_id, run.c.number == job.c.result_run)
    return connection.execute(query).scalar()


def file_batch(
    query: Select[Any], run_id: int, after: int, limit: int, connection: Connection
) -> Sequence[RowMapping]:
    """The next rows of a query over ``run_file``, in input order."""
    query = (
        query.add_columns(run_file.c.position)
        .where(run_file.c.run_id == run_id, run_file.c.position > after)
        .order_by(run_file.c.position)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def shown_rows(query: Select[Any], job_id: JobId, connection: Connection) -> tuple[int, int]:
    """The row number of the shown run, and where the last row of such a query stands; -1 without any."""
    run_id = shown_run(connection, job_id)
    if run_id is None:
        return 0, -1
    last = query.with_only_columns(func.max(run_file.c.position), maintain_column_froms=True)
    found = connection.execute(last.where(run_file.c.run_id == run_id)).scalar()
    return run_id, -1 if found is None else found


def _with_tags(connection: Connection, rows: Sequence[RowMapping]) -> list[Job]:
    tags: dict[str, list[str]] = {row["id"]: [] for row in rows}
    for ids in chunks(list(tags)):
        query = (
            select(job_tag).where(job_tag.c.job_id.in_(ids)).order_by(job_tag.c.job_id, job_tag.c.position)
        )
        for tag in connection.execute(query):
            tags[tag.job_id].append(tag.tag)
    return [job_of(row, tags[row["id"]]) for row in rows]


def _conditions(where: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.status:
        conditions.append(job.c.status.in_([status.value for status in where.status]))
    if where.name:
        conditions.append(job.c.name_folded.contains(where.name.casefold(), autoescape=True))
    if where.owner:
        conditions.append(job.c.owner == where.owner)
    if where.tag:
        conditions.append(
            select(job_tag.c.tag).where(job_tag.c.job_id == job.c.id, job_tag.c.tag == where.tag).exists()
        )
    if where.queue:
        conditions.append(job.c.queue == where.queue)
    if where.created_from is not None:
        conditions.append(job.c.created_at >= where.created_from)
    if where.created_to is not None:
        conditions.append(job.c.created_at <= where.created_to)
    return conditions
