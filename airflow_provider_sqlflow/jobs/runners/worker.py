"""The loop of ``sqlflow worker``: claim a queued job, run it, claim the next.

A job is safe with a worker that may be killed at any moment: until the run is finished in one transaction,
nothing of it shows; when the lease ends another worker claims the job and finds what was already kept.
"""

from __future__ import annotations

import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum

from airflow_provider_sqlflow.errors import LeaseLostError, SqlFlowError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.execution import OnProgress
from airflow_provider_sqlflow.jobs.model import Job, JobCounts, JobId, JobStatus
from airflow_provider_sqlflow.jobs.runners.base import cause_of
from airflow_provider_sqlflow.jobs.runners.heartbeat import Heartbeat
from airflow_provider_sqlflow.jobs.runners.outage import StoreOutage
from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest, WorkStopped
from airflow_provider_sqlflow.jobs.store.base import Claim, JobStore
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)

Execute = Callable[[Claim, OnProgress], Job]
"""Runs a claimed job to its end, as ``jobs.execution.Execution.run`` does."""

_FIRST_PAUSE_SECONDS = 0.1
_MAX_LOGGED_CHARS = 500


class WorkUntil(Enum):
    """When a worker ends by itself."""

    STOPPED = "stopped"
    """Never: it is told to."""
    IDLE = "idle"
    """When nothing is queued."""
    ONE_JOB = "one_job"
    """After one job, or when nothing is queued."""


class Worker:
    """Works on one job at a time.

    Args:
        store: jobs and results.
        execute: what runs a job.
        settings: lease, pauses, attempts, queues.
        clock: the present time, aware.
        stop: asks the worker to end.
        queues: the queues to serve; the settings' unless given.
        name: shown as the job's worker; unique among workers.
        monotonic: seconds.

    Attributes:
        name: of the worker.
    """

    def __init__(
        self,
        store: JobStore,
        execute: Execute,
        settings: Settings,
        clock: Callable[[], datetime],
        stop: StopRequest,
        *,
        queues: Sequence[str] = (),
        name: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._execute = execute
        self._settings = settings
        self._clock = clock
        self._stop = stop
        self._queues = tuple(queues) or settings.queues
        self.name = name or worker_name()
        self._monotonic = monotonic
        self._outage = StoreOutage(log, monotonic)

    def run(self, until: WorkUntil = WorkUntil.STOPPED) -> int:
        """Work.

        Returns:
            How many jobs were claimed.
        """
        log.info("worker %s serves %s", self.name, ", ".join(self._queues))
        claimed = 0
        pause = _FIRST_PAUSE_SECONDS
        while not self._stop.is_made:
            try:
                claim = self._outage.outlast(self._claim_next, self._stop)
            except StoreUnavailableError:
                break  # asked to stop while waiting for the store
            if claim is not None:
                claimed += 1
                pause = _FIRST_PAUSE_SECONDS
                self._work(claim)
                if until is WorkUntil.ONE_JOB:
                    break
            elif until is WorkUntil.STOPPED:
                # Jitter: workers started together should not ask together for ever.
                self._stop.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
                pause = min(2 * pause, self._settings.worker_poll_seconds)
            else:
                break
        log.info("worker %s ends after %d job(s)", self.name, claimed)
        return claimed

    def find_job(self, job_id: JobId) -> Job:
        """A job of the store, which is waited for.

        Raises:
            JobNotFoundError: no such job.
            StoreUnavailableError: the store does not answer, and asked to stop.
        """
        return self._outage.outlast(lambda: self._store.get_job(job_id), self._stop)

    def run_job(self, job_id: JobId, run: int) -> Job:
        """See one run of a job to its end: here, or where another worker has it, there.

        Returns:
            The job. It may have a later run by now.

        Raises:
            JobNotFoundError: no such job.
            WorkStopped: asked to stop before the end.
            StoreUnavailableError: the store does not answer, and asked to stop.
        """
        while True:
            job = self.find_job(job_id)
            if job.status.is_terminal or job.run != run:
                return job
            self._stop.raise_if_made()
            claim = self._outage.outlast(lambda: self._claim(job_id), self._stop)
            if claim is None:
                self._stop.wait(self._settings.worker_poll_seconds)
            else:
                self._work(claim)

    def _claim(self, job_id: JobId) -> Claim | None:
        now = self._clock()
        until = now + timedelta(seconds=self._settings.worker_lease_seconds)
        return self._store.claim_job(job_id, self.name, now, until)

    def _claim_next(self) -> Claim | None:
        now = self._clock()
        until = now + timedelta(seconds=self._settings.worker_lease_seconds)
        return self._store.claim_next(self._queues, self.name, now, until)

    def _work(self, claim: Claim) -> None:
        """See one claim to its end, whatever that is."""
        job = claim.job
        began_at = self._monotonic()
        log.info("job %s (%r): run %d begins, attempt %d", job.id, job.name, claim.run, claim.attempts)
        lease_seconds = self._settings.worker_lease_seconds
        with Heartbeat(self._store, claim, lease_seconds, self._clock, self._outage) as heartbeat:
            try:
                if claim.attempts > self._settings.max_attempts:
                    ended = self._fail(claim, heartbeat.counts, _lost_workers(claim.attempts - 1))
                else:
                    ended = self._run_job(claim, heartbeat)
            except LeaseLostError as error:
                log.warning("job %s: its work is dropped: %s", job.id, error)
            except WorkStopped:
                self._release(claim)
            except StoreUnavailableError:
                # Asked to stop while waiting for the store. The lease ends by itself.
                log.warning(
                    "job %s: left as it is; another worker claims it when its lease has ended", job.id
                )
            else:
                _tell_end(ended, self._monotonic() - began_at)

    def _run_job(self, claim: Claim, heartbeat: Heartbeat) -> Job:
        """Run a job; through outages of the store as long as each time it gets further.

        Raises:
            LeaseLostError: the claim has ended.
            WorkStopped: asked to stop.
            StoreUnavailableError: the store does not answer, and asked to stop.
        """
        failures, furthest = 0, -1
        while True:
            ended = self._try_to_run(claim, heartbeat)
            if isinstance(ended, Job):
                return ended
            files_done = heartbeat.counts.files_done
            failures = failures + 1 if files_done <= furthest else 1
            furthest = max(furthest, files_done)
            # Answers to this, but never to the work: then the work is what is wrong.
            self._outage.outlast(heartbeat.renew, self._stop)
            if failures >= self._settings.max_attempts:
                return self._fail(claim, heartbeat.counts, cause_of(ended))

    def _try_to_run(self, claim: Claim, heartbeat: Heartbeat) -> Job | StoreUnavailableError:
        """Run a job; the error where the store did not answer."""

        def on_progress(counts: JobCounts, name: str) -> None:
            heartbeat.tell(counts, name)
            self._stop.raise_if_made()

        try:
            with self._stop.interruptible():
                return self._execute(claim, on_progress)
        except LeaseLostError:
            raise
        except StoreUnavailableError as error:
            self._outage.begin(error)
            return error
        except Exception as error:
            # What stops this process may have stopped one that it needs before.
            self._stop.raise_if_made()
            if not isinstance(error, SqlFlowError):
                log.exception("job %s failed", claim.job.id)
            return self._fail(claim, heartbeat.counts, cause_of(error))

    def _fail(self, claim: Claim, counts: JobCounts, error: str) -> Job:
        return self._outage.outlast(
            lambda: self._store.finish_run(claim, JobStatus.FAIL, self._clock(), counts, error), self._stop
        )

    def _release(self, claim: Claim) -> None:
        try:
            self._store.release_claim(claim)
        except StoreUnavailableError as error:
            log.warning("job %s cannot be put back; its lease will end: %s", claim.job.id, error)
        else:
            log.info("job %s: put back into the queue", claim.job.id)


def worker_name() -> str:
    """A name that tells where the process is; unique, since process ids come again."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"


def _lost_workers(attempts: int) -> str:
    return (
        f"given up: {attempts} worker(s) were lost while they worked on it: killed, out of memory, or cut "
        "off from the store"
    )


def _tell_end(job: Job, seconds: float) -> None:
    counts = job.counts
    level = logging.WARNING if job.status is JobStatus.FAIL else logging.INFO
    log.log(
        level,
        "job %s: %s in %.1f s: %d file(s), %d of %d statement(s) understood%s",
        job.id,
        job.status.value,
        seconds,
        counts.files_done,
        counts.statements - counts.failed_statements,
        counts.statements,
        f": {_one_line(job.error)}" if job.error else "",
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_MAX_LOGGED_CHARS]
