"""What a job's end means for the task that waits for it; shared by operators, sensors and triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.errors import JobFailedError, SqlFlowError
from airflow_provider_sqlflow.jobs.model import Job, JobStatus

if TYPE_CHECKING:
    from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook

MAX_LOGGED_FILES = 20


@contextmanager
def airflow_errors() -> Iterator[None]:
    """Let Airflow retry only what a retry can cure.

    Raises:
        AirflowFailException: for an error of this package that is not retryable.
    """
    try:
        yield
    except SqlFlowError as error:
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from error


def job_summary(job: Job) -> dict[str, Any]:
    """The job as plain values, fit for XCom: id, name, dialect, status, error and counts."""
    return {
        "job_id": str(job.id),
        "job_name": job.name,
        "dialect": job.dialect,
        "status": job.status.value,
        "error": job.error,
        "counts": asdict(job.counts),
    }


def check_job(job: Job, *, fail_on_partial: bool) -> None:
    """Pass a job that ended well.

    Raises:
        JobFailedError: the job failed, was cancelled or deleted; with ``fail_on_partial`` also when
            some of its statements or files gave no lineage.
    """
    if job.status is JobStatus.SUCCESS:
        return
    if job.status is JobStatus.PARTIAL_SUCCESS and not fail_on_partial:
        return
    reason = job.error
    if job.status is JobStatus.PARTIAL_SUCCESS:
        reason = f"{job.counts.failed_statements} statements gave no lineage (fail_on_partial is set)"
    raise JobFailedError(
        f"lineage job {job.name} ({job.id}) ended as {job.status.value}: {reason}".rstrip(": ")
    )


def log_job(hook: SqlFlowHook, job: Job) -> None:
    """Log what an ended job found, and where statements gave no lineage (file, line and column)."""
    counts = job.counts
    hook.log.info(
        "Lineage job %s (%s) ended as %s: %d files, %d statements, %d relations, %d column edges",
        job.name,
        job.id,
        job.status.value,
        counts.files_done,
        counts.statements,
        counts.relations,
        counts.column_edges,
    )
    if job.status in (JobStatus.SUCCESS, JobStatus.DELETE):
        return
    troubled = [file for file in hook.list_files(job.id) if file.cause]
    for file in troubled[:MAX_LOGGED_FILES]:
        hook.log.warning(
            "%s (%d of %d statements failed)", file.cause, file.failed_statements, file.statements
        )
    if len(troubled) > MAX_LOGGED_FILES:
        hook.log.warning("... and %d more files with failures", len(troubled) - MAX_LOGGED_FILES)
