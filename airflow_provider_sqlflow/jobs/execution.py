"""One run of a job, from its claim to its end: what every runner does."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer, FileTask, Tally
from airflow_provider_sqlflow.jobs.incremental import declarations_from_json, inputs_digest, still_holds
from airflow_provider_sqlflow.jobs.inputs import open_inputs
from airflow_provider_sqlflow.jobs.model import Job, JobCounts
from airflow_provider_sqlflow.jobs.pool import AnalysisPool, open_pool
from airflow_provider_sqlflow.jobs.runners.stopping import WorkStopped
from airflow_provider_sqlflow.jobs.spool import TextSpool
from airflow_provider_sqlflow.jobs.store.base import Claim, FileResult, JobStore, KnownResult, SavedFile
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.program import Program

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
    """

    def __init__(
        self,
        store: JobStore,
        settings: Settings,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic

    def run(self, claim: Claim, on_progress: OnProgress) -> Job:
        """Analyse the job to the end of its run; what was kept before is not analysed again.

        Raises:
            InputError: the sources cannot be read any more.
            LeaseLostError: the job was cancelled, deleted or taken over; nothing more was changed.
            StoreUnavailableError: the store does not answer; what was saved is found again.
            Exception: whatever ``on_progress`` raises. When that is ``WorkStopped``, what is done was saved.
        """
        progress = _Progress(claim, on_progress, self._monotonic)
        with ExitStack() as stack:
            inputs = open_inputs(claim.request.sources, self._settings)
            options = AnalysisOptions.of(claim.request, inputs)
            analyzer = FileAnalyzer(options, self._settings)
            texts = stack.enter_context(TextSpool())
            files, keys = self._read(inputs.read(options.dialect), analyzer, texts, progress)
            digest = inputs_digest(keys, options)
            same = self._store.reuse_run(claim, digest) if claim.job.incremental else None
            if same is not None:
                return self._store.finish_run(claim, same.status, self._clock(), same.counts, same.error)
            self._store.plan_files(claim, [file.name for file in files], digest)
            pool = stack.enter_context(open_pool(analyzer, self._settings.processes, len(files)))
            _Analysis(self._store, claim, analyzer, files, keys, texts, pool, progress).run()
        tally = progress.tally
        tally.set_relations(self._store.count_relations(claim))
        return self._store.finish_run(claim, tally.status, self._clock(), tally.counts, tally.error)

    @staticmethod
    def _read(
        source: Iterator[SourceFile], analyzer: FileAnalyzer, texts: TextSpool, progress: _Progress
    ) -> tuple[list[SourceFile], list[str]]:
        """The files without their texts, which go to the spool, and their input keys."""
        files: list[SourceFile] = []
        keys: list[str] = []
        for file in source:
            keys.append(analyzer.key_of(file))
            texts.add(file.text)
            files.append(replace(file, text=""))
            progress.tell(file.name)
        progress.tally.expect(len(files))
        return files, keys


class _Progress:
    """Counts what is done and tells of it."""

    def __init__(self, claim: Claim, on_progress: OnProgress, monotonic: Callable[[], float]) -> None:
        self.tally = Tally(claim.job.counts.files_total)
        self._on_progress = on_progress
        self._monotonic = monotonic
        self._saved_at = monotonic()

    def tell(self, name: str) -> None:
        """Tell how far the run is."""
        self._on_progress(self.tally.counts, name)

    @property
    def is_save_due(self) -> bool:
        """Whether the store should hear again."""
        return self._monotonic() - self._saved_at >= SAVE_SECONDS

    def saved(self) -> None:
        """Note that the store has heard."""
        self._saved_at = self._monotonic()


class _Analysis:
    """The files of one run, each analysed when those that it needs have been."""

    def __init__(
        self,
        store: JobStore,
        claim: Claim,
        analyzer: FileAnalyzer,
        files: Sequence[SourceFile],
        keys: Sequence[str],
        texts: TextSpool,
        pool: AnalysisPool,
        progress: _Progress,
    ) -> None:
        from airflow_provider_sqlflow.engine.program import Program

        self._store = store
        self._claim = claim
        self._analyzer = analyzer
        self._files = files
        self._keys = keys
        self._texts = texts
        self._pool = pool
        self._progress = progress
        self._waiting: list[SavedFile] = []
        self._known: dict[str, list[KnownResult]] = {}
        self._program = Program(
            lambda: (file.prefix + text + file.suffix for file, text in zip(files, texts, strict=True))
        )
        self._schedule = Schedule(self._program)

    def run(self) -> None:
        """Analyse or find again every file, and save it."""
        try:
            self._run()
        except WorkStopped:
            self._save()  # whoever goes on finds it
            raise

    def _run(self) -> None:
        schedule, program = self._schedule, self._program
        if self._claim.job.incremental:
            self._load_known()
        while schedule.is_active:
            while schedule.is_ready and self._pool.room > 0:
                number = schedule.take()
                known = self._find_known(number)
                if known is None:
                    self._pool.submit(number, FileTask(self._file(number), tuple(program.visible(number))))
                else:
                    self._done(number, self._file(number), known)
            for number, task, result in self._pool.finished():
                self._done(number, task.file, result)
        self._save()

    def _file(self, number: int) -> SourceFile:
        return replace(self._files[number], text=self._texts[number])

    def _load_known(self) -> None:
        keys = list(dict.fromkeys(self._keys))
        for start in range(0, len(keys), _KNOWN_AT_ONCE):
            self._known.update(self._store.find_results(keys[start : start + _KNOWN_AT_ONCE]))

    def _find_known(self, number: int) -> KnownResult | None:
        candidates = self._known.get(self._keys[number])
        if not candidates:
            return None
        catalog = self._analyzer.catalog_behind(self._program.catalog(number))
        return next((item for item in candidates if still_holds(item.lookups, catalog)), None)

    def _done(self, number: int, file: SourceFile, result: FileResult | KnownResult) -> None:
        self._program.declare(number, declarations_from_json(result.declarations))
        self._schedule.done(number)
        self._progress.tally.add(number, result.summary, result.edges, result.diagnostics, file.size)
        self._waiting.append(SavedFile(number, file.size, file.text, result))
        if len(self._waiting) >= SAVE_FILES or self._progress.is_save_due:
            self._save()
        self._progress.tell(file.name)

    def _save(self) -> None:
        if self._waiting:
            self._store.save_files(self._claim, self._waiting, self._progress.tally.counts)
            self._waiting = []
            self._progress.saved()


class Schedule:
    """Which scripts of a program can be read now: those whose needs are done, first in program order."""

    def __init__(self, program: Program) -> None:
        self._rank = {number: rank for rank, number in enumerate(program.order)}
        self._order = program.order
        self._blocked = {number: len(program.needs(number)) for number in program.order}
        self._blocks: dict[int, list[int]] = {}
        for number in program.order:
            for needed in program.needs(number):
                self._blocks.setdefault(needed, []).append(number)
        self._ready = [self._rank[number] for number in program.order if not self._blocked[number]]
        self._open = len(program.order)
        heapq.heapify(self._ready)

    @property
    def is_active(self) -> bool:
        """Whether some script is not done."""
        return self._open > 0

    @property
    def is_ready(self) -> bool:
        """Whether some script can be taken."""
        return bool(self._ready)

    def take(self) -> int:
        """The next script that can be read."""
        return self._order[heapq.heappop(self._ready)]

    def done(self, number: int) -> None:
        """Tell that a script has been read."""
        self._open -= 1
        for blocked in self._blocks.pop(number, ()):
            self._blocked[blocked] -= 1
            if not self._blocked[blocked]:
                heapq.heappush(self._ready, self._rank[blocked])
