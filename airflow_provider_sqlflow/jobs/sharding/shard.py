"""One shard's work: some files of a program, analysed with what the files that they need declare."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from airflow_provider_sqlflow.errors import JobNotReadyError
from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.jobs.analysis import FileAnalyzer
from airflow_provider_sqlflow.jobs.execution import SAVE_FILES
from airflow_provider_sqlflow.jobs.model import JobId
from airflow_provider_sqlflow.jobs.pool import open_pool
from airflow_provider_sqlflow.jobs.program_analysis import ProgramAnalysis
from airflow_provider_sqlflow.jobs.sharding.grouping import closure
from airflow_provider_sqlflow.jobs.sharding.plan import ShardPlan
from airflow_provider_sqlflow.jobs.spool import TextSpool
from airflow_provider_sqlflow.jobs.store.base import FileResult, JobStore, KnownResult
from airflow_provider_sqlflow.settings import Settings

SAVE_SECONDS = 2.0
"""Nobody watches a shard's results, so they reach the store less often than those of a run."""

CHECK_SECONDS = 0.5
"""How often at most the job's status is looked at: many files take a few milliseconds."""

_KEYS_AT_ONCE = 500
_TEXTS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class ShardSummary:
    """What a shard did.

    Attributes:
        files: how many files it has.
        analyzed: how many files it analysed; the results of the others were there.
        foreign: how many of these belong to other shards, which had not kept them yet.
    """

    files: int = 0
    analyzed: int = 0
    foreign: int = 0


class ShardAnalysis:
    """Analyses the files of one shard and keeps each result as soon as it may.

    Args:
        store: texts, and kept results.
        settings: limits and processes.
        job_id: the job.
        plan: of the job.
        check: called now and then between two files; raises when the work is to stop.
    """

    def __init__(
        self,
        store: JobStore,
        settings: Settings,
        job_id: JobId,
        plan: ShardPlan,
        check: Callable[[], object],
    ) -> None:
        self._store = store
        self._settings = settings
        self._job_id = job_id
        self._plan = plan
        self._check = check
        self._own: frozenset[int] = frozenset()
        self._kept: dict[str, list[KnownResult]] = {}
        self._places: dict[int, int] = {}
        self._waiting: list[FileResult] = []
        self._saved_at = self._checked_at = time.monotonic()

    def run(self, numbers: Sequence[int]) -> ShardSummary:
        """Analyse these files, and what they need where it is not kept.

        Raises:
            StoreUnavailableError: the store does not answer; what was kept is found by the next try.
            Exception: whatever ``check`` raises.
        """
        self._own = frozenset(numbers)
        self._analyzed = self._foreign = 0
        plan, program = self._plan, self._plan.program()
        wanted = closure(numbers, program.needs)
        self._kept = self._find(sorted(wanted))
        with TextSpool() as self._texts:
            missing = [number for number in numbers if plan.keys[number] not in self._kept]
            self._fetch(missing)
            analyzer = FileAnalyzer(plan.options, self._settings)
            with open_pool(analyzer, self._settings.processes, len(missing)) as pool:
                analysis = ProgramAnalysis(
                    program,
                    analyzer,
                    pool,
                    load=self._load,
                    find_kept=self._find_kept,
                    on_done=self._done,
                )
                try:
                    analysis.run(wanted)
                finally:
                    self._save()  # a retry goes on from here
        return ShardSummary(len(numbers), self._analyzed, self._foreign)

    def _find(self, numbers: Sequence[int]) -> dict[str, list[KnownResult]]:
        keys = list(dict.fromkeys(self._plan.keys[number] for number in numbers))
        found: dict[str, list[KnownResult]] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            found.update(self._store.find_results(keys[start : start + _KEYS_AT_ONCE]))
        return found

    def _find_kept(self, number: int) -> Sequence[KnownResult]:
        key = self._plan.keys[number]
        if number not in self._own and key not in self._kept:
            self._kept.update(self._store.find_results([key]))  # another shard may have come to it by now
        return self._kept.get(key, ())

    def _fetch(self, numbers: Sequence[int]) -> None:
        """Put texts into the spool."""
        for start in range(0, len(numbers), _TEXTS_AT_ONCE):
            some = numbers[start : start + _TEXTS_AT_ONCE]
            texts = self._store.find_texts(self._job_id, some)
            for number in some:
                if number not in texts:
                    name = self._plan.files[number].name
                    raise JobNotReadyError(f"job {self._job_id}: the store has no text of {name}; plan again")
                self._places[number] = len(self._texts)
                self._texts.add(texts[number])

    def _load(self, number: int) -> SourceFile:
        if time.monotonic() - self._checked_at >= CHECK_SECONDS:
            self._check()
            self._checked_at = time.monotonic()
        if number not in self._places:
            self._fetch([number])
        return replace(self._plan.files[number], text=self._texts[self._places[number]])

    def _done(self, number: int, result: FileResult | KnownResult) -> None:
        if isinstance(result, FileResult):
            self._analyzed += 1
            self._foreign += number not in self._own
            self._waiting.append(result)
        if len(self._waiting) >= SAVE_FILES or time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        if self._waiting:
            self._store.save_results(self._waiting)
            self._waiting = []
        self._saved_at = time.monotonic()
