"""Removes what is old from a store."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from airflow_provider_sqlflow.errors import JobTransitionError
from airflow_provider_sqlflow.jobs.model import JobFilter, JobKind, JobStatus
from airflow_provider_sqlflow.jobs.store.base import CleanSummary, JobStore

_AT_ONCE = 200
_ENDED = tuple(status for status in JobStatus if status.is_terminal and status is not JobStatus.DELETE)


def clean_store(store: JobStore, before: datetime, at: datetime, *, ended: bool = False) -> CleanSummary:
    """Remove for good what ended before a time; see ``JobStore.clean``.

    Args:
        store: the store.
        before: an aware time.
        at: the present time.
        ended: also delete simple jobs that ended before it, and remove them. Persist jobs stay.
    """
    if ended:
        _delete_ended(store, before, at)
    return store.clean(before)


def _delete_ended(store: JobStore, before: datetime, at: datetime) -> None:
    where = JobFilter(status=_ENDED, created_to=before)
    passed = 0
    while page := store.list_jobs(where, _AT_ONCE, passed).jobs:
        for job in page:
            if job.kind is JobKind.SIMPLE and job.end_at is not None and job.end_at < before:
                with suppress(JobTransitionError):  # deleted or run again since it was listed
                    store.delete_job(job.id, at, ended_before=before)
            else:
                passed += 1
