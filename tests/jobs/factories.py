"""Requests, jobs and clocks for the tests of jobs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_sqlflow.jobs.model import Job, JobCounts, JobId, JobRequest, JobStatus, TextSource

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)


class TickingClock:
    """Each look at it is one second later."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def make_request(**changes: Any) -> JobRequest:
    values: dict[str, Any] = {
        "name": "nightly",
        "dialect": "snowflake",
        "sources": (TextSource("a.sql", "INSERT INTO t (a) SELECT a FROM s"),),
    }
    return JobRequest(**{**values, **changes})


def make_job(job_id: str = "j1", **changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": JobId(job_id),
        "name": "nightly",
        "dialect": "snowflake",
        "status": JobStatus.CREATE,
        "created_at": START,
        "counts": JobCounts(files_total=1),
    }
    return Job(**{**values, **changes})
