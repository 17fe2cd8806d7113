"""The files of a program, each analysed when those that it needs have been; what is kept is used again."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.jobs.analysis import FileAnalyzer, FileTask
from airflow_provider_sqlflow.jobs.incremental import declarations_from_json, still_holds
from airflow_provider_sqlflow.jobs.pool import AnalysisPool
from airflow_provider_sqlflow.jobs.store.base import FileResult, KnownResult

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.program import Program


class ProgramAnalysis:
    """Analyses files of a program, or finds their results again.

    Args:
        program: all files of the job.
        analyzer: of the job.
        pool: where files are analysed.
        load: a file with its text, asked for right before it is analysed.
        find_kept: kept results under the file's input key; the first whose look-ups still hold is taken.
        on_done: told of each file, in an order in which needed files come first.
    """

    def __init__(
        self,
        program: Program,
        analyzer: FileAnalyzer,
        pool: AnalysisPool,
        *,
        load: Callable[[int], SourceFile],
        find_kept: Callable[[int], Sequence[KnownResult]],
        on_done: Callable[[int, FileResult | KnownResult], None],
    ) -> None:
        self._program = program
        self._analyzer = analyzer
        self._pool = pool
        self._load = load
        self._find_kept = find_kept
        self._on_done = on_done

    def run(self, numbers: Iterable[int] | None = None) -> None:
        """Analyse to the end.

        Args:
            numbers: only these files; all that they need must be among them.
        """
        schedule = Schedule(self._program, numbers)
        while schedule.is_active:
            while schedule.is_ready and self._pool.room > 0:
                number = schedule.take()
                kept = self._kept_result(number)
                if kept is None:
                    task = FileTask(self._load(number), tuple(self._program.visible(number)))
                    self._pool.submit(number, task)
                else:
                    self._done(schedule, number, kept)
            for number, _, result in self._pool.finished():
                self._done(schedule, number, result)

    def _kept_result(self, number: int) -> KnownResult | None:
        candidates = self._find_kept(number)
        if not candidates:
            return None
        catalog = self._analyzer.catalog_behind(self._program.catalog(number))
        return next((item for item in candidates if still_holds(item.lookups, catalog)), None)

    def _done(self, schedule: Schedule, number: int, result: FileResult | KnownResult) -> None:
        self._program.declare(number, declarations_from_json(result.declarations))
        schedule.done(number)
        self._on_done(number, result)


class Schedule:
    """Which scripts of a program can be read now: those whose needs are done, first in program order.

    Args:
        program: the scripts.
        numbers: only these; all that they need must be among them.
    """

    def __init__(self, program: Program, numbers: Iterable[int] | None = None) -> None:
        wanted = None if numbers is None else frozenset(numbers)
        self._order = [number for number in program.order if wanted is None or number in wanted]
        self._rank = {number: rank for rank, number in enumerate(self._order)}
        self._blocked = {number: len(program.needs(number)) for number in self._order}
        self._blocks: dict[int, list[int]] = {}
        for number in self._order:
            for needed in program.needs(number):
                self._blocks.setdefault(needed, []).append(number)
        self._ready = [self._rank[number] for number in self._order if not self._blocked[number]]
        self._open = len(self._order)
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
