"""The one protocol through which hooks and the command line talk to lineage jobs.

Two ways behind it: :mod:`~airflow_provider_sqlflow.client.embedded` (this process and its store) and
``client.http`` (a SQLFlow service).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from airflow_provider_sqlflow.jobs.model import (
    ExportSummary,
    InstancePage,
    Job,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobRun,
    JobTable,
    Schedule,
    SyntaxProblem,
    TableRole,
    TaskOrigin,
    TextSource,
)

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.publish import JobLineage


class SqlFlowClient(Protocol):
    """Lineage jobs, wherever they run. What goes wrong is a ``SqlFlowError`` (``errors.py``)."""

    @property
    def resume_seconds(self) -> float | None:
        """After how long :meth:`resume_job` may have to take over a job whose process was lost.

        ``None`` where others see to that: workers, or the service.
        """

    def submit_job(self, request: JobRequest) -> Job:
        """Create a job and hand it to its runner. The inline runner ends it before returning.

        Raises:
            InputError: a source is missing, empty or unreadable; the job is recorded as ``fail``
                only when it was already created.
            JobConflictError: the idempotency key belongs to another request.
        """

    def submit_persist_job(
        self,
        request: JobRequest,
        job_id: JobId | None = None,
        *,
        incremental: bool = True,
        schedule: Schedule | None = None,
    ) -> Job:
        """Create a persist job, or add a batch to the one of an id: see ``JobService.submit_persist``.

        Raises:
            InputError: a source is missing, empty or unreadable.
            ConfigError: the schedule cannot be used, or the job has another dialect.
            JobError: the job is a simple one.
            JobTransitionError: the job has not ended, or is deleted.
            JobConflictError: the idempotency key belongs to another request.
        """

    def resume_job(self, job_id: JobId) -> Job:
        """Look a job up, and see to it that it is run if it has not ended and nobody else runs it."""

    def get_request(self, job_id: JobId) -> JobRequest | None:
        """What a job was asked, all batches of a persist job together; ``None`` where a service keeps that.

        Raises:
            JobNotFoundError: no such job, or a deleted one.
        """

    def rerun_job(self, job_id: JobId, *, origin: TaskOrigin | None = None) -> Job:
        """Run an ended job again over the same sources, as they are now.

        Raises:
            InputError: a source is missing, empty or unreadable.
            JobTransitionError: the job has not ended, or is deleted.
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

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """What became of each file of a run (the last one unless told), in input order."""

    def list_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """The runs of a job, newest first."""

    def list_tables(self, job_id: JobId, role: TableRole | None = None) -> tuple[JobTable, ...]:
        """The tables that a job's last result reads or writes, by name; empty without a result."""

    def find_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """The run with a result, of any job, that ended last and reads or writes a table."""

    async def afind_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """:meth:`find_last_run` for an event loop."""

    def list_instances(
        self,
        table: str,
        role: TableRole | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> InstancePage:
        """Runs submitted by Airflow tasks whose SQL reads or writes a table, newest first."""

    def set_schedule(self, job_id: JobId, schedule: Schedule | None) -> Job:
        """Replace a persist job's schedule; ``None`` removes it.

        Raises:
            ConfigError: the expression or the time zone cannot be used.
            JobError: the job is a simple one.
        """

    def pause_schedule(self, job_id: JobId, *, is_paused: bool = True) -> Job:
        """Let a job's schedule rest, or go on.

        Raises:
            JobError: it has none.
        """

    def list_scheduled(self) -> tuple[Job, ...]:
        """Jobs with a schedule, paused ones too, by id."""

    def cancel_job(self, job_id: JobId) -> Job:
        """Stop a job that has not ended. A job that has ended is returned as it is."""

    async def acancel_job(self, job_id: JobId) -> Job:
        """:meth:`cancel_job` for an event loop."""

    def delete_job(self, job_id: JobId) -> Job:
        """Remove a job's results and mark it deleted."""

    def export_job(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        """Write a job's result to ``path`` (a local file; whole or not at all).

        ``options`` say what to show, by name: ours (``{"indirect": "false"}``) or SQLFlow's settings.

        Raises:
            JobNotReadyError: the job has no result.
            UnknownFormatError: no such format.
            ExportOptionError: an unknown option, or a value that it cannot have.
        """

    def get_lineage(self, job_id: JobId) -> JobLineage:
        """What a job found, with the SQL that it read.

        Raises:
            JobNotFoundError: no such job.
            JobNotReadyError: the job has no result.
        """

    def check_syntax(self, source: TextSource, dialect: str) -> tuple[SyntaxProblem, ...]:
        """What would not be understood of a text, in reading order. Keeps nothing.

        Raises:
            UnknownDialectError: the dialect has no name we know.
        """

    def job_url(self, job_id: JobId) -> str:
        """Where people see the job in a browser; empty where there is no such page."""

    def ping(self) -> str:
        """Check that jobs can be submitted; returns one line for people (no secrets)."""

    def close(self) -> None:
        """Release connections."""
