"""The small schema that generated queries read, as DDL, catalog and rows."""

from __future__ import annotations

import random

from airflow_provider_sqlflow.engine import InMemoryCatalog

INT, TEXT = "int", "text"
TABLES: dict[str, dict[str, str]] = {
    "people": {"id": INT, "team": INT, "age": INT, "name": TEXT},
    "teams": {"id": INT, "city": INT, "size": INT, "title": TEXT},
    "sales": {"id": INT, "team": INT, "amount": INT, "state": TEXT},
    "visits": {"id": INT, "city": INT, "age": INT, "state": TEXT},
}
"""Column types by table. Names repeat so that joins may use them and scopes must tell them apart."""

Value = int | str | None
Rows = dict[str, list[list[Value]]]

_VALUES: dict[str, tuple[Value, ...]] = {INT: (0, 1, 2, 3, 4, None), TEXT: ("a", "b", "c", "bb", None)}


def ddl() -> list[str]:
    """A CREATE TABLE for each table; DuckDB and PostgreSQL read it."""
    return [
        f"CREATE TABLE {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
        for table, columns in TABLES.items()
    ]


def catalog() -> InMemoryCatalog:
    return InMemoryCatalog({table: list(columns) for table, columns in TABLES.items()})


def random_rows(generator: random.Random, table: str, count: int = 5) -> list[list[Value]]:
    """Rows from few values, so that joins and filters meet some."""
    return [[random_value(generator, kind) for kind in TABLES[table].values()] for _ in range(count)]


def random_value(generator: random.Random, kind: str) -> Value:
    return generator.choice(_VALUES[kind])
