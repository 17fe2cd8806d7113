"""The event loop, in a thread of its own, on which this process talks to SQLFlow services.

Callers that block wait for it, callers on an event loop await it: one code serves both, no caller's loop is
ever held up, and deadlines hold for name look-ups and TLS handshakes as well. There is one loop for all
clients, so a triggerer with a thousand waiting tasks has one thread more and not a thousand.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_STOP_SECONDS = 2.0


class _IoLoop:
    def __init__(self) -> None:
        self.process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="sqlflow-io", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_STOP_SECONDS)
        if not self._thread.is_alive():
            self.loop.close()


_starting = threading.Lock()
_loops: list[_IoLoop] = []
"""The last one is in use. A forked process starts its own and leaves its parent's alone."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Wait for work on the loop. An exception in the waiting thread, as of a signal, cancels the work."""
    future = asyncio.run_coroutine_threadsafe(work, _current())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


async def arun(work: Coroutine[Any, Any, T]) -> T:
    """Await work on the loop from another one. Cancelling the caller cancels the work."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _current()))


def _current() -> asyncio.AbstractEventLoop:
    with _starting:
        if not _loops or _loops[-1].process != os.getpid():
            _loops.append(_IoLoop())
        return _loops[-1].loop


def _renew_lock() -> None:
    global _starting
    _starting = threading.Lock()  # another thread of the parent may have held it


def _stop() -> None:
    if _loops and _loops[-1].process == os.getpid():
        _loops.pop().stop()


os.register_at_fork(after_in_child=_renew_lock)
atexit.register(_stop)
