"""Runs a job in the calling process, before ``submit`` returns."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from airflow_provider_sqlflow.errors import JobTransitionError, StoreError
from airflow_provider_sqlflow.jobs.analysis import (
    AnalysisOptions,
    AnalyzeScripts,
    FileOutcome,
    Tally,
    analyze_files,
)
from airflow_provider_sqlflow.jobs.inputs import JobInputs
from airflow_provider_sqlflow.jobs.model import Job, JobCounts, JobRequest, JobStatus
from airflow_provider_sqlflow.jobs.store.base import JobStore
from airflow_provider_sqlflow.settings import Settings

PROGRESS_SECONDS = 0.5
"""The store hears of progress at most this often."""

OnProgress = Callable[[JobCounts, str], None]
"""Called after each file with the counts so far and the file's name."""


class InlineRunner:
    """Analyses files one after the other.

    A cancel or delete request is seen between two files. A job whose process is killed stays
    ``running``.

    Args:
        store: where results go.
        settings: limits.
        clock: the present time, aware.
        analyze_scripts: the engine's ``iter_scripts``, or one of the same shape.
        on_progress: told of every file.
        monotonic: seconds, for the pace of progress.
    """

    def __init__(
        self,
        store: JobStore,
        settings: Settings,
        clock: Callable[[], datetime],
        analyze_scripts: AnalyzeScripts | None = None,
        on_progress: OnProgress | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._analyze_scripts = analyze_scripts
        self._on_progress = on_progress
        self._monotonic = monotonic
        self._told_at = float("-inf")

    def run(self, job: Job, request: JobRequest, inputs: JobInputs) -> None:
        """Analyse the job to its end; nothing happens when it was ended before it began.

        Raises:
            Exception: whatever stopped the analysis; the job is then ``fail`` (or ``cancel`` where the
                process was asked to stop) and says why.
        """
        try:
            self._store.change_status(job.id, JobStatus.RUNNING, self._clock())
        except JobTransitionError:
            return  # ended before it began
        tally = Tally(len(inputs.names))
        try:
            if not self._analyze(job, request, inputs, tally):
                return
            self._end(job, tally.status, tally.counts, tally.error)
        except BaseException as error:
            # Not only Exception: an interrupt must not leave the job running for ever either.
            status = JobStatus.FAIL if isinstance(error, Exception) else JobStatus.CANCEL
            with suppress(StoreError):  # the first error tells more than a store that is gone as well
                self._end(job, status, tally.counts, f"{type(error).__name__}: {error}")
            raise

    def _analyze(self, job: Job, request: JobRequest, inputs: JobInputs, tally: Tally) -> bool:
        """Analyse all files; False when the job was ended from outside."""
        outcomes = analyze_files(
            inputs.read(), AnalysisOptions.of(request, inputs.catalog), self._settings, self._analyze_scripts
        )
        for outcome in outcomes:
            tally.add(outcome)
            self._save(job, outcome)
            self._tell(job, tally.counts, outcome.source.name)
            if self._store.get_job(job.id).status is not JobStatus.RUNNING:
                return False
        return True

    def _save(self, job: Job, outcome: FileOutcome) -> None:
        from airflow_provider_sqlflow.engine import result_to_json

        document = result_to_json(outcome.result)
        self._store.save_file(job.id, outcome.position, outcome.summary, document, outcome.source.text)

    def _tell(self, job: Job, counts: JobCounts, name: str) -> None:
        if self._on_progress is not None:
            self._on_progress(counts, name)
        now = self._monotonic()
        if now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            self._store.save_progress(job.id, counts, name)

    def _end(self, job: Job, status: JobStatus, counts: JobCounts, error: str) -> None:
        # Whoever cancelled or deleted the job in the meantime keeps the last word.
        with suppress(JobTransitionError):
            self._store.change_status(job.id, status, self._clock(), counts=counts, error=error)
