"""Claims: who works on a job. Every write of a worker is fenced by the token of its claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select

from airflow_provider_sqlflow.errors import JobNotFoundError, JobTransitionError, LeaseLostError
from airflow_provider_sqlflow.jobs.model import TRANSITIONS, Job, JobCounts, JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.base import Claim
from airflow_provider_sqlflow.jobs.store.jobs import GIVES_KEY_UP, UNCLAIMED, change_job, change_run
from airflow_provider_sqlflow.jobs.store.listing import get_job, get_request, of_run
from airflow_provider_sqlflow.jobs.store.tables import job, run, shard_plan


def claim_job(
    connection: Connection, job_id: JobId, worker: str, at: datetime, until: datetime
) -> Claim | None:
    """Claim one job; see ``JobStore.claim_job``."""
    token = uuid4().hex
    values: dict[str, Any] = {
        "status": JobStatus.RUNNING.value,
        "begin_at": func.coalesce(job.c.begin_at, at),
        "worker": worker,
        "token": token,
        "lease_until": until,
        "attempts": job.c.attempts + 1,
    }
    if not change_job(connection, job_id, (_is_free(at),), values):
        get_job(connection, job_id)  # an unknown job is an error, one that is taken is not
        return None
    claimed = get_job(connection, job_id)
    change_run(connection, job_id, {"status": claimed.status.value, "begin_at": claimed.begin_at})
    attempts = connection.execute(select(job.c.attempts).where(job.c.id == job_id)).scalar_one()
    return Claim(claimed, get_request(connection, job_id), worker, token, attempts)


def claim_next(
    connection: Connection, queues: Sequence[str], worker: str, at: datetime, until: datetime
) -> Claim | None:
    """Claim the oldest free job of these queues."""
    query = (
        select(job.c.id)
        .where(job.c.queue.in_(queues), _is_free(at))
        .order_by(job.c.number)
        .limit(1)
        .with_for_update(skip_locked=True)  # SQLite has one writer at a time and ignores it
    )
    job_id = connection.execute(query).scalar()
    return None if job_id is None else claim_job(connection, JobId(job_id), worker, at, until)


def hold_claim(connection: Connection, claim: Claim, values: dict[str, Any]) -> None:
    """Change the claimed job's row, which keeps others from it until the transaction ends.

    Raises:
        LeaseLostError: the claim has ended.
    """
    job_id = claim.job.id
    if change_job(connection, job_id, (job.c.token == claim.token,), values):
        return
    try:
        status = get_job(connection, job_id).status
    except JobNotFoundError:
        reason = "it was removed"
    else:
        reason = "another worker has it" if status is JobStatus.RUNNING else f"it is {status.value} now"
    raise LeaseLostError(f"job {job_id} may not be worked on any more: {reason}")


def renew_claim(
    connection: Connection, claim: Claim, until: datetime, counts: JobCounts, current_file: str
) -> None:
    """Move the lease's end, and tell how far the work is."""
    values = {"lease_until": until, "current_file": current_file, **asdict(counts)}
    hold_claim(connection, claim, values)
    change_run(connection, claim.job.id, asdict(counts))


def release_claim(connection: Connection, claim: Claim) -> None:
    """Queue the job again; a claim given back is no attempt."""
    values = {
        "status": JobStatus.CREATE.value,
        "current_file": "",
        "attempts": job.c.attempts - 1,
        **UNCLAIMED,
    }
    if change_job(connection, claim.job.id, (job.c.token == claim.token,), values):
        change_run(connection, claim.job.id, {"status": JobStatus.CREATE.value})


def finish_run(
    connection: Connection, claim: Claim, status: JobStatus, at: datetime, counts: JobCounts, error: str
) -> Job:
    """End the run; a result becomes the one that exports show."""
    if not status.is_terminal or status not in TRANSITIONS[JobStatus.RUNNING]:
        raise JobTransitionError(f"job {claim.job.id} is running and cannot end as {status.value}")
    of_end: dict[str, Any] = {
        "status": status.value,
        "end_at": at,
        "error": error,
        **asdict(counts),
    }
    shown = {"result_run": claim.run} if status.has_result else {}
    hold_claim(connection, claim, {**of_end, **shown, **UNCLAIMED, "current_file": ""})
    if status in GIVES_KEY_UP:
        of_end["idempotency_key"] = None
    change_run(connection, claim.job.id, of_end)
    ended = select(run.c.id).where(*of_run(claim.job.id, claim.run)).scalar_subquery()
    connection.execute(delete(shard_plan).where(shard_plan.c.run_id == ended))
    return get_job(connection, claim.job.id)


def _is_free(at: datetime) -> ColumnElement[bool]:
    """Whether a job waits, or is running with nobody alive at it."""
    is_lost = and_(job.c.status == JobStatus.RUNNING.value, job.c.lease_until < at)
    return or_(job.c.status == JobStatus.CREATE.value, is_lost)
