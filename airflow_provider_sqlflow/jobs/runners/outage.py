"""A store that does not answer for a while: said once, waited for with growing pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from logging import Logger
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_sqlflow.errors import StoreUnavailableError
from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest

if TYPE_CHECKING:
    from tenacity import RetryCallState

MAX_PAUSE_SECONDS = 15.0
"""The longest pause between two tries."""

_FIRST_PAUSE_SECONDS = 0.25

Answer = TypeVar("Answer")


class StoreOutage:
    """What all threads of a worker know of the store's health.

    One line in the log when it goes, one when it is back.

    Args:
        log: where to say it.
        monotonic: seconds.
    """

    def __init__(self, log: Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._began_at: float | None = None

    def begin(self, error: StoreUnavailableError) -> None:
        """A call failed."""
        with self._lock:
            if self._began_at is None:
                self._began_at = self._monotonic()
                self._log.warning("%s; waiting for it", error)

    def end(self) -> None:
        """A call succeeded."""
        if self._began_at is None:  # no lock for what is so nearly always the case
            return
        with self._lock:
            if self._began_at is not None:
                seconds = self._monotonic() - self._began_at
                self._began_at = None
                self._log.warning("the job store answers again, after %.1f s", seconds)

    def outlast(self, call: Callable[[], Answer], stop: StopRequest) -> Answer:
        """Call until the store answers.

        Raises:
            StoreUnavailableError: it does not, and the process was asked to stop.
        """
        from tenacity import Retrying, retry_if_exception_type, wait_random_exponential

        retrying = Retrying(
            retry=retry_if_exception_type(StoreUnavailableError),
            wait=wait_random_exponential(_FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS),
            stop=lambda _state: stop.is_made,
            sleep=stop.wait,
            before_sleep=self._begin,
            reraise=True,
        )
        answer = retrying(call)
        self.end()
        return answer

    def _begin(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, StoreUnavailableError):
            self.begin(error)
