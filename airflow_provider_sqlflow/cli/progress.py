"""Progress on standard error: only on a terminal, and only of what takes longer than a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_SECONDS = 1.0


class ProgressLine:
    """One line that tells how many files are done."""

    def __init__(self, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._began = time.monotonic()
        self._line: tuple[Progress, TaskID] | None = None

    def update(self, done: int, total: int, name: str) -> None:
        """Tell that ``done`` of ``total`` files are done, ``name`` the last of them."""
        if not self._is_shown or time.monotonic() - self._began < PATIENCE_SECONDS:
            return
        if self._line is None:
            self._line = self._start(total)
        progress, task = self._line
        progress.update(task, completed=done, total=total, description=name)

    def close(self) -> None:
        """Take the line away."""
        if self._line is not None:
            self._line[0].stop()

    def _start(self, total: int) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        progress.start()
        return progress, progress.add_task("", total=total)


@contextmanager
def progress_line() -> Iterator[ProgressLine]:
    """A progress line for the time of a ``with`` block."""
    line = ProgressLine(sys.stderr.isatty())
    try:
        yield line
    finally:
        line.close()
