"""The one protocol through which hooks and the command line talk to lineage jobs.

Two ways behind it: :mod:`~airflow_provider_sqlflow.client.embedded` (this process and its store) and
``client.http`` (a SQLFlow service).
"""

from __future__ import annotations

from typing import Protocol

from airflow_provider_sqlflow.jobs.model import (
    ExportSummary,
    Job,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
)


class SqlFlowClient(Protocol):
    """Lineage jobs, wherever they run. What goes wrong is a ``SqlFlowError`` (``errors.py``)."""

    def submit_job(self, request: JobRequest) -> Job:
        """Create a job and hand it to its runner. The inline runner ends it before returning.

        Raises:
            InputError: a source is missing, empty or unreadable; the job is recorded as ``fail``
                only when it was already created.
            JobConflictError: the idempotency key belongs to another request.
        """

    def get_job(self, job_id: JobId) -> Job:
        """Look a job up.

        Raises:
            JobNotFoundError: no such job.
        """

    async def aget_job(self, job_id: JobId) -> Job:
        """:meth:`get_job` for an event loop: never blocks it."""

    def list_jobs(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """Jobs that match, newest first."""

    def list_files(self, job_id: JobId) -> tuple[JobFile, ...]:
        """What became of each file, in input order."""

    def cancel_job(self, job_id: JobId) -> Job:
        """Stop a job that has not ended. A job that has ended is returned as it is."""

    async def acancel_job(self, job_id: JobId) -> Job:
        """:meth:`cancel_job` for an event loop."""

    def delete_job(self, job_id: JobId) -> Job:
        """Remove a job's results and mark it deleted."""

    def export_job(self, job_id: JobId, format: str, path: str) -> ExportSummary:
        """Write a job's result to ``path`` (a local file; whole or not at all).

        Raises:
            JobNotReadyError: the job has no result.
            UnknownFormatError: no such format.
        """

    def ping(self) -> str:
        """Check that jobs can be submitted; returns one line for people (no secrets)."""

    def close(self) -> None:
        """Release connections."""
