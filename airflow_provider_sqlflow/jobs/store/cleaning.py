"""Removes what nobody needs: the content of deleted jobs, old runs, results and texts without a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, select, text, update

from airflow_provider_sqlflow.jobs.model import Job, JobId, JobStatus
from airflow_provider_sqlflow.jobs.store.jobs import end_job
from airflow_provider_sqlflow.jobs.store.listing import get_job
from airflow_provider_sqlflow.jobs.store.rows import CHUNK, chunks
from airflow_provider_sqlflow.jobs.store.tables import (
    column,
    edge,
    job,
    relation,
    relation_use,
    result,
    run,
    run_file,
    shard_plan,
    source_text,
)

_ADVISORY_LOCK = 5_772_156_650


def keep_from_cleaning(connection: Connection) -> None:
    """Keep results and texts from being removed until the transaction ends. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _ADVISORY_LOCK})


def delete_job(connection: Connection, job_id: JobId, at: datetime, ended_before: datetime | None) -> Job:
    """Mark a job deleted; its request, files and what only they used go."""
    _wait_for_writers(connection)
    is_old = () if ended_before is None else (job.c.end_at < ended_before,)  # null while it runs
    end_job(connection, job_id, JobStatus.DELETE, at, conditions=is_old)
    connection.execute(
        update(job).where(job.c.id == job_id).values(request="", result_run=0, cron=None, timezone=None)
    )
    connection.execute(update(run).where(run.c.job_id == job_id).values(idempotency_key=None))
    runs = select(run.c.id).where(run.c.job_id == job_id)
    used = connection.execute(
        select(run_file.c.result_id, run_file.c.text_id).where(run_file.c.run_id.in_(runs))
    ).all()
    for table in (run_file, shard_plan):
        connection.execute(delete(table).where(table.c.run_id.in_(runs)))
    for table, ids in ((result, {row[0] for row in used}), (source_text, {row[1] for row in used})):
        for some in chunks(sorted(number for number in ids if number is not None)):
            connection.execute(delete(table).where(table.c.id.in_(some), *_is_unused(table)))
    return get_job(connection, job_id)


def clean_jobs(connection: Connection, before: datetime) -> int:
    """Remove some jobs that were deleted and ended before a time; how many."""
    _wait_for_writers(connection)
    some = select(job.c.number).where(job.c.status == JobStatus.DELETE.value, job.c.end_at < before)
    return _remove(connection, job, some, job.c.number)


def clean_runs(connection: Connection, before: datetime) -> int:
    """Remove some runs that ended before a time and are neither their job's last nor shown; how many."""
    _wait_for_writers(connection)
    some = (
        select(run.c.id)
        .join(job, job.c.id == run.c.job_id)
        .where(run.c.end_at < before, run.c.number != job.c.run, run.c.number != job.c.result_run)
    )
    return _remove(connection, run, some, run.c.id)


def clean_results(connection: Connection) -> int:
    """Remove some results that no run uses; how many."""
    return _remove_unused(connection, result)


def clean_texts(connection: Connection) -> int:
    """Remove some texts that no run uses; how many."""
    return _remove_unused(connection, source_text)


def clean_names(connection: Connection) -> int:
    """Remove some columns without edges and relations without uses; how many."""
    return _remove_unused(connection, column) + _remove_unused(connection, relation)


def _wait_for_writers(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})


def _remove_unused(connection: Connection, table: Table) -> int:
    _wait_for_writers(connection)
    return _remove(connection, table, select(table.c.id).where(*_is_unused(table)), table.c.id)


def _remove(connection: Connection, table: Table, query: Any, key: Any) -> int:
    """Remove at most one chunk: a transaction must not keep writers waiting for long."""
    ids = list(connection.execute(query.limit(CHUNK)).scalars())
    if ids:
        connection.execute(delete(table).where(key.in_(ids)))
    return len(ids)


def _is_unused(table: Table) -> tuple[Any, ...]:
    users: dict[str, tuple[Any, ...]] = {
        result.name: (run_file.c.result_id,),
        source_text.name: (run_file.c.text_id,),
        column.name: (edge.c.source_id, edge.c.target_id),
        relation.name: (relation_use.c.relation_id, column.c.relation_id),
    }
    return tuple(~select(user).where(user == table.c.id).exists() for user in users[table.name])
