"""The use cases of lineage jobs. No SQL, no HTTP, no Airflow.

Those that change no job stand in :mod:`~airflow_provider_sqlflow.jobs.lookup`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from uuid import uuid4

from airflow_provider_sqlflow.errors import ConfigError, JobError, JobTransitionError
from airflow_provider_sqlflow.jobs.batches import add_batch
from airflow_provider_sqlflow.jobs.document import request_digest
from airflow_provider_sqlflow.jobs.inputs import JobInputs, named_dialect, open_inputs
from airflow_provider_sqlflow.jobs.lookup import JobLookup
from airflow_provider_sqlflow.jobs.model import (
    AIRFLOW_QUEUE,
    DatabaseSource,
    Job,
    JobCounts,
    JobId,
    JobKind,
    JobRequest,
    JobStatus,
    Schedule,
    TaskOrigin,
)
from airflow_provider_sqlflow.jobs.retention import clean_store
from airflow_provider_sqlflow.jobs.runners.base import JobRunner
from airflow_provider_sqlflow.jobs.store.base import CleanSummary, JobStore, same_request
from airflow_provider_sqlflow.settings import Settings

_MERGE_ATTEMPTS = 5
"""How often a submit to a persist job starts anew when others submit to it at the same moment."""


MAX_WORD_BYTES = 2000
"""Longest idempotency key, queue or tag: PostgreSQL indexes at most 2,704 bytes."""


def utc_now() -> datetime:
    """The present time, aware and UTC."""
    return datetime.now(timezone.utc)


def new_job_id() -> JobId:
    """A fresh id: 32 hexadecimal digits, as SQLFlow's."""
    return JobId(uuid4().hex)


class JobService(JobLookup):
    """Submits jobs, tells how they stand and exports what they found.

    Every method with a job id raises ``JobNotFoundError`` for one that is unknown.

    Args:
        store: keeps the jobs.
        runner: analyses them.
        settings: limits.
        clock: the present time, aware.
        new_id: makes job ids.
        reads_databases: whether a database that a job names is connected to when the job is submitted, so
            that one that cannot be read is refused; without that, only where the job runs.
    """

    def __init__(
        self,
        store: JobStore,
        runner: JobRunner,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], JobId] = new_job_id,
        *,
        reads_databases: bool = True,
    ) -> None:
        super().__init__(store)
        self._runner = runner
        self._settings = settings
        self._clock = clock
        self._new_id = new_id
        self._reads_databases = reads_databases

    # -- submitting

    def submit(self, request: JobRequest) -> Job:
        """Create a job and hand it to the runner; everything that can be refused is refused before.

        A job that was submitted under the same idempotency key is run only if nobody runs it.

        Raises:
            UnknownDialectError: the dialect has no name we know.
            ConfigError: the key, the queue or a tag is too long.
            InputError: a source is missing, empty or unreadable.
            JobConflictError: the idempotency key belongs to another request.
        """
        return self._create(_checked(request), JobKind.SIMPLE, None)

    def submit_persist(
        self,
        request: JobRequest,
        job_id: JobId | None = None,
        *,
        incremental: bool = True,
        schedule: Schedule | None = None,
    ) -> Job:
        """Create a persist job, or add a batch to one: another run over the accumulated sources.

        A text replaces the one of its name, a path is kept once. What ``request`` leaves at its default
        (name, owner, tags, queue, default names, options) stays as the job has it.

        Args:
            request: what to analyse.
            job_id: the job to add to; a new one is created without it.
            incremental: whether the batch joins what the job has; else it replaces it.
            schedule: when to run again; ``None`` leaves a job's schedule as it is.

        Raises:
            UnknownDialectError: the dialect has no name we know.
            ConfigError: the schedule cannot be used, the key, the queue or a tag is too long, or the job has
                another dialect.
            InputError: a source, an earlier one too, is missing, empty or unreadable.
            JobError: the job is a simple one.
            JobTransitionError: the job has not ended, or is deleted.
            JobConflictError: the idempotency key belongs to another request.
        """
        from airflow_provider_sqlflow.jobs.cron import checked_schedule

        request = _checked(request)
        if schedule is not None:
            schedule = checked_schedule(schedule)
        if job_id is None:
            return self._create(request, JobKind.PERSIST, schedule)
        self._persist_job(job_id)
        queued = self._add_batch(job_id, request, incremental)
        if schedule is not None:
            self._store.set_schedule(job_id, schedule)
        return self._run(queued)

    def rerun(self, job_id: JobId, *, origin: TaskOrigin | None = None, after_run: int | None = None) -> Job:
        """Run an ended job again over the same sources, as they are now.

        Args:
            job_id: the job.
            origin: the Airflow task instance that asks for it.
            after_run: only if this run is still its last; ``None`` whatever it is.

        Raises:
            InputError: a source is missing, empty or unreadable.
            JobTransitionError: the job has not ended, is deleted, or has a later run than ``after_run``.
            JobError: the tasks of a Dag ran it, and nobody else would.
        """
        found = self._store.get_job(job_id)
        if after_run is not None and found.run != after_run:
            raise JobTransitionError(f"job {job_id} has a run {found.run} since")
        if found.status is JobStatus.DELETE or not found.status.is_terminal:
            raise JobTransitionError(f"job {job_id} is {found.status.value} and cannot run again")
        if found.queue == AIRFLOW_QUEUE:
            raise JobError(f"job {job_id} was shared by the tasks of a Dag: run that Dag again")
        request = replace(self._store.get_request(job_id), idempotency_key=None, origin=origin)
        self._list(request)
        digest = request_digest(request)
        now = self._clock()
        return self._run(self._store.create_run(job_id, request, digest, now, True, found.run))

    def resume(self, job_id: JobId) -> Job:
        """See to it that a job that has not ended is run; one that runs elsewhere is left alone.

        With a runner in this process, a job whose process was lost runs here, once its lease has ended.
        """
        return self._run(self._store.get_job(job_id))

    # -- schedules

    def set_schedule(self, job_id: JobId, schedule: Schedule) -> Job:
        """Give a persist job a schedule, in place of the one it has.

        Raises:
            ConfigError: the expression or the time zone cannot be used.
            JobError: the job is a simple one.
            JobTransitionError: it is deleted.
        """
        from airflow_provider_sqlflow.jobs.cron import checked_schedule

        self._persist_job(job_id)
        return self._store.set_schedule(job_id, checked_schedule(schedule))

    def pause_schedule(self, job_id: JobId) -> Job:
        """Let a job rest until :meth:`resume_schedule`.

        Raises:
            JobError: it has no schedule.
        """
        return self._pause(job_id, is_paused=True)

    def resume_schedule(self, job_id: JobId) -> Job:
        """Undo :meth:`pause_schedule`.

        Raises:
            JobError: it has no schedule.
        """
        return self._pause(job_id, is_paused=False)

    def cancel_schedule(self, job_id: JobId) -> Job:
        """Remove a job's schedule; the job stays. Without one nothing happens."""
        if self._store.get_job(job_id).schedule is None:
            return self._store.get_job(job_id)
        return self._store.set_schedule(job_id, None)

    def list_scheduled(self) -> tuple[Job, ...]:
        """Jobs with a schedule, paused ones too, by id."""
        return self._store.list_scheduled()

    def set_on_top(self, job_id: JobId, on_top: bool) -> Job:
        """Say whether a job's owner wants it before the others in lists."""
        return self._store.set_on_top(job_id, on_top)

    # -- ending

    def cancel(self, job_id: JobId) -> Job:
        """Stop a job that has not ended; one that has is returned as it is."""
        with suppress(JobTransitionError):
            return self._store.cancel_job(job_id, self._clock())
        return self._store.get_job(job_id)

    def delete(self, job_id: JobId) -> Job:
        """Remove a job's input and results and mark it deleted; twice is the same as once."""
        with suppress(JobTransitionError):
            return self._store.delete_job(job_id, self._clock())
        return self._store.get_job(job_id)

    def clean(self, before: datetime, *, ended: bool = False) -> CleanSummary:
        """Remove for good what ended before a time; see :func:`~.retention.clean_store`."""
        return clean_store(self._store, before, self._clock(), ended=ended)

    def close(self) -> None:
        """Release the store's connections."""
        self._store.close()

    # -- steps

    def _create(self, request: JobRequest, kind: JobKind, schedule: Schedule | None) -> Job:
        digest = request_digest(request)
        key = request.idempotency_key
        found = None if key is None else self._store.find_key(key)
        if key is not None and found is not None:
            return self._run(self._store.get_job(same_request(found, key, digest)))
        inputs = self._list(request)
        request = replace(request, dialect=inputs.dialect(request.dialect))
        new = Job(
            id=self._new_id(),
            name=request.name,
            dialect=request.dialect,
            status=JobStatus.CREATE,
            created_at=self._clock(),
            owner=request.owner,
            tags=request.tags,
            counts=JobCounts(files_total=len(inputs.names)),
            kind=kind,
            queue=request.queue,
            schedule=schedule,
        )
        return self._run(self._store.create_job(new, request, digest))

    def _list(self, request: JobRequest) -> JobInputs:
        """The files of a request, as far as they are to be known before it runs."""
        sources = request.sources
        if not self._reads_databases:
            sources = tuple(source for source in sources if not isinstance(source, DatabaseSource))
            if request.sources and not sources:
                return JobInputs((), ())
        return open_inputs(sources, self._settings)

    def _run(self, job: Job) -> Job:
        """Hand a job that has not ended to the runner, which leaves it alone where others run it."""
        if job.status.is_terminal or job.queue == AIRFLOW_QUEUE:
            return job
        self._runner.run(job)
        return self._store.get_job(job.id)

    def _add_batch(self, job_id: JobId, request: JobRequest, incremental: bool) -> Job:
        digest = request_digest(request)
        for attempt in range(_MERGE_ATTEMPTS):
            found = self._store.get_job(job_id)
            key = request.idempotency_key
            if key is not None and self._store.find_key(key) == (job_id, digest):
                return found
            merged = add_batch(self._store.get_request(job_id), request, incremental)
            self._list(merged)
            try:
                return self._store.create_run(
                    job_id, merged, digest, self._clock(), incremental, after_run=found.run
                )
            except JobTransitionError:
                is_overtaken = self._store.get_job(job_id).run != found.run
                if not is_overtaken or attempt == _MERGE_ATTEMPTS - 1:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _persist_job(self, job_id: JobId) -> Job:
        found = self._store.get_job(job_id)
        if found.status is JobStatus.DELETE:
            raise JobTransitionError(f"job {job_id} is deleted")
        if found.kind is not JobKind.PERSIST:
            raise JobError(f"job {job_id} is a simple job: it has no batches and no schedule")
        return found

    def _pause(self, job_id: JobId, *, is_paused: bool) -> Job:
        found = self._store.pause_schedule(job_id, is_paused)
        if found.schedule is None:
            raise JobError(f"job {job_id} has no schedule")
        return found


def _checked(request: JobRequest) -> JobRequest:
    """The request with the name of its dialect that we use.

    Raises:
        UnknownDialectError: it has no name we know.
        ConfigError: a word is longer than a store can look up.
    """
    words = [("idempotency key", request.idempotency_key or ""), ("queue", request.queue)]
    for what, word in (*words, *(("tag", tag) for tag in request.tags)):
        size = len(word.encode("utf-8", "replace"))
        if size > MAX_WORD_BYTES:
            raise ConfigError(
                f"the {what} {word[:40]!r}… has {size:,} bytes; a store can look up {MAX_WORD_BYTES:,}"
            )
    return replace(request, dialect=named_dialect(request.dialect))
