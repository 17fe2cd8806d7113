from __future__ import annotations

import sys

import pytest

from airflow_provider_sqlflow.emission import DatasetNaming
from airflow_provider_sqlflow.listeners import database
from airflow_provider_sqlflow.listeners.database import DatabaseCatalog, database_of
from airflow_provider_sqlflow.listeners.task_sql import TaskSql, count_reported


@pytest.fixture
def sqlite(sqlite_hook):
    return database_of(TaskSql(sqlite_hook, "warehouse", "select 1"))


@pytest.fixture
def postgres(postgres_hook):
    return database_of(TaskSql(postgres_hook, "lake", "select 1"))


def test_sqlite_is_named_by_its_file(sqlite, tmp_path):
    assert sqlite.naming == DatasetNaming("sqlite", f"sqlite://{tmp_path}/warehouse.db", None, "main")


def test_postgres_is_named_as_the_provider_names_it(postgres, postgres_hook):
    from airflow.providers.openlineage.sqlparser import SQLParser

    info = postgres_hook.get_openlineage_database_info(postgres_hook.get_connection("lake"))
    assert postgres.naming == DatasetNaming(
        "postgres", SQLParser.create_namespace(info), "postgres", "public"
    )


def test_an_operators_database_wins(postgres_hook):
    assert database_of(TaskSql(postgres_hook, "lake", "", "sales")).naming.default_database == "sales"


def test_without_the_openlineage_provider_the_connection_names_it(postgres_hook, monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.sqlparser", None)
    naming = database_of(TaskSql(postgres_hook, "lake", "")).naming
    assert (naming.dialect, naming.default_database, naming.default_schema) == (
        "postgres",
        "postgres",
        "public",
    )


def test_our_own_questions_are_not_reported_as_the_tasks(postgres_hook):
    before = count_reported()
    found = database_of(TaskSql(postgres_hook, "lake", ""))
    catalog = DatabaseCatalog(found)
    catalog.columns(None, "public", "orders")
    catalog.close()
    assert count_reported() == before
    assert postgres_hook.get_first("SELECT 1") == (1,)
    assert count_reported() == before + 1


def test_columns_of_sqlite(sqlite):
    catalog = DatabaseCatalog(sqlite)
    assert catalog.columns(None, None, "ORDERS") == ("id", "amount")
    assert catalog.columns(None, "main", "missing") is None
    assert catalog.types == {"main.orders": {"id": "INT", "amount": "INT"}}
    catalog.close()


@pytest.mark.parametrize(
    ("asked", "columns"),
    [
        (("postgres", "public", "orders"), ("id", "amount")),
        ((None, None, "Orders"), ("id", "amount")),
        ((None, "archive", "orders"), ("old_id",)),
        ((None, "public", "Odd"), ("Id", "plain")),
        ((None, "public", "moved"), None),
        (("elsewhere", "public", "orders"), None),
        ((None, "public", "it's"), None),
    ],
)
def test_columns_of_postgres(postgres, asked, columns):
    catalog = DatabaseCatalog(postgres)
    assert catalog.columns(*asked) == columns
    catalog.close()


def test_a_table_is_asked_for_once_and_only_so_many_are(sqlite, monkeypatch):
    monkeypatch.setattr(database, "MAX_TABLES", 1)
    catalog = DatabaseCatalog(sqlite)
    asked = []
    monkeypatch.setattr(catalog, "_query", lambda name: asked.append(name) or [("main", "id", "INT")])
    for name in ("orders", "orders", "daily"):
        catalog.columns(None, None, name)
    assert asked == ["orders"]


def test_a_database_that_does_not_answer_is_asked_once(sqlite, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", '{"conn_type": "sqlite", "host": "/dev/null/x.db"}')
    catalog = DatabaseCatalog(sqlite)
    assert [catalog.columns(None, None, name) for name in ("orders", "daily")] == [None, None]
    assert caplog.text.count("cannot be looked up") == 1
