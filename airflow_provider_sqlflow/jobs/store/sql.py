"""The job store over SQLAlchemy Core: the same statements on SQLite and PostgreSQL.

This module only says which transaction a method is, and whether it may be done twice; the statements are in
the modules beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, exc, select

from airflow_provider_sqlflow.errors import JobNotReadyError
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
from airflow_provider_sqlflow.jobs.store import claims, cleaning, instances, jobs, listing, run_files, shards
from airflow_provider_sqlflow.jobs.store.base import (
    Claim,
    CleanSummary,
    FileResult,
    KnownResult,
    SavedFile,
    SavedText,
    same_request,
)
from airflow_provider_sqlflow.jobs.store.database import RETRY_SECONDS, Answer, Database
from airflow_provider_sqlflow.jobs.store.packing import unpack
from airflow_provider_sqlflow.jobs.store.schema import upgrade_schema
from airflow_provider_sqlflow.jobs.store.tables import result, run_file, source_text

_BATCH = 32
"""Documents fetched at once: they can be large."""


class SqlJobStore:
    """A :class:`~airflow_provider_sqlflow.jobs.store.base.JobStore` in SQLite or PostgreSQL.

    The schema is created or brought up to date on opening, which is not tried again: a wrong URL shows at
    once. Later, work waits for a database that does not answer.

    Args:
        url: see :class:`~airflow_provider_sqlflow.jobs.store.database.Database`.
        retry_seconds: how long.

    Raises:
        ConfigError: the URL is of no database that can hold the store.
        StoreUnavailableError: the database does not answer.
        StoreVersionError: its schema is newer than this code.
    """

    def __init__(self, url: str, retry_seconds: float = RETRY_SECONDS) -> None:
        self._database = Database(url, retry_seconds)
        try:
            upgrade_schema(self._database)
        except BaseException:
            self._database.close()
            raise

    @property
    def shown_url(self) -> str:
        """The store's URL without its password."""
        return self._database.shown_url

    # -- looking up

    def get_job(self, job_id: JobId) -> Job:
        """See the protocol."""
        return self._database.read(lambda connection: listing.get_job(connection, job_id))

    def find_key(self, idempotency_key: str) -> tuple[JobId, str] | None:
        """See the protocol."""
        return self._database.read(lambda connection: listing.find_key(connection, idempotency_key))

    def list_jobs(self, where: JobFilter, limit: int, offset: int) -> JobPage:
        """See the protocol."""
        return self._database.read(lambda connection: listing.list_jobs(connection, where, limit, offset))

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """See the protocol."""
        return self._database.read(lambda connection: listing.list_files(connection, job_id, run))

    def list_names(self, job_ids: Sequence[JobId]) -> dict[JobId, tuple[str, ...]]:
        """See the protocol."""
        return self._database.read(lambda connection: listing.list_names(connection, job_ids))

    def list_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """See the protocol."""
        return self._database.read(lambda connection: listing.list_runs(connection, job_id))

    def list_scheduled(self) -> tuple[Job, ...]:
        """See the protocol."""
        return self._database.read(listing.list_scheduled)

    def list_instances(
        self,
        table: str,
        role: TableRole | None,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        offset: int,
    ) -> InstancePage:
        """See the protocol."""
        return self._database.read(
            lambda connection: instances.list_instances(connection, table, role, start, end, limit, offset)
        )

    def list_tables(self, job_id: JobId, role: TableRole | None) -> tuple[JobTable, ...]:
        """See the protocol."""
        return self._database.read(lambda connection: instances.list_tables(connection, job_id, role))

    def find_last_run(self, table: str, role: TableRole | None) -> JobRun | None:
        """See the protocol."""
        return self._database.read(lambda connection: instances.last_run(connection, table, role))

    def get_request(self, job_id: JobId) -> JobRequest:
        """See the protocol."""
        return self._database.read(lambda connection: listing.get_request(connection, job_id))

    def iter_results(self, job_id: JobId) -> Iterator[str]:
        """See the protocol."""
        query = select(result.c.document).join(run_file, run_file.c.result_id == result.c.id)
        return (unpack(row["document"]) for row in self._iter_shown(job_id, query))

    def iter_texts(self, job_id: JobId) -> Iterator[tuple[str, str]]:
        """See the protocol."""
        query = select(run_file.c.path, source_text.c.text)
        query = query.join(source_text, run_file.c.text_id == source_text.c.id)
        return ((row["path"], unpack(row["text"])) for row in self._iter_shown(job_id, query))

    def count_jobs(self) -> int:
        """See the protocol."""
        return self._database.read(listing.count_jobs)

    # -- submitting

    def create_job(self, job: Job, request: JobRequest, digest: str) -> Job:
        """See the protocol."""

        def insert(connection: Connection) -> Job:
            return jobs.create_job(connection, job, request, digest)

        try:
            return self._database.write(insert)
        except exc.IntegrityError:
            key = request.idempotency_key
            found = None if key is None else self.find_key(key)
            if key is not None and found is not None:
                return self.get_job(same_request(found, key, digest))
        # The key was given up between the two looks at it; if not, the error is another one.
        return self._database.write(insert)

    def create_run(
        self,
        job_id: JobId,
        request: JobRequest,
        digest: str,
        at: datetime,
        incremental: bool,
        after_run: int | None = None,
    ) -> Job:
        """See the protocol."""

        def queue(connection: Connection) -> Job:
            return jobs.create_run(connection, job_id, request, digest, at, incremental, after_run)

        try:
            return self._database.write(queue)
        except exc.IntegrityError:  # the key was taken meanwhile, which the second look sees
            return self._database.write(queue)

    def set_on_top(self, job_id: JobId, on_top: bool) -> Job:
        """See the protocol."""
        return self._again(lambda connection: jobs.set_on_top(connection, job_id, on_top))

    def set_schedule(self, job_id: JobId, schedule: Schedule | None) -> Job:
        """See the protocol."""
        return self._again(lambda connection: jobs.set_schedule(connection, job_id, schedule))

    def pause_schedule(self, job_id: JobId, is_paused: bool) -> Job:
        """See the protocol."""
        return self._again(lambda connection: jobs.pause_schedule(connection, job_id, is_paused))

    def cancel_job(self, job_id: JobId, at: datetime) -> Job:
        """See the protocol."""
        return self._database.write(lambda connection: jobs.end_job(connection, job_id, JobStatus.CANCEL, at))

    def fail_job(self, job_id: JobId, at: datetime, error: str) -> Job:
        """See the protocol."""
        return self._database.write(
            lambda connection: jobs.end_job(connection, job_id, JobStatus.FAIL, at, error)
        )

    def delete_job(self, job_id: JobId, at: datetime, ended_before: datetime | None = None) -> Job:
        """See the protocol."""
        return self._database.write(
            lambda connection: cleaning.delete_job(connection, job_id, at, ended_before)
        )

    # -- working

    def claim_job(self, job_id: JobId, worker: str, at: datetime, until: datetime) -> Claim | None:
        """See the protocol."""
        return self._database.write(
            lambda connection: claims.claim_job(connection, job_id, worker, at, until)
        )

    def claim_next(self, queues: Sequence[str], worker: str, at: datetime, until: datetime) -> Claim | None:
        """See the protocol."""
        return self._database.write(
            lambda connection: claims.claim_next(connection, queues, worker, at, until)
        )

    def renew_claim(self, claim: Claim, until: datetime, counts: JobCounts, current_file: str) -> None:
        """See the protocol."""
        self._again(lambda connection: claims.renew_claim(connection, claim, until, counts, current_file))

    def release_claim(self, claim: Claim) -> None:
        """See the protocol."""
        self._again(lambda connection: claims.release_claim(connection, claim))

    def plan_files(self, claim: Claim, names: Sequence[str], inputs_digest: str) -> None:
        """See the protocol."""
        self._again(lambda connection: run_files.plan_files(connection, claim, names, inputs_digest))

    def reuse_run(self, claim: Claim, inputs_digest: str) -> JobRun | None:
        """See the protocol."""
        return self._again(lambda connection: run_files.reuse_run(connection, claim, inputs_digest))

    def find_results(self, input_keys: Sequence[str]) -> dict[str, list[KnownResult]]:
        """See the protocol."""
        return self._database.read(lambda connection: run_files.find_results(connection, input_keys))

    def save_files(self, claim: Claim, files: Sequence[SavedFile], counts: JobCounts) -> None:
        """See the protocol."""
        self._again(lambda connection: run_files.save_files(connection, claim, files, counts))

    def save_texts(self, claim: Claim, files: Sequence[SavedText]) -> None:
        """See the protocol."""
        self._again(lambda connection: shards.save_texts(connection, claim, files))

    def find_texts(self, job_id: JobId, positions: Sequence[int]) -> dict[int, str]:
        """See the protocol."""
        return self._database.read(lambda connection: shards.find_texts(connection, job_id, positions))

    def save_plan(self, claim: Claim, document: str) -> None:
        """See the protocol."""
        self._again(lambda connection: shards.save_plan(connection, claim, document))

    def find_plan(self, job_id: JobId) -> str | None:
        """See the protocol."""
        return self._database.read(lambda connection: shards.find_plan(connection, job_id))

    def save_results(self, results: Sequence[FileResult]) -> None:
        """See the protocol."""
        self._again(lambda connection: shards.save_results(connection, results))

    def count_relations(self, claim: Claim) -> int:
        """See the protocol."""
        return self._database.read(lambda connection: run_files.count_relations(connection, claim))

    def finish_run(
        self, claim: Claim, status: JobStatus, at: datetime, counts: JobCounts, error: str = ""
    ) -> Job:
        """See the protocol."""
        return self._database.write(
            lambda connection: claims.finish_run(connection, claim, status, at, counts, error)
        )

    # -- keeping house

    def clean(self, before: datetime) -> CleanSummary:
        """See the protocol. Many short transactions: writers go on in between."""
        removed = CleanSummary(
            jobs=self._drain(lambda connection: cleaning.clean_jobs(connection, before)),
            runs=self._drain(lambda connection: cleaning.clean_runs(connection, before)),
            results=self._drain(cleaning.clean_results),
            texts=self._drain(cleaning.clean_texts),
        )
        self._drain(cleaning.clean_names)
        return removed

    def close(self) -> None:
        """See the protocol."""
        self._database.close()

    def _again(self, work: Callable[[Connection], Answer]) -> Answer:
        """Work that means the same done twice."""
        return self._database.write(work, repeatable=True)

    def _drain(self, clean_some: Callable[[Connection], int]) -> int:
        total = 0
        while removed := self._again(clean_some):
            total += removed
        return total

    def _iter_shown(self, job_id: JobId, query: Select[Any]) -> Iterator[Any]:
        # Short transactions: a slow consumer must not hold one open.
        run_id, last = self._database.read(partial(listing.shown_rows, query, job_id))
        after = -1
        while after < last:
            rows = self._database.read(partial(listing.file_batch, query, run_id, after, _BATCH))
            if not rows:
                raise JobNotReadyError(f"the result of job {job_id} was removed while it was read")
            yield from rows
            after = rows[-1]["position"]
