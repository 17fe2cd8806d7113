"""Settings that every test shares, and the PostgreSQL server and empty stores of those which need them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from airflow_provider_sqlflow.engine import graph
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.jobs.store.tables import metadata
from tests.api.server_process import RunningServer, server_on
from tests.postgres_server import running_postgres

# CI says whether a change is sound, so there the searches take the same way each time; a person's runs look
# for something new.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_configure() -> None:
    """Where `make compiled-tests` says so, the compiled engine is tested and not the source beside it."""
    if os.environ.get("SQLFLOW_ENGINE") == "compiled" and graph.__file__.endswith(".py"):
        raise pytest.UsageError(f"the engine under test is not compiled: {graph.__file__}")


EMPTY_ALL = f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY"

_numbers = count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket folder of a PostgreSQL server that runs as long as the tests."""
    with running_postgres() as host:
        yield host


@pytest.fixture
def new_postgres_database(postgres: str) -> Iterator[Callable[[str], str]]:
    """Makes a database that lives as long as the test, as a copy of another one; gives its URL."""
    made: list[str] = []
    with psycopg.connect(host=postgres, user="postgres", dbname="postgres", autocommit=True) as connection:

        def make(template: str = "template0") -> str:
            name = f"test_{next(_numbers)}"
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
            made.append(name)
            return f"postgresql://postgres@/{name}?host={postgres}"

        yield make
        for name in made:
            with suppress(psycopg.OperationalError):  # the test stopped the server
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def postgres_url(new_postgres_database: Callable[[str], str]) -> str:
    """The URL of an empty PostgreSQL database of the test's own."""
    return new_postgres_database("template0")


# An empty store for each test, on each database that can hold it, without migrating each time.


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store to copy."""
    path = tmp_path_factory.mktemp("empty") / "jobs.db"
    SqlJobStore(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_store(postgres: str) -> str:
    """The URL of a store that tests use one after the other."""
    with psycopg.connect(host=postgres, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(b"CREATE DATABASE shared_store")
    url = f"postgresql://postgres@/shared_store?host={postgres}"
    SqlJobStore(url).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_store")
        with psycopg.connect(url) as connection:
            connection.execute(b"SET lock_timeout = '10s'")
            connection.execute(EMPTY_ALL.encode())
        return url
    path = tmp_path / "store" / "jobs.db"
    path.parent.mkdir()
    shutil.copy(request.getfixturevalue("empty_sqlite"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def store(store_url: str) -> Iterator[SqlJobStore]:
    """An empty store."""
    opened = SqlJobStore(store_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A real ``sqlflow server`` on SQLite with a worker, for all tests that leave it usable."""
    folder = tmp_path_factory.mktemp("server")
    store_url = f"sqlite:///{folder}/store.db"
    with server_on(store_url, folder / "log") as process:
        yield RunningServer(process, store_url)
