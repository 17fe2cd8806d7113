"""Several workers on one machine: starts a process for each, and another for one that crashed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from airflow_provider_sqlflow.errors import SqlFlowError
from airflow_provider_sqlflow.jobs.runners.process import log_to_stderr, run_worker
from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest, stopping_on_signals
from airflow_provider_sqlflow.jobs.runners.worker import WorkUntil
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)

UNUSABLE = 2
"""Exit code of a worker process whose settings or store cannot be used: another would fare no better."""

_LOOK_SECONDS = 0.5
_RESTART_SECONDS = 1.0
_BEYOND_GRACE_SECONDS = 30.0


@dataclass
class Supervisor:
    """Keeps ``count`` worker processes alive.

    Attributes:
        settings: as for :func:`~airflow_provider_sqlflow.jobs.runners.process.run_worker`.
        queues: the same.
        until: the same, for each process.
        count: how many processes.
    """

    settings: Settings
    queues: tuple[str, ...]
    until: WorkUntil
    count: int
    _children: list[SpawnProcess] = field(default_factory=list)
    _stop: StopRequest = field(default_factory=StopRequest)

    def run(self) -> bool:
        """Work until all processes have ended by themselves or were told to.

        Returns:
            Whether they could work at all; a process has said why not.
        """
        with stopping_on_signals(self._stop, self.settings.worker_grace_seconds):
            self._children = [self._start() for _ in range(self.count)]
            is_usable = True
            while self._children and is_usable and not self._stop.is_made:
                wait([child.sentinel for child in self._children], _LOOK_SECONDS)
                is_usable = self._replace_crashed()
            self._end()
        return is_usable

    def _start(self) -> SpawnProcess:
        # Spawned, not forked: a fork would share this process's state and its signal handlers.
        child = multiprocessing.get_context("spawn").Process(
            target=_work, args=(self.settings, self.queues, self.until), name="sqlflow-worker"
        )
        child.start()
        return child

    def _replace_crashed(self) -> bool:
        """Start another process for each that crashed; False when one has found that it cannot work."""
        # Asked once: a process may end between two questions.
        codes = [(child, child.exitcode) for child in self._children]
        self._children = [child for child, code in codes if code is None]
        if any(code == UNUSABLE for _, code in codes):
            return False
        for child, code in codes:
            if code not in (None, 0) and not self._stop.is_made:
                log.warning("worker process %s ended with %s; starting another", child.pid, code)
                self._stop.wait(_RESTART_SECONDS)
                self._children.append(self._start())
        return True

    def _end(self) -> None:
        """Tell the processes that are left to stop, and wait for them."""
        for child in self._children:
            child.terminate()
        is_hurried = False
        limit = time.monotonic() + self.settings.worker_grace_seconds + _BEYOND_GRACE_SECONDS
        while alive := [child for child in self._children if child.exitcode is None]:
            if self._stop.is_urgent and not is_hurried:
                is_hurried = True
                for child in alive:
                    _send_alarm(child)
            if time.monotonic() > limit:
                for child in alive:
                    log.warning("worker process %s does not stop; it is killed", child.pid)
                    child.kill()
            wait([child.sentinel for child in alive], _LOOK_SECONDS)


def _send_alarm(child: SpawnProcess) -> None:
    """What the end of its grace would send a worker."""
    if child.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGALRM)


def _work(settings: Settings, queues: tuple[str, ...], until: WorkUntil) -> None:
    """What a process of the supervisor does."""
    log_to_stderr()
    try:
        run_worker(settings, queues, until, is_child=True)
    except SqlFlowError as error:
        log.error("%s", error)  # noqa: TRY400  # the message says all; a traceback would hide it
        sys.exit(UNUSABLE)
