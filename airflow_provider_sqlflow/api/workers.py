"""Processes that do what takes a processor: analysis, documents, layouts.

The server's own process only moves bytes. A request that takes too long, or takes its process down, costs
that process, and nothing else; another one is started.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from socket import socketpair
from typing import Any, ParamSpec, TypeVar, cast

from airflow_provider_sqlflow.errors import RequestTimeoutError, ServerBusyError, WorkerDiedError

P = ParamSpec("P")
T = TypeVar("T")

BUSY = "Sorry, the service is busy. Please try again later."
"""The documented words (reference sqlflow-api, section 1.4)."""

_TOO_LONG = "the request took longer than {:g} seconds; ask for less, or submit a job"
_PROGRAM = (
    "import sys; number, *sys.path = sys.argv[1:]; "
    "from airflow_provider_sqlflow.api.work_process import main; main(int(number))"
)


@dataclass(slots=True)
class _Process:
    process: subprocess.Popen[bytes]
    connection: Connection

    @classmethod
    def start(cls) -> _Process:
        ours, theirs = socketpair()
        with theirs:
            path = [entry for entry in sys.path if entry]
            # A fresh interpreter: a fork would copy locks of the server's threads.
            process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), *path], pass_fds=[theirs.fileno()]
            )
        return cls(process, Connection(ours.detach()))

    def stop(self) -> None:
        """End it, whatever it does."""
        self.connection.close()
        self.process.kill()
        self.process.wait()


@dataclass
class Workers:
    """Runs functions in other processes, a few at a time.

    Attributes:
        processes: how many run at once; each is started when it is first needed.
        waiting: how many calls may wait for one of them.
        seconds: how long a call may take, the wait included.
    """

    processes: int
    waiting: int
    seconds: float
    _free: list[_Process] = field(default_factory=list)
    _entry: threading.Lock = field(default_factory=threading.Lock)
    _inside: int = 0
    _slots: threading.Semaphore = field(init=False)
    _is_closed: bool = False

    def __post_init__(self) -> None:
        self._slots = threading.Semaphore(self.processes)

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a module-level function in another process, and wait for what it returns.

        Raises:
            ServerBusyError: too many calls wait already.
            RequestTimeoutError: it took too long; its process is ended.
            WorkerDiedError: its process died.
            Exception: whatever the function raises.
        """
        limit = time.monotonic() + self.seconds
        with self._entry:
            if self._is_closed or self._inside >= self.processes + self.waiting:
                raise ServerBusyError(BUSY)
            self._inside += 1
        try:
            if not self._slots.acquire(timeout=max(limit - time.monotonic(), 0)):
                raise ServerBusyError(BUSY)
            try:
                return cast("T", self._call(limit, pickle.dumps((function, args, kwargs))))
            finally:
                self._slots.release()
        finally:
            with self._entry:
                self._inside -= 1

    def close(self) -> None:
        """End the processes; later calls find the server busy."""
        with self._entry:
            self._is_closed = True
            free, self._free = self._free, []
        for process in free:
            process.stop()

    def _call(self, limit: float, task: bytes) -> Any:
        process = self._take()
        try:
            process.connection.send_bytes(task)
            is_done = process.connection.poll(max(limit - time.monotonic(), 0))
            is_ok, value = (
                pickle.loads(process.connection.recv_bytes())  # noqa: S301  # our own process
                if is_done
                else (False, RequestTimeoutError(_TOO_LONG.format(self.seconds)))
            )
        except (EOFError, OSError):
            process.stop()
            raise WorkerDiedError(
                "the process that worked on this request died, perhaps for want of memory; ask for less"
            ) from None
        except BaseException:
            process.stop()
            raise
        with self._entry:
            is_kept = is_done and not self._is_closed
            if is_kept:
                self._free.append(process)
        if not is_kept:
            process.stop()
        if not is_ok:
            raise value
        return value

    def _take(self) -> _Process:
        while True:
            with self._entry:
                process = self._free.pop() if self._free else None
            if process is None:
                return _Process.start()
            if process.process.poll() is None:
                return process
            with suppress(OSError):
                process.stop()  # it died while it was idle
