"""A job store of each test's own, on each database that can hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """The name of a database with an empty store, to copy: much quicker than to migrate."""
    name = "empty_store"
    with psycopg.connect(host=postgres, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    SqlJobStore(f"postgresql://postgres@/{name}?host={postgres}").close()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'jobs.db'}"
    make: Callable[[str], str] = request.getfixturevalue("new_postgres_database")
    return make(request.getfixturevalue("postgres_template"))


@pytest.fixture
def store(store_url: str) -> Iterator[SqlJobStore]:
    """An empty store."""
    opened = SqlJobStore(store_url)
    yield opened
    opened.close()
