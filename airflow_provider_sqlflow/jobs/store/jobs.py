"""Writes jobs and their runs: what is submitted, scheduled, ended from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, delete, func, insert, update

from airflow_provider_sqlflow.errors import JobConflictError, JobTransitionError
from airflow_provider_sqlflow.jobs.document import request_to_json
from airflow_provider_sqlflow.jobs.lineage.names import stored_name
from airflow_provider_sqlflow.jobs.model import (
    TRANSITIONS,
    Job,
    JobCounts,
    JobId,
    JobRequest,
    JobStatus,
    Schedule,
)
from airflow_provider_sqlflow.jobs.store.base import same_request
from airflow_provider_sqlflow.jobs.store.listing import find_key, get_job, of_run
from airflow_provider_sqlflow.jobs.store.rows import origin_values
from airflow_provider_sqlflow.jobs.store.tables import job, job_tag, run

GIVES_KEY_UP = frozenset({JobStatus.FAIL, JobStatus.CANCEL})
"""Ends of a run that let its idempotency key be used again."""

UNCLAIMED: Mapping[str, None] = {"worker": None, "token": None, "lease_until": None}
"""Columns of a job that nobody works on."""


def create_job(connection: Connection, new: Job, request: JobRequest, digest: str) -> Job:
    """Insert a job with its first run; an ``IntegrityError`` when the key is taken."""
    connection.execute(
        insert(job).values(
            id=new.id,
            dialect=new.dialect,
            status=new.status.value,
            created_at=new.created_at,
            request=request_to_json(request),
            kind=new.kind.value,
            run=new.run,
            incremental=new.incremental,
            **_identity(new),
            **_schedule_values(new.schedule),
            **asdict(new.counts),
        )
    )
    _replace_tags(connection, new.id, new.tags)
    _insert_run(connection, new, request, digest, new.created_at)
    return get_job(connection, new.id)


def create_run(
    connection: Connection,
    job_id: JobId,
    request: JobRequest,
    digest: str,
    at: datetime,
    incremental: bool,
    after_run: int | None,
) -> Job:
    """Queue another run of an ended job; see ``JobStore.create_run``."""
    found = get_job(connection, job_id)
    key = request.idempotency_key
    holder = None if key is None else find_key(connection, key)
    if key is not None and holder is not None:
        if same_request(holder, key, digest) == job_id:
            return found
        raise JobConflictError(f"idempotency key {key!r} belongs to job {holder[0]}; use another key")
    ended = [status for status in _before(JobStatus.CREATE) if JobStatus(status).is_terminal]
    is_same = job.c.run == (found.run if after_run is None else after_run)
    values = {
        "status": JobStatus.CREATE.value,
        "dialect": request.dialect,
        "request": request_to_json(request),
        "run": job.c.run + 1,
        "incremental": incremental,
        "begin_at": None,
        "end_at": None,
        "error": "",
        "current_file": "",
        "attempts": 0,
        **_identity(request),
        **asdict(JobCounts()),
        **UNCLAIMED,
    }
    statement = update(job).where(job.c.id == job_id, job.c.status.in_(ended), is_same).values(values)
    if not connection.execute(statement).rowcount:
        raise _transition_error(get_job(connection, job_id), JobStatus.CREATE)
    _replace_tags(connection, job_id, request.tags)
    queued = get_job(connection, job_id)
    _insert_run(connection, queued, request, digest, at)
    return queued


def set_schedule(connection: Connection, job_id: JobId, schedule: Schedule | None) -> Job:
    """Replace or remove a schedule."""
    is_there = job.c.status != JobStatus.DELETE.value
    is_changed = change_job(connection, job_id, (is_there,), _schedule_values(schedule))
    found = get_job(connection, job_id)
    if not is_changed:
        raise JobTransitionError(f"job {job_id} is deleted and cannot be scheduled")
    return found


def pause_schedule(connection: Connection, job_id: JobId, is_paused: bool) -> Job:
    """Let a schedule rest, or go on; nothing without one."""
    change_job(connection, job_id, (job.c.cron.is_not(None),), {"is_paused": is_paused})
    return get_job(connection, job_id)


def set_on_top(connection: Connection, job_id: JobId, on_top: bool) -> Job:
    """Pin a job, or undo that."""
    connection.execute(update(job).where(job.c.id == job_id).values(on_top=on_top))
    return get_job(connection, job_id)


def end_job(
    connection: Connection,
    job_id: JobId,
    status: JobStatus,
    at: datetime,
    error: str = "",
    conditions: tuple[ColumnElement[bool], ...] = (),
) -> Job:
    """Cancel, fail or delete a job that meets the conditions: whoever works on it loses the claim."""
    values: dict[str, Any] = {
        "status": status.value,
        "current_file": "",
        "end_at": func.coalesce(job.c.end_at, at),  # deleting does not move the end
        **UNCLAIMED,
    }
    if error:
        values["error"] = error
    was = get_job(connection, job_id)
    if not change_job(connection, job_id, (job.c.status.in_(_before(status)), *conditions), values):
        raise _transition_error(get_job(connection, job_id), status)
    if not was.status.is_terminal:
        of_end: dict[str, Any] = {"status": status.value, "end_at": at, "error": error}
        change_run(connection, job_id, of_end)
    if status in GIVES_KEY_UP:
        change_run(connection, job_id, {"idempotency_key": None})
    return get_job(connection, job_id)


def change_job(
    connection: Connection, job_id: JobId, conditions: tuple[ColumnElement[bool], ...], values: dict[str, Any]
) -> bool:
    """Change a job's row if it meets the conditions; whether it did."""
    return connection.execute(update(job).where(job.c.id == job_id, *conditions).values(values)).rowcount > 0


def change_run(connection: Connection, job_id: JobId, values: dict[str, Any]) -> None:
    """Change the row of the job's last run."""
    connection.execute(update(run).where(*of_run(job_id)).values(values))


def _before(status: JobStatus) -> list[str]:
    return [before.value for before, allowed in TRANSITIONS.items() if status in allowed]


def _transition_error(found: Job, status: JobStatus) -> JobTransitionError:
    if status is JobStatus.CREATE and found.status.is_terminal and found.status is not JobStatus.DELETE:
        return JobTransitionError(f"job {found.id} was given run {found.run} by someone else meanwhile")
    return JobTransitionError(f"job {found.id} is {found.status.value} and cannot become {status.value}")


def _identity(of: Job | JobRequest) -> dict[str, Any]:
    return {
        "name": of.name,
        "name_folded": of.name.casefold(),
        "owner": of.owner,
        "queue": of.queue,
    }


def _schedule_values(schedule: Schedule | None) -> dict[str, Any]:
    if schedule is None:
        return {"cron": None, "timezone": None, "is_paused": False}
    return {"cron": schedule.cron, "timezone": schedule.timezone, "is_paused": schedule.is_paused}


def _replace_tags(connection: Connection, job_id: JobId, tags: tuple[str, ...]) -> None:
    connection.execute(delete(job_tag).where(job_tag.c.job_id == job_id))
    distinct = dict.fromkeys(map(stored_name, tags))  # as the column compares them
    rows = [{"job_id": job_id, "tag": tag, "position": n} for n, tag in enumerate(distinct)]
    if rows:
        connection.execute(insert(job_tag), rows)


def _insert_run(connection: Connection, of: Job, request: JobRequest, digest: str, at: datetime) -> None:
    connection.execute(
        insert(run).values(
            job_id=of.id,
            number=of.run,
            batch_id=uuid4().hex,
            status=of.status.value,
            created_at=at,
            incremental=of.incremental,
            idempotency_key=request.idempotency_key,
            digest=digest,
            **origin_values(request.origin),
            **asdict(of.counts),
        )
    )
