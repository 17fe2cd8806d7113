"""When the cyclic garbage collector runs while statements are read.

Trees are cyclic, and left alone the collector walks the whole heap again and again while they are built
(25 to 90 % of the time: reference, engine-facts). So it is held back inside a script and run between
statements, over what is new since the last time. Afterwards the process has it as it was.
"""

from __future__ import annotations

import gc
from types import TracebackType

STATEMENTS_BETWEEN = 64
"""Statements whose trees may wait: measured as the best trade of time and memory."""


class Collector:
    """Holds the collector back; a context manager around one script.

    Leave it only when everything made for the script but its result is out of reach: what it collects
    at its end is what the script left behind.
    """

    def __init__(self) -> None:
        self._was_enabled = False
        self._did_freeze = False
        self._waiting = 0

    def __enter__(self) -> Collector:
        self._was_enabled = gc.isenabled()
        gc.disable()
        # What was there before is not walked again. A host that froze objects itself (before a fork)
        # must find them frozen, so there nothing is.
        if gc.get_freeze_count() == 0:
            gc.freeze()
            self._did_freeze = True
        return self

    def statement_done(self) -> None:
        """Collect the trees of the last statements, now and then."""
        self._waiting += 1
        if self._waiting >= STATEMENTS_BETWEEN:
            self._waiting = 0
            gc.collect(1)  # what stays moves on to the oldest generation and is not walked again

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._did_freeze:
            gc.collect(1)
            gc.unfreeze()
        if self._was_enabled:
            gc.enable()
