"""Runs a job in the calling process, before ``submit`` returns."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from airflow_provider_sqlflow.errors import LeaseLostError, SqlFlowError
from airflow_provider_sqlflow.jobs.execution import Execution, OnProgress
from airflow_provider_sqlflow.jobs.model import Job, JobCounts, JobStatus
from airflow_provider_sqlflow.jobs.runners.base import cause_of
from airflow_provider_sqlflow.jobs.runners.heartbeat import Heartbeat
from airflow_provider_sqlflow.jobs.runners.outage import StoreOutage
from airflow_provider_sqlflow.jobs.store.base import Claim, JobStore
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)


class InlineRunner:
    """Claims the job and runs it here.

    A job that runs elsewhere is left alone; one whose process was killed is claimed again once its
    lease has ended, and what it had saved is not done again.

    Args:
        store: where jobs are claimed.
        execution: runs what was claimed.
        settings: the length of a lease.
        clock: the present time, aware.
        on_progress: told of every file.
    """

    def __init__(
        self,
        store: JobStore,
        execution: Execution,
        settings: Settings,
        clock: Callable[[], datetime],
        on_progress: OnProgress = lambda _counts, _name: None,
    ) -> None:
        self._store = store
        self._execution = execution
        self._settings = settings
        self._clock = clock
        self._on_progress = on_progress

    def run(self, job: Job) -> None:
        """Run the job to its end; nothing happens when it runs elsewhere or has ended.

        Raises:
            Exception: whatever stopped the analysis; the job is then ``fail`` (or ``cancel`` where the
                process was asked to stop) and says why.
        """
        now = self._clock()
        until = now + timedelta(seconds=self._settings.worker_lease_seconds)
        claim = self._store.claim_job(job.id, f"{socket.gethostname()}:{os.getpid()}", now, until)
        if claim is None:
            return
        with Heartbeat(
            self._store, claim, self._settings.worker_lease_seconds, self._clock, StoreOutage(log)
        ) as heartbeat:
            try:
                self._run(claim, heartbeat)
            except LeaseLostError:
                return  # cancelled or deleted: whoever did that has the last word
            except BaseException as error:
                # Not only Exception: an interrupt must not leave the job running until its lease ends.
                status = JobStatus.FAIL if isinstance(error, Exception) else JobStatus.CANCEL
                cause = cause_of(error)
                with suppress(SqlFlowError):
                    self._store.finish_run(claim, status, self._clock(), heartbeat.counts, cause)
                raise

    def _run(self, claim: Claim, heartbeat: Heartbeat) -> None:
        def on_progress(counts: JobCounts, name: str) -> None:
            heartbeat.tell(counts, name)
            self._on_progress(counts, name)

        self._execution.run(claim, on_progress)
