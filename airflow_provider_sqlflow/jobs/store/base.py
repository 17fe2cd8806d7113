"""What a job store can do. Readers (pages, lists) need only :class:`JobReader`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from airflow_provider_sqlflow.errors import JobConflictError
from airflow_provider_sqlflow.jobs.lineage.rows import IndexRows
from airflow_provider_sqlflow.jobs.model import (
    InstancePage,
    Job,
    JobCounts,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobRun,
    JobStatus,
    JobTable,
    Schedule,
    TableRole,
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

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """The files of a run (the last one unless told), in input order; empty for an unknown job."""

    def list_names(self, job_ids: Sequence[JobId]) -> dict[JobId, tuple[str, ...]]:
        """The files of each job's last run, in input order; a job whose run has not begun is left out."""

    def list_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """The runs of a job, newest first; empty for an unknown job."""

    def list_scheduled(self) -> tuple[Job, ...]:
        """Persist jobs with a schedule, paused ones too, by id; in one query."""

    def list_instances(
        self,
        table: str,
        role: TableRole | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        offset: int,
    ) -> InstancePage:
        """Runs submitted by Airflow tasks that read or wrote a table in a time range, newest first.

        ``table`` is a dotted name, compared without case; missing parts match any.
        """

    def list_tables(self, job_id: JobId, role: TableRole | None) -> tuple[JobTable, ...]:
        """The tables that the job's last whole run reads or writes, by name; empty without such a run."""

    def find_last_run(self, table: str, role: TableRole | None) -> JobRun | None:
        """The run with a result, of any job, that ended last and reads or writes a table.

        ``table`` is a dotted name, compared without case; missing parts match any.
        """

    def get_request(self, job_id: JobId) -> JobRequest:
        """What was asked.

        Raises:
            JobNotFoundError: no such job.
        """

    def iter_results(self, job_id: JobId) -> Iterator[str]:
        """Result documents (``engine.result_to_json``) of the job's last whole run, in input order.

        Raises:
            JobNotReadyError: the run was removed while it was read.
        """

    def iter_texts(self, job_id: JobId) -> Iterator[tuple[str, str]]:
        """Name and text of each file of the job's last whole run, in input order, as they were then.

        Raises:
            JobNotReadyError: the run was removed while it was read.
        """

    def count_jobs(self) -> int:
        """How many jobs there are that are not deleted."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a job's run. Another claim, a cancel or a delete ends it.

    ``token`` is unique to the claim: every write below needs the one that the store holds, so a worker
    that lost its lease while it slept can change nothing. ``attempts`` counts the claims of the run, this
    one included, those that were released left out.
    """

    job: Job
    request: JobRequest
    worker: str
    token: str
    attempts: int = 1

    @property
    def run(self) -> int:
        """The run that was claimed."""
        return self.job.run


@dataclass(frozen=True, slots=True)
class FileResult:
    """A file's lineage, ready to be kept and found again.

    Attributes:
        input_key: digest of all that decides the result but the catalog's answers (see
            ``jobs.incremental.input_key``).
        lookups: what was asked of the catalog and answered, as JSON.
        declarations: relations that the file declares, as JSON.
        document: ``engine.result_to_json``.
        rows: relations and edges for the look-up tables.
        summary: what the job's list of files shows.
        edges: how many folded column edges.
        diagnostics: how many.
    """

    input_key: str
    lookups: str
    declarations: str
    document: str
    rows: IndexRows
    summary: JobFile
    edges: int
    diagnostics: int


@dataclass(frozen=True, slots=True)
class KnownResult:
    """A kept result: enough to tell whether it still holds, without its document."""

    id: int
    input_key: str
    lookups: str
    declarations: str
    summary: JobFile
    edges: int
    diagnostics: int


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One file of a run to be saved: with a new result, or with a known one."""

    position: int
    size: int
    text: str
    result: FileResult | KnownResult


@dataclass(frozen=True, slots=True)
class SavedText:
    """The text of one file of a run, saved before its result."""

    position: int
    size: int
    text: str


class JobStore(JobReader, Protocol):
    """Keeps jobs. Each method is one transaction."""

    def create_job(self, job: Job, request: JobRequest, digest: str) -> Job:
        """Keep a new job with its first run.

        Returns:
            The job, or the one that already holds the request's idempotency key.

        Raises:
            JobConflictError: the key's job has another digest.
        """

    def create_run(
        self,
        job_id: JobId,
        request: JobRequest,
        digest: str,
        at: datetime,
        incremental: bool,
        after_run: int | None = None,
    ) -> Job:
        """Queue another run of an ended job, under a request that replaces the one before.

        The same idempotency key and digest as a run that did not fail give that run's job unchanged.
        ``after_run`` is the run whose request the new one builds on: nobody else may have added one.

        Raises:
            JobNotFoundError: no such job.
            JobTransitionError: it has not ended, is deleted, or has a later run than ``after_run``.
            JobConflictError: the key belongs to another digest.
        """

    def set_on_top(self, job_id: JobId, on_top: bool) -> Job:
        """Say whether a job's owner wants it before the others in lists.

        Raises:
            JobNotFoundError: no such job.
        """

    def set_schedule(self, job_id: JobId, schedule: Schedule | None) -> Job:
        """Replace or remove a persist job's schedule.

        Raises:
            JobNotFoundError: no such job.
            JobTransitionError: it is deleted.
        """

    def pause_schedule(self, job_id: JobId, is_paused: bool) -> Job:
        """Let a job's schedule rest, or go on; what it is at that moment stays. Nothing without one.

        Raises:
            JobNotFoundError: no such job.
        """

    def claim_job(self, job_id: JobId, worker: str, at: datetime, until: datetime) -> Claim | None:
        """Claim a queued job, or a running one whose lease ended before ``at``; it runs from now on.

        Returns:
            ``None`` when there is nothing to claim: it runs elsewhere, or it has ended.

        Raises:
            JobNotFoundError: no such job.
        """

    def claim_next(self, queues: Sequence[str], worker: str, at: datetime, until: datetime) -> Claim | None:
        """Claim the oldest job of these queues that :meth:`claim_job` would; ``None`` when there is none.

        Two workers never claim the same job (PostgreSQL: ``FOR UPDATE SKIP LOCKED``).
        """

    def renew_claim(self, claim: Claim, until: datetime, counts: JobCounts, current_file: str) -> None:
        """Say that the work goes on, and how far it is.

        Raises:
            LeaseLostError: the claim has ended: cancelled, deleted, or taken over.
        """

    def release_claim(self, claim: Claim) -> None:
        """Queue the job again, at once. Nothing happens when the claim has ended."""

    def plan_files(self, claim: Claim, names: Sequence[str], inputs_digest: str) -> None:
        """Keep the list of the run's files; files saved for the run by an earlier claim are dropped.

        Raises:
            LeaseLostError: the claim has ended.
        """

    def reuse_run(self, claim: Claim, inputs_digest: str) -> JobRun | None:
        """Take all files over from the job's last whole run if it had these very inputs.

        Returns:
            That run, whose status and counts hold for this one too; ``finish_run`` is still to be called.

        Raises:
            LeaseLostError: the claim has ended.
        """

    def find_results(self, input_keys: Sequence[str]) -> dict[str, list[KnownResult]]:
        """Kept results of any job by input key."""

    def save_files(self, claim: Claim, files: Sequence[SavedFile], counts: JobCounts) -> None:
        """Keep what became of some files, all or none.

        Raises:
            LeaseLostError: the claim has ended.
        """

    def save_texts(self, claim: Claim, files: Sequence[SavedText]) -> None:
        """Keep the texts of some planned files for shards to read.

        Raises:
            LeaseLostError: the claim has ended.
        """

    def find_texts(self, job_id: JobId, positions: Sequence[int]) -> dict[int, str]:
        """Texts kept for the job's last run, by position; those without one are left out."""

    def save_plan(self, claim: Claim, document: str) -> None:
        """Keep how the run is spread over shards, in place of an earlier plan.

        Raises:
            LeaseLostError: the claim has ended.
        """

    def find_plan(self, job_id: JobId) -> str | None:
        """The plan of the job's last run, if it has one."""

    def save_results(self, results: Sequence[FileResult]) -> None:
        """Keep results that no run uses yet, for runs to find. Those there are already stay.

        Needs no claim: a result holds for its input key and look-ups, whoever found it.
        """

    def count_relations(self, claim: Claim) -> int:
        """How many relations the files saved for the run mention, each counted once."""

    def finish_run(
        self, claim: Claim, status: JobStatus, at: datetime, counts: JobCounts, error: str = ""
    ) -> Job:
        """End the run and the claim. A run with a result becomes the one that exports show, at once.

        Raises:
            LeaseLostError: the claim has ended.
        """

    def cancel_job(self, job_id: JobId, at: datetime) -> Job:
        """Cancel a job that has not ended.

        Raises:
            JobNotFoundError: no such job.
            JobTransitionError: it has ended.
        """

    def fail_job(self, job_id: JobId, at: datetime, error: str) -> Job:
        """End a queued job that nobody can run.

        Raises:
            JobNotFoundError: no such job.
            JobTransitionError: it has ended.
        """

    def delete_job(self, job_id: JobId, at: datetime, ended_before: datetime | None = None) -> Job:
        """Mark the job deleted and remove its requests, files and results that no other job uses.

        Args:
            job_id: the job.
            at: the present time.
            ended_before: only if its last run ended before this time; ``None`` in any case.

        Raises:
            JobNotFoundError: no such job.
            JobTransitionError: it is deleted already, or did not end before that time.
        """

    def clean(self, before: datetime) -> CleanSummary:
        """Remove for good what ended before a time.

        Deleted jobs, runs that are no job's last or shown one, then results and texts that nothing uses.
        """

    def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True, slots=True)
class CleanSummary:
    """How many rows :meth:`JobStore.clean` removed."""

    jobs: int = 0
    runs: int = 0
    results: int = 0
    texts: int = 0


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
