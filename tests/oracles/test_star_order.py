"""Oracle: the databases say which columns ``*`` has over joins, and in which order.

Each generated query is executed for the names of its columns; an INSERT with as many target columns must
take them in that order.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable

import duckdb
import psycopg
import pytest
from sample_tables import TABLES, catalog, ddl

from airflow_provider_sqlflow.engine import Effect, analyze

COUNT = 200
"""Queries for each database."""


class Joins:
    """Makes ``SELECT *`` over joins by USING, NATURAL, CROSS JOIN, brackets and commas."""

    def __init__(self, seed: int, sides: tuple[str, ...], has_brackets: bool) -> None:
        self.random = random.Random(seed)
        self.sides = sides
        self.has_brackets = has_brackets
        self.number = 0

    def query(self) -> str:
        """One query; its names may be ambiguous, which the database will say."""
        self.number = 0
        parts = [self._tree(self.random.randint(0, 3))[0] for _ in range(self.random.randint(1, 2))]
        return "SELECT * FROM " + ", ".join(parts)

    def _leaf(self) -> tuple[str, set[str]]:
        self.number += 1
        table = self.random.choice(sorted(TABLES))
        form = self.random.choice(("{} AS r{}", "(SELECT * FROM {}) AS r{}"))
        return form.format(table, self.number), set(TABLES[table])

    def _tree(self, joins: int) -> tuple[str, set[str]]:
        text, names = self._leaf()
        for _ in range(joins):
            right, others = self._leaf()
            if self.has_brackets and self.random.random() < 0.2:
                inner, others = self._tree(1)
                right = f"({inner})"
            common = sorted(names & others)
            side = self.random.choice(self.sides)
            merge = self.random.choice(("USING", "NATURAL", "CROSS"))
            if merge == "USING" and common:
                using = self.random.sample(common, min(2, len(common)))
                text = f"{text} {side}JOIN {right} USING ({', '.join(using)})"
            elif merge == "NATURAL" and common:
                text = f"{text} NATURAL {side}JOIN {right}"
            else:
                text = f"{text} CROSS JOIN {right}"
            names = names | others
        return text, names


def _compare(joins: Joins, names: Callable[[str], list[str]], error: type[Exception], dialect: str) -> None:
    """The columns that INSERT takes from each query against those that the database has."""
    executed = 0
    for _ in range(COUNT):
        query = joins.query()
        try:
            wanted = names(query)
        except error:
            continue  # an ambiguous name
        executed += 1
        targets = [f"o{number}" for number in range(len(wanted))]
        text = f"INSERT INTO target ({', '.join(targets)}) {query}"
        result = analyze(text, dialect=dialect, catalog=catalog())
        found: dict[str | None, set[str | None]] = {}
        for edge in result.edges():
            if edge.effect is Effect.DIRECT:
                found.setdefault(edge.target.name, set()).add(edge.source.name)
        assert found == {target: {name} for target, name in zip(targets, wanted, strict=True)}, text
        assert "column_count" not in {item.code for item in result.diagnostics}, text
    assert executed > COUNT // 3


@pytest.mark.parametrize("seed", range(3))
def test_duckdb(seed: int) -> None:
    with duckdb.connect() as connection:
        for statement in ddl():
            connection.execute(statement)
        # It takes a name that is ambiguous inside brackets, where PostgreSQL refuses.
        joins = Joins(seed, ("", "LEFT ", "RIGHT ", "FULL "), has_brackets=False)
        _compare(joins, lambda text: _described(connection.execute(text)), duckdb.Error, "duckdb")


@pytest.mark.parametrize("seed", range(3))
def test_sqlite(seed: int) -> None:
    connection = sqlite3.connect(":memory:")
    for statement in ddl():
        connection.execute(statement)
    joins = Joins(seed, ("", "LEFT "), has_brackets=False)
    _compare(joins, lambda text: _described(connection.execute(text)), sqlite3.Error, "sqlite")
    connection.close()


@pytest.mark.postgres
@pytest.mark.parametrize("seed", range(3))
def test_postgres(seed: int, postgres: str) -> None:
    with (
        psycopg.connect(host=postgres, user="postgres", dbname="postgres") as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("CREATE SCHEMA star")
        connection.execute("SET LOCAL search_path = star")
        for statement in ddl():
            connection.execute(statement.encode())

        def names(text: str) -> list[str]:
            with connection.transaction():
                return _described(connection.execute(text.encode()))

        joins = Joins(seed, ("", "LEFT ", "RIGHT ", "FULL "), has_brackets=True)
        _compare(joins, names, psycopg.Error, "postgres")


def _described(cursor: object) -> list[str]:
    description = getattr(cursor, "description", None) or ()
    return [column[0] for column in description]
