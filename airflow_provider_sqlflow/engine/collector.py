"""When the cyclic garbage collector runs while statements are read.

Trees are cyclic, and left alone the collector walks the whole heap again and again while they are built
(25 to 90 % of the time: reference, engine-facts). So it is held back inside a script and run between
statements, over what is new since the last time. Afterwards the process has it as it was.
"""

from __future__ import annotations

import gc
from types import TracebackType

STATEMENTS_BETWEEN = 16
"""Statements whose trees may wait. More, and the memory they take falls out of the processor's cache."""

_YOUNG = 1
"""Collecting this generation moves what stays to the oldest one, which is not walked: neither the host's
heap nor the lineage found so far."""


class Collector:
    """Holds the collector back; a context manager around one script.

    Leave it only when everything made for the script but its result is out of reach: what it collects
    at its end is what the script left behind.
    """

    def __init__(self) -> None:
        self._was_enabled = False
        self._waiting = 0

    def __enter__(self) -> Collector:
        self._was_enabled = gc.isenabled()
        gc.disable()
        return self

    def statement_done(self) -> None:
        """Collect the trees of the last statements, now and then."""
        self._waiting += 1
        if self._waiting >= STATEMENTS_BETWEEN:
            self._waiting = 0
            gc.collect(_YOUNG)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.collect(_YOUNG)
        if self._was_enabled:
            gc.enable()
