"""Asking a worker to stop: where its job can be laid down, or, when its grace has run out, anywhere."""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_AGAIN_SECONDS = 5.0


class WorkStopped(BaseException):  # like KeyboardInterrupt: not an error
    """Work is to be laid down now. Not an ``Exception``: what stops the process is no fault of the job."""


class StopRequest:
    """Whether the process was asked to stop. Signal handlers may call every method."""

    def __init__(self) -> None:
        self._is_made = False
        self._is_urgent = False
        self._is_interruptible = False
        # A SimpleQueue may be written to from a signal handler that interrupts its reader; an Event may not.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()

    @property
    def is_made(self) -> bool:
        """Whether somebody asked."""
        return self._is_made

    @property
    def is_urgent(self) -> bool:
        """Whether there is no more time for a good point."""
        return self._is_urgent

    def make(self) -> None:
        """Ask; ends a :meth:`wait`."""
        self._is_made = True
        self._bell.put(None)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until somebody asks."""
        if not self._is_made:
            try:
                self._bell.get(timeout=seconds)
            except queue.Empty:
                return

    def raise_if_made(self) -> None:
        """Lay the work down if somebody asked.

        Raises:
            WorkStopped: somebody did.
        """
        if self._is_made:
            raise WorkStopped

    def interrupt(self) -> None:
        """Ask, and do not wait for a good point. For a signal handler in the main thread.

        Raises:
            WorkStopped: the main thread is within :meth:`interruptible`.
        """
        self._is_urgent = True
        self.make()
        if self._is_interruptible:
            raise WorkStopped

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Work that may be broken off anywhere."""
        self._is_interruptible = True
        try:
            yield
        finally:
            self._is_interruptible = False


@contextmanager
def stopping_on_signals(
    stop: StopRequest, grace_seconds: float, *, ignores_interrupt: bool = False
) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask to stop; a second Ctrl-C, or the end of the grace, breaks the work off.

    A second SIGTERM means no more than the first: service managers send it to each process of a group, and
    so does our own supervisor.

    Args:
        stop: who is asked.
        grace_seconds: time from the first signal to the break.
        ignores_interrupt: leave Ctrl-C to the parent process, which passes it on.
    """

    def on_terminate(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_made:
            # Again and again: Python drops an exception that is raised while an object is being destroyed.
            signal.setitimer(signal.ITIMER_REAL, grace_seconds, _AGAIN_SECONDS)
        stop.make()

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_made:
            stop.interrupt()
        on_terminate(number, frame)

    def on_alarm(_number: int, _frame: FrameType | None) -> None:
        stop.interrupt()

    with (
        _handling(signal.SIGTERM, on_terminate),
        _handling(signal.SIGINT, signal.SIG_IGN if ignores_interrupt else on_interrupt),
        _handling(signal.SIGALRM, on_alarm),
    ):
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _handling(
    number: signal.Signals, handler: Callable[[int, FrameType | None], None] | Any
) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
