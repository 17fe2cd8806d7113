"""An empty job store for each test, on each database that can hold it, without migrating each time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.jobs.store.tables import metadata

EMPTY_ALL = f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY"


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
