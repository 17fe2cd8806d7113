from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest, WorkStopped, stopping_on_signals

LONG = 30.0


def send(number: signal.Signals, after: float = 0.0) -> None:
    """Send this process a signal, from a thread when later."""
    if not after:
        os.kill(os.getpid(), number)
    else:
        threading.Timer(after, os.kill, (os.getpid(), number)).start()


def test_request_is_seen_and_ends_every_wait() -> None:
    stop = StopRequest()
    assert not stop.is_made
    stop.raise_if_made()
    threading.Timer(0.05, stop.make).start()
    began = time.monotonic()
    stop.wait(LONG)
    stop.wait(LONG)
    assert time.monotonic() - began < LONG / 2
    assert stop.is_made
    assert not stop.is_urgent
    with pytest.raises(WorkStopped):
        stop.raise_if_made()


def test_wait_ends_by_itself() -> None:
    StopRequest().wait(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_asks_and_lets_the_work_go_on(number: signal.Signals) -> None:
    stop = StopRequest()
    with stopping_on_signals(stop, LONG), stop.interruptible():
        send(number, after=0.05)
        stop.wait(LONG)
        assert stop.is_made
        send(signal.SIGTERM)  # a group's second one
    assert not stop.is_urgent


def test_second_interrupt_breaks_the_work_off() -> None:
    stop = StopRequest()
    with stopping_on_signals(stop, LONG), pytest.raises(WorkStopped), stop.interruptible():
        send(signal.SIGINT)
        send(signal.SIGINT)
        pytest.fail("still at work")  # pragma: no cover
    assert stop.is_urgent


def test_end_of_the_grace_breaks_the_work_off() -> None:
    stop = StopRequest()
    with stopping_on_signals(stop, 0.05), pytest.raises(WorkStopped), stop.interruptible():
        send(signal.SIGTERM)
        time.sleep(LONG)
    assert stop.is_urgent


def test_end_of_the_grace_breaks_nothing_else_off() -> None:
    stop = StopRequest()
    with stopping_on_signals(stop, 0.01):
        send(signal.SIGTERM)
        while not stop.is_urgent:
            time.sleep(0.005)
        with stop.interruptible():
            pass


def test_child_leaves_the_interrupt_to_its_parent() -> None:
    stop = StopRequest()
    with stopping_on_signals(stop, LONG, ignores_interrupt=True):
        send(signal.SIGINT)
    assert not stop.is_made


def test_handlers_and_timer_are_put_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)]
    with stopping_on_signals(StopRequest(), LONG):
        send(signal.SIGTERM)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)]
    assert after == before
