"""What a job store can do. Readers (pages, lists) need only :class:`JobReader`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from airflow_provider_sqlflow.errors import JobConflictError
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobCounts,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobStatus,
)


class JobReader(Protocol):
    """Looks jobs up. Every method raises ``StoreUnavailableError`` when the store does not answer."""

    def get_job(self, job_id: JobId) -> Job:
        """The job.

        Raises:
            JobNotFoundError: no such job.
        """

    def find_key(self, idempotency_key: str) -> tuple[JobId, str] | None:
        """Id and request digest of the job that holds the key, if any does.

        A job gives its key up when it fails, is cancelled or is deleted, so that a retry runs again.
        """

    def list_jobs(self, where: JobFilter, limit: int, offset: int) -> JobPage:
        """Jobs that match, newest first."""

    def list_files(self, job_id: JobId) -> tuple[JobFile, ...]:
        """The job's files, in input order; empty for an unknown job."""

    def get_request(self, job_id: JobId) -> JobRequest:
        """What was asked.

        Raises:
            JobNotFoundError: no such job.
        """

    def iter_results(self, job_id: JobId) -> Iterator[str]:
        """Result documents (``engine.result_to_json``) of the files that have one, in input order.

        Whether the result is whole is the job's status; this does not look at it.
        """

    def iter_texts(self, job_id: JobId) -> Iterator[tuple[str, str]]:
        """Name and text of each analysed file, in input order, as it was when it was analysed."""

    def count_jobs(self) -> int:
        """How many jobs there are that are not deleted."""


class JobStore(JobReader, Protocol):
    """Keeps jobs. Each method is one transaction."""

    def create_job(self, job: Job, request: JobRequest, digest: str, files: Sequence[str]) -> Job:
        """Keep a new job with its files, in input order.

        Returns:
            The job, or the one that already holds the request's idempotency key.

        Raises:
            JobConflictError: the key's job has another digest.
        """

    def change_status(
        self,
        job_id: JobId,
        status: JobStatus,
        at: datetime,
        *,
        counts: JobCounts | None = None,
        error: str = "",
    ) -> Job:
        """Change the status if ``TRANSITIONS`` allows it from the present one; else nothing changes.

        ``at`` becomes the begin of a job that starts to run and the end of one that ends.

        Raises:
            JobNotFoundError: no such job.
            JobTransitionError: not from this status.
        """

    def save_file(self, job_id: JobId, position: int, file: JobFile, result: str, text: str) -> None:
        """Keep what became of a file. Nothing happens when the job has been deleted."""

    def save_progress(self, job_id: JobId, counts: JobCounts, current_file: str) -> None:
        """Keep how far a running job is. Nothing happens when it no longer runs."""

    def delete_job(self, job_id: JobId, at: datetime) -> Job:
        """Mark the job deleted and remove its request, files and results.

        Raises:
            JobNotFoundError: no such job.
            JobTransitionError: it is deleted already.
        """

    def close(self) -> None:
        """Release connections."""


def same_request(found: tuple[JobId, str], idempotency_key: str, digest: str) -> JobId:
    """The id of the job that holds a key, if it was asked the same.

    Raises:
        JobConflictError: it was asked something else.
    """
    job_id, kept_digest = found
    if kept_digest != digest:
        raise JobConflictError(
            f"idempotency key {idempotency_key!r} belongs to job {job_id}, which has another request; "
            "use another key or send the same request"
        )
    return job_id
