"""How large a statement may be, and how long it may take, before it is reported instead of read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one statement.

    Attributes:
        max_statement_chars: length in characters.
        max_nesting: depth of brackets and CASE. The compiled parser ends the process somewhere
            above 2,000 (reference: engine-facts), so the guard stands before it.
        max_statement_seconds: time for parsing and reading; 0 is no limit.
        clock: seconds that only grow, such as ``time.monotonic``. The engine has none of its own, so
            without it no time is limited.
    """

    max_statement_chars: int = 4 * 1024 * 1024
    max_nesting: int = 600
    max_statement_seconds: float = 0.0
    clock: Callable[[], float] | None = None


DEFAULT_LIMITS = Limits()

STEPS_BETWEEN = 256
"""Steps between two looks at the clock: a step is a select item or an edge, some microseconds."""


class TimeLimitError(Exception):
    """A statement took longer than it may."""


class Stopwatch:
    """The time of one statement after the other."""

    __slots__ = ("_clock", "_deadline", "_seconds", "_steps")

    def __init__(self, limits: Limits) -> None:
        is_limited = limits.max_statement_seconds > 0
        self._clock = limits.clock if is_limited else None
        self._seconds = limits.max_statement_seconds
        self._deadline = 0.0
        self._steps = STEPS_BETWEEN

    def start(self) -> None:
        """A statement begins."""
        if self._clock is not None:
            self._deadline = self._clock() + self._seconds
            self._steps = STEPS_BETWEEN

    def check(self) -> None:
        """Look at the clock.

        Raises:
            TimeLimitError: the statement's time is over.
        """
        if self._clock is not None and self._clock() > self._deadline:
            raise TimeLimitError(f"took longer than {self._seconds:g} seconds, the limit of a statement")

    def step(self) -> None:
        """A small piece of work is done; now and then this looks at the clock.

        Raises:
            TimeLimitError: the statement's time is over.
        """
        self._steps -= 1
        if self._steps <= 0:
            self._steps = STEPS_BETWEEN
            self.check()
