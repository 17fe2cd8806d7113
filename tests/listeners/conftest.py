"""Airflow without a database; real SQLite and PostgreSQL behind connections of the environment."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Airflow reads these when it is first imported, so they are set while tests are collected.
if "AIRFLOW_HOME" not in os.environ:
    _home = tempfile.TemporaryDirectory(prefix="sqlflow-airflow-home-", ignore_cleanup_errors=True)
    os.environ["AIRFLOW_HOME"] = _home.name
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import running_postgres

TABLES = (
    "CREATE TABLE orders (id INT, amount INT)",
    "CREATE TABLE daily (id INT, amount INT)",
)


@dataclass
class TaskInstance:
    """What capture uses of a running task instance."""

    task: Any
    dag_id: str = "shop"
    task_id: str = "load"
    run_id: str = "monday"
    map_index: int = -1
    try_number: int = 1
    context: dict[str, Any] = field(default_factory=dict)

    def get_template_context(self) -> dict[str, Any]:
        return self.context


@pytest.fixture
def make_instance() -> Callable[..., TaskInstance]:
    return TaskInstance


@pytest.fixture(autouse=True)
def fresh_options() -> Iterator[None]:
    """Options are cached for a process; a test may set them by environment."""
    from airflow_provider_sqlflow import conf

    conf.clear_cache()
    yield
    conf.clear_cache()


@pytest.fixture(autouse=True)
def fresh_provider_options() -> Iterator[None]:
    """The OpenLineage provider keeps its options for a process, too."""
    from airflow.providers.openlineage import conf as provider_conf

    def forget() -> None:
        for option in vars(provider_conf).values():
            if hasattr(option, "cache_clear"):
                option.cache_clear()

    forget()
    yield
    forget()


@pytest.fixture(autouse=True)
def collecting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What hooks report is collected, whatever plug-ins an earlier test made Airflow load."""
    from airflow.sdk import plugins_manager
    from airflow.sdk.lineage import get_hook_lineage_collector

    monkeypatch.setattr(plugins_manager, "get_hook_lineage_readers_plugins", lambda: [object()])
    get_hook_lineage_collector.cache_clear()
    yield
    get_hook_lineage_collector.cache_clear()


@pytest.fixture
def sqlite_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A hook of a SQLite file with two tables; the connection is ``warehouse``."""
    from airflow.providers.sqlite.hooks.sqlite import SqliteHook

    path = tmp_path / "warehouse.db"
    connection = sqlite3.connect(path)
    for statement in TABLES:
        connection.execute(statement)
    connection.close()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return SqliteHook(sqlite_conn_id="warehouse")


@pytest.fixture(scope="session")
def postgres_host() -> Iterator[str]:
    import psycopg

    with running_postgres() as host:
        with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
            for statement in (
                *TABLES,
                'CREATE TABLE "Odd" ("Id" INT, plain INT)',
                "CREATE SCHEMA archive",
                "CREATE TABLE archive.orders (old_id INT)",
                "CREATE TABLE archive.moved (at DATE)",
            ):
                connection.execute(statement)
        yield host


@pytest.fixture
def postgres_hook(postgres_host: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    fields = {"conn_type": "postgres", "host": postgres_host, "login": "postgres", "schema": "postgres"}
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(fields))
    return PostgresHook(postgres_conn_id="lake")
