"""Settings that every test shares, and the PostgreSQL server that those which need one share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count

import psycopg
import pytest
from hypothesis import settings

from tests.postgres_server import running_postgres

# CI says whether a change is sound, so there the searches take the same way each time; a person's runs look
# for something new.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

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
