"""Rows of the store's tables as the values of ``jobs.model``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite

from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobCounts,
    JobId,
    JobKind,
    JobRun,
    JobStatus,
    Schedule,
    TaskOrigin,
)

COUNT_NAMES = tuple(field.name for field in fields(JobCounts))

CHUNK = 500
"""How many values one statement names: SQLite allows 32,766, older ones 999."""

Item = TypeVar("Item")


def chunks(items: Sequence[Item], size: int = CHUNK) -> Iterator[Sequence[Item]]:
    """The items in pieces that one statement may name."""
    return (items[start : start + size] for start in range(0, len(items), size))


def insert_new(connection: Connection, table: Table) -> Insert:
    """An INSERT that passes over rows whose unique key is there already."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def job_of(row: RowMapping, tags: Iterable[str]) -> Job:
    """A job from its row."""
    return Job(
        id=JobId(row["id"]),
        name=row["name"],
        dialect=row["dialect"],
        status=JobStatus(row["status"]),
        created_at=row["created_at"],
        begin_at=row["begin_at"],
        end_at=row["end_at"],
        owner=row["owner"],
        tags=tuple(tags),
        counts=_counts(row),
        current_file=row["current_file"],
        error=row["error"],
        kind=JobKind(row["kind"]),
        queue=row["queue"],
        run=row["run"],
        result_run=row["result_run"],
        incremental=row["incremental"],
        schedule=_schedule(row),
        on_top=row["on_top"],
    )


def run_of(row: RowMapping) -> JobRun:
    """A run from its row."""
    return JobRun(
        job_id=JobId(row["job_id"]),
        number=row["number"],
        batch_id=row["batch_id"],
        status=JobStatus(row["status"]),
        created_at=row["created_at"],
        begin_at=row["begin_at"],
        end_at=row["end_at"],
        counts=_counts(row),
        error=row["error"],
        incremental=row["incremental"],
        origin=_origin(row),
    )


def origin_values(origin: TaskOrigin | None) -> dict[str, Any]:
    """A task instance as columns of a run."""
    if origin is None:
        return {}
    return {
        "dag_id": origin.dag_id,
        "dag_run_id": origin.run_id,
        "task_id": origin.task_id,
        "map_index": origin.map_index,
        "try_number": origin.try_number,
    }


def _counts(row: RowMapping) -> JobCounts:
    return JobCounts(**{name: row[name] for name in COUNT_NAMES})


def _schedule(row: RowMapping) -> Schedule | None:
    return None if row["cron"] is None else Schedule(row["cron"], row["timezone"], row["is_paused"])


def _origin(row: RowMapping) -> TaskOrigin | None:
    if row["dag_id"] is None:
        return None
    return TaskOrigin(row["dag_id"], row["dag_run_id"], row["task_id"], row["map_index"], row["try_number"])
