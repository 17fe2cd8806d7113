from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_sqlflow.api.workers import BUSY, Workers
from airflow_provider_sqlflow.errors import (
    ExportOptionError,
    RequestTimeoutError,
    ServerBusyError,
    SqlParseError,
    WorkerDiedError,
)


class UnpicklableError(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def pid() -> int:
    return os.getpid()


def double(number: int, *, plus: int = 0) -> int:
    return 2 * number + plus


def refuse() -> None:
    raise SqlParseError("wrong", 3, 4)


def refuse_strangely() -> None:
    raise UnpicklableError("one", "two")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def make_workers() -> Iterator[Callable[..., Workers]]:
    made: list[Workers] = []

    def make(processes: int = 1, waiting: int = 4, seconds: float = 30) -> Workers:
        made.append(Workers(processes, waiting, seconds))
        return made[-1]

    yield make
    for workers in made:
        workers.close()


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_functions_run_in_another_process_that_is_kept(make_workers: Callable[..., Workers]) -> None:
    workers = make_workers()
    first = workers.run(pid)
    assert first != os.getpid()
    assert workers.run(double, 4, plus=1) == 9
    assert workers.run(pid) == first
    workers.close()
    assert not is_alive(first)
    with pytest.raises(ServerBusyError):
        workers.run(pid)


def test_errors_come_back_and_cost_no_process(make_workers: Callable[..., Workers]) -> None:
    workers = make_workers()
    first = workers.run(pid)
    with pytest.raises(SqlParseError, match="wrong") as caught:
        workers.run(refuse)
    assert (caught.value.line, caught.value.column) == (3, 4)
    with pytest.raises(RuntimeError, match="UnpicklableError: one two"):
        workers.run(refuse_strangely)
    assert workers.run(pid) == first


def test_a_call_that_takes_too_long_ends_with_its_process(make_workers: Callable[..., Workers]) -> None:
    workers = make_workers(seconds=3)
    first = workers.run(pid)
    with pytest.raises(RequestTimeoutError, match="3 seconds"):
        workers.run(time.sleep, 60)
    assert not is_alive(first)
    assert workers.run(double, 1) == 2


def test_a_process_that_dies_costs_its_call_only(make_workers: Callable[..., Workers]) -> None:
    workers = make_workers()
    with pytest.raises(WorkerDiedError):
        workers.run(die)
    idle = workers.run(pid)
    os.kill(idle, signal.SIGKILL)
    while is_alive(idle) and not _is_zombie(idle):
        time.sleep(0.01)
    assert workers.run(pid) != idle


def _is_zombie(number: int) -> bool:
    """Whether nothing of it is left but its exit code: other threads may end after the first."""
    place = Path(f"/proc/{number}")
    state = (place / "stat").read_text().rsplit(")", 1)[1].split()[0]
    return state == "Z" and len(list((place / "task").iterdir())) == 1


def test_more_calls_than_may_wait_find_it_busy(make_workers: Callable[..., Workers]) -> None:
    workers = make_workers(processes=1, waiting=1, seconds=30)
    workers.run(pid)
    results: list[str] = []

    def call() -> None:
        try:
            workers.run(time.sleep, 1.0)
            results.append("done")
        except ServerBusyError as error:
            results.append(str(error))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(["done", "done", BUSY, BUSY])
    assert workers.run(double, 2) == 4


def test_processes_end_with_the_server(make_workers: Callable[..., Workers]) -> None:
    workers = make_workers()
    number = workers.run(pid)
    [process] = workers._free
    process.connection.close()  # what the system does when the server's process is gone
    assert process.process.wait(10) == 0
    assert not is_alive(number)


def test_large_values_travel(make_workers: Callable[..., Workers]) -> None:
    text = "x" * 20_000_000
    assert make_workers().run(str.upper, text) == text.upper()


def test_an_error_of_ours_is_its_own_class(make_workers: Callable[..., Workers]) -> None:
    with pytest.raises(ExportOptionError):
        make_workers().run(_option_error)


def _option_error() -> None:
    raise ExportOptionError("no such option")
