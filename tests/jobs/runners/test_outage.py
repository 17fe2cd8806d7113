from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from airflow_provider_sqlflow.errors import JobNotFoundError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.runners.outage import MAX_PAUSE_SECONDS, StoreOutage
from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest

log = logging.getLogger("airflow_provider_sqlflow.test")
GONE = StoreUnavailableError("the job store sqlite:///x cannot be used: gone")


class RecordedStop(StopRequest):
    """Waits for nothing; asks to stop after so many waits."""

    def __init__(self, waits: int = 1000) -> None:
        super().__init__()
        self.waited: list[float] = []
        self._waits = waits

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        if len(self.waited) == self._waits:
            self.make()


def failing(times: int) -> Callable[[], str]:
    left = [GONE] * times

    def call() -> str:
        if left:
            raise left.pop()
        return "answer"

    return call


def test_outage_is_outlasted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    seconds = iter([10.0, 13.5])
    outage, stop = StoreOutage(log, lambda: next(seconds)), RecordedStop()
    assert outage.outlast(failing(30), stop) == "answer"
    assert [record.getMessage() for record in caplog.records] == [
        "the job store sqlite:///x cannot be used: gone; waiting for it",
        "the job store answers again, after 3.5 s",
    ]
    assert len(stop.waited) == 30
    assert max(stop.waited) <= MAX_PAUSE_SECONDS
    assert max(stop.waited) > 10 * max(stop.waited[:2])


def test_several_threads_and_calls_share_one_outage(caplog: pytest.LogCaptureFixture) -> None:
    outage = StoreOutage(log)
    outage.begin(GONE)
    outage.begin(GONE)
    outage.outlast(failing(2), RecordedStop())
    outage.end()
    assert len(caplog.records) == 2


def test_nothing_is_said_of_a_store_that_answers(caplog: pytest.LogCaptureFixture) -> None:
    stop = RecordedStop()
    assert StoreOutage(log).outlast(failing(0), stop) == "answer"
    assert (caplog.records, stop.waited) == ([], [])


def test_stop_ends_the_patience() -> None:
    stop = RecordedStop(waits=3)
    with pytest.raises(StoreUnavailableError, match="gone"):
        StoreOutage(log).outlast(failing(100), stop)
    assert len(stop.waited) == 3


def test_other_errors_pass() -> None:
    def call() -> None:
        raise JobNotFoundError("j1")

    stop = RecordedStop()
    with pytest.raises(JobNotFoundError):
        StoreOutage(log).outlast(call, stop)
    assert stop.waited == []
