"""An empty store on each database, and a builder that fills it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_sqlflow.jobs.lineage.service import LineageService
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.tables import metadata
from tests.jobs.lineage.builder import StoreBuilder


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, new_postgres_database: Callable[[str], str]
) -> Iterator[Database]:
    """An empty store."""
    url = (
        f"sqlite:///{tmp_path}/store.db" if request.param == "sqlite" else new_postgres_database("template0")
    )
    database = Database(url)
    with database.writing() as connection:
        metadata.create_all(connection)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> StoreBuilder:
    """Fills the store."""
    return StoreBuilder(database)


@pytest.fixture
def lineage(database: Database) -> LineageService:
    """Answers questions about the store."""
    return LineageService(database)
