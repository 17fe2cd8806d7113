"""Where the files of a job are analysed: in this process, or in several.

Text goes out, kept results come back, never trees. A process that dies (out of memory, a crash of the
parser) costs the file that it read, not the job.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from airflow_provider_sqlflow.jobs.analysis import FileAnalyzer, FileTask
from airflow_provider_sqlflow.jobs.store.base import FileResult

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

WAITING_PER_PROCESS = 4
"""Tasks handed out beyond those that run, so that no process waits for the next."""

_DIED = "the process that analysed this file died, perhaps for want of memory; split the file"

_analyzer: FileAnalyzer


class AnalysisPool(Protocol):
    """Takes tasks, gives results in the order in which they are ready."""

    @property
    def room(self) -> int:
        """How many more tasks it takes now."""

    def submit(self, number: int, task: FileTask) -> None:
        """Hand a task in, under the number of its file."""

    def finished(self) -> Iterator[tuple[int, FileTask, FileResult]]:
        """Results: waits for at least one while tasks are out."""

    def __enter__(self) -> AnalysisPool:
        """Get ready."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what has not begun and end the processes."""


def open_pool(analyzer: FileAnalyzer, processes: int, files: int) -> AnalysisPool:
    """A pool for a number of files: few are not worth the start of a process."""
    count = min(processes, files // _FILES_PER_PROCESS)
    return ProcessPool(analyzer, count) if count > 1 else LocalPool(analyzer)


_FILES_PER_PROCESS = 50


class LocalPool:
    """Analyses in this process, one file at a time."""

    def __init__(self, analyzer: FileAnalyzer) -> None:
        self._analyzer = analyzer
        self._waiting: list[tuple[int, FileTask]] = []

    @property
    def room(self) -> int:
        """See the protocol."""
        return 1 - len(self._waiting)

    def submit(self, number: int, task: FileTask) -> None:
        """See the protocol."""
        self._waiting.append((number, task))

    def finished(self) -> Iterator[tuple[int, FileTask, FileResult]]:
        """See the protocol."""
        while self._waiting:
            number, task = self._waiting.pop()
            yield number, task, self._analyzer.analyze(task)

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waiting.clear()


class ProcessPool:
    """Analyses in several processes, started afresh: a fork would copy locks of the host's threads."""

    def __init__(self, analyzer: FileAnalyzer, processes: int) -> None:
        self._analyzer = analyzer
        self._processes = processes
        self._executor = self._start(processes)
        self._out: dict[Future[FileResult], tuple[int, FileTask]] = {}

    @property
    def room(self) -> int:
        """See the protocol."""
        return self._processes * (1 + WAITING_PER_PROCESS) - len(self._out)

    def submit(self, number: int, task: FileTask) -> None:
        """See the protocol."""
        try:
            future = self._executor.submit(_analyze, task)
        except BrokenProcessPool:  # noticed here before any result told of it
            future = Future()
            future.set_exception(BrokenProcessPool())
        self._out[future] = (number, task)

    def finished(self) -> Iterator[tuple[int, FileTask, FileResult]]:
        """See the protocol."""
        if not self._out:
            return
        done, _ = wait(self._out, return_when=FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenProcessPool) for future in done):
            yield from self._one_by_one()
            return
        for future in sorted(done, key=lambda item: self._out[item][0]):
            number, task = self._out.pop(future)
            yield number, task, future.result()

    def _one_by_one(self) -> Iterator[tuple[int, FileTask, FileResult]]:
        """After a death: every task that was out again, alone, to find the one that kills."""
        self._executor.shutdown(cancel_futures=True)
        out, self._out = self._out, {}
        for number, task in sorted(out.values(), key=lambda item: item[0]):
            with self._start(1) as executor:
                try:
                    result = executor.submit(_analyze, task).result()
                except BrokenProcessPool:
                    result = self._analyzer.analyze(task.without_text(_DIED))
            yield number, task, result
        self._executor = self._start(self._processes)

    def _start(self, processes: int) -> ProcessPoolExecutor:
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        return ProcessPoolExecutor(processes, context, initializer=_prepare, initargs=(self._analyzer,))

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=kind is None, cancel_futures=True)


def _prepare(analyzer: FileAnalyzer) -> None:
    global _analyzer  # one for each process, sent once
    _analyzer = analyzer
    # Ctrl-C reaches the whole group; the process that handed out the work decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="sqlflow-parent-watch", daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """End this process when its parent was killed: nobody else would."""
    parent.join()
    os._exit(1)


def _analyze(task: FileTask) -> FileResult:
    return _analyzer.analyze(task)
