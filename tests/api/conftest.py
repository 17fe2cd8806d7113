from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from airflow_provider_sqlflow.jobs.store.database import Database
from tests.api.server_process import ServerProcess, add_user, server_on
from tests.jobs.factories import START

USER = "auth0|5f1e"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """An empty store, on each database that can hold it."""
    opened = Database(store_url)
    yield opened
    opened.close()


@dataclass
class RunningServer:
    """A server with one account.

    Attributes:
        process: it.
        store_url: its store.
        user_id: the account.
        secret_key: its key.
        login: parameters that prove it.
    """

    process: ServerProcess
    store_url: str
    user_id: str
    secret_key: str
    login: dict[str, str]


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One real server on SQLite with a real worker, for all tests that leave it usable."""
    folder = tmp_path_factory.mktemp("server")
    store_url = f"sqlite:///{folder}/store.db"
    secret_key = add_user(store_url, USER)
    with server_on(store_url, folder / "log") as process:
        yield RunningServer(process, store_url, USER, secret_key, process.login(USER, secret_key))
