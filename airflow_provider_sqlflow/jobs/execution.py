"""One run of a job, from its claim to its end: what every runner does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime

from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer, Tally
from airflow_provider_sqlflow.jobs.model import Job, JobCounts
from airflow_provider_sqlflow.jobs.pool import AnalysisPool, open_pool
from airflow_provider_sqlflow.jobs.program_analysis import ProgramAnalysis
from airflow_provider_sqlflow.jobs.reading import ReadInputs, read_inputs
from airflow_provider_sqlflow.jobs.runners.stopping import WorkStopped
from airflow_provider_sqlflow.jobs.spool import TextSpool
from airflow_provider_sqlflow.jobs.store.base import Claim, FileResult, JobStore, KnownResult, SavedFile
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)

SAVE_SECONDS = 0.5
"""Results reach the store, and progress shows, about this often."""

SAVE_FILES = 64
"""Results that wait for the store at most, so that memory stays bounded."""

_KNOWN_AT_ONCE = 500

OnProgress = Callable[[JobCounts, str], None]
"""Called after each file with the counts so far and the file's name."""


class Execution:
    """Runs claimed jobs. Whoever claimed keeps the lease meanwhile, and ends a run that raised.

    Args:
        store: where results go.
        settings: limits and processes.
        clock: the present time, aware.
        monotonic: seconds, for the pace of saving.
        make_analyzer: of the files; whoever has analysed them already gives what was found.

    Attributes:
        analyzed: how many files the last run analysed; the others were found again.
    """

    def __init__(
        self,
        store: JobStore,
        settings: Settings,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        make_analyzer: Callable[[AnalysisOptions, Settings], FileAnalyzer] = FileAnalyzer,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self.analyzed = 0
        self._make_analyzer = make_analyzer

    def run(self, claim: Claim, on_progress: OnProgress) -> Job:
        """Analyse the job to the end of its run; what was kept before is not analysed again.

        Raises:
            InputError: the sources cannot be read any more.
            LeaseLostError: the job was cancelled, deleted or taken over; nothing more was changed.
            StoreUnavailableError: the store does not answer; what was saved is found again.
            Exception: whatever ``on_progress`` raises. When that is ``WorkStopped``, what is done was saved.
        """
        progress = _Progress(claim, on_progress, self._monotonic)
        self.analyzed = 0
        with ExitStack() as stack:
            texts = stack.enter_context(TextSpool())
            inputs = read_inputs(claim.request, self._settings, texts, progress.tell)
            progress.tally.expect(len(inputs.files))
            digest = inputs.digest
            same = self._store.reuse_run(claim, digest) if claim.job.incremental else None
            if same is not None:
                return self._store.finish_run(claim, same.status, self._clock(), same.counts, same.error)
            self._store.plan_files(claim, [file.name for file in inputs.files], digest)
            analyzer = self._make_analyzer(inputs.analyzer.options, self._settings)
            pool = open_pool(analyzer, self._settings.processes, len(inputs.files))
            _Run(self._store, claim, inputs, stack.enter_context(pool), progress).run()
        tally = progress.tally
        self.analyzed = progress.analyzed
        log.info(
            "job %s: %d of %d file(s) analysed, the others kept from before",
            claim.job.id,
            progress.analyzed,
            tally.counts.files_total,
        )
        tally.set_relations(self._store.count_relations(claim))
        return self._store.finish_run(claim, tally.status, self._clock(), tally.counts, tally.error)


class _Progress:
    """Counts what is done and tells of it."""

    def __init__(self, claim: Claim, on_progress: OnProgress, monotonic: Callable[[], float]) -> None:
        self.tally = Tally(claim.job.counts.files_total)
        self.analyzed = 0
        self._on_progress = on_progress
        self._monotonic = monotonic
        self._saved_at = monotonic()

    def tell(self, name: str) -> None:
        """Tell how far the run is."""
        self._on_progress(self.tally.counts, name)

    def add(self, number: int, result: FileResult | KnownResult, size: int) -> None:
        """Count a file's result."""
        self.tally.add(number, result.summary, result.edges, result.diagnostics, size)
        self.analyzed += isinstance(result, FileResult)

    @property
    def is_save_due(self) -> bool:
        """Whether the store should hear again."""
        return self._monotonic() - self._saved_at >= SAVE_SECONDS

    def saved(self) -> None:
        """Note that the store has heard."""
        self._saved_at = self._monotonic()


class _Run:
    """Analyses the files of one run, and saves what becomes of each."""

    def __init__(
        self, store: JobStore, claim: Claim, inputs: ReadInputs, pool: AnalysisPool, progress: _Progress
    ) -> None:
        self._store = store
        self._claim = claim
        self._inputs = inputs
        self._pool = pool
        self._progress = progress
        self._waiting: list[SavedFile] = []
        self._known: dict[str, list[KnownResult]] = {}

    def run(self) -> None:
        """Analyse or find again every file, and save it."""
        try:
            if self._claim.job.incremental:
                self._load_known()
            ProgramAnalysis(
                self._inputs.program(),
                self._inputs.analyzer,
                self._pool,
                load=self._inputs.load,
                find_kept=self._find_kept,
                on_done=self._done,
            ).run()
        except WorkStopped:
            self._save()  # whoever goes on finds it
            raise
        self._save()

    def _load_known(self) -> None:
        keys = list(dict.fromkeys(self._inputs.keys))
        for start in range(0, len(keys), _KNOWN_AT_ONCE):
            self._known.update(self._store.find_results(keys[start : start + _KNOWN_AT_ONCE]))

    def _find_kept(self, number: int) -> Sequence[KnownResult]:
        return self._known.get(self._inputs.keys[number], ())

    def _done(self, number: int, result: FileResult | KnownResult) -> None:
        file = self._inputs.load(number)
        self._progress.add(number, result, file.size)
        self._waiting.append(SavedFile(number, file.size, file.text, result))
        if len(self._waiting) >= SAVE_FILES or self._progress.is_save_due:
            self._save()
        self._progress.tell(file.name)

    def _save(self) -> None:
        if self._waiting:
            self._store.save_files(self._claim, self._waiting, self._progress.tally.counts)
            self._waiting = []
            self._progress.saved()
