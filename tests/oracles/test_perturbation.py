"""Oracle: change one source column in DuckDB; every output that changes must be an edge.

What the model promises: a change of the number of rows needs an edge to the target's row set, a change of the
values of an output column an edge to it or to the row set.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from queries import queries
from sample_tables import TABLES, Rows, Value, catalog, ddl, random_rows, random_value
from sqltree import Query, sql

from airflow_provider_sqlflow.engine import LineageResult, analyze

DATA_SETS, CHANGES = 2, 2
SECONDS = 0.15
"""A query that takes longer is passed over."""
ANY = st.one_of(queries(), queries(keeps_rows=True))


@dataclass
class Output:
    """What a query gave: the number of rows, and each column's values without their order."""

    count: int
    columns: dict[str, Counter[object]]


class Database:
    """DuckDB with the schema. Its tables are empty but during a run."""

    def __init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        """An empty database."""
        self.connection = duckdb.connect()
        self.connection.execute(
            "SET order_by_non_integer_literal = true; SET threads = 1; PRAGMA disable_optimizer"
        )
        for statement in ddl():
            self.connection.execute(statement)

    def run(self, text: str, rows: Rows) -> Output:
        """What a query gives on these rows."""
        inserts = [f"INSERT INTO {table} VALUES {', '.join(map(_tuple, rows[table]))}" for table in rows]
        self.connection.execute("; ".join(["BEGIN", *inserts]))
        timer = threading.Timer(SECONDS, self.connection.interrupt)
        timer.start()
        try:
            cursor = self.connection.execute(text)
            names = [column[0] for column in cursor.description]
            found = cursor.fetchall()
        except (duckdb.FatalException, duckdb.InternalException):  # DuckDB fails itself
            self.connection.close()
            self.connect()
            reject()
        except duckdb.Error as error:
            self.connection.execute("ROLLBACK")
            if isinstance(error, duckdb.InterruptException):  # a product of many joins
                reject()
            raise
        finally:
            timer.cancel()
        self.connection.execute("ROLLBACK")
        columns = {name: Counter(row[number] for row in found) for number, name in enumerate(names)}
        return Output(len(found), columns)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    database = Database()
    yield database
    database.connection.close()


def _settings(count: int) -> Callable[..., Callable[..., None]]:
    return settings(
        max_examples=count,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )


@_settings(50)
@given(query=ANY, seed=st.integers(0, 2**32 - 1))
def test_every_effect_is_an_edge(database: Database, query: Query, seed: int) -> None:
    check(database, query, seed)


@pytest.mark.slow
@pytest.mark.timeout(900)
@_settings(600)
@given(query=ANY, seed=st.integers(0, 2**32 - 1))
def test_every_effect_is_an_edge_long(database: Database, query: Query, seed: int) -> None:
    check(database, query, seed)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT p.id, g.n FROM people AS p, generate_series(1, p.age) AS g (n)",
        "SELECT id, unnest(range(age)) AS n FROM people",
        "SELECT p.id FROM people AS p, unnest(string_split(p.name, 'b')) AS u (part)",
        "SELECT p.id, (SELECT count(*) FROM range(p.age)) AS n FROM people AS p",
        "SELECT id, k, v FROM people UNPIVOT (v FOR k IN (age, team))",
        "SELECT k, max(v) AS top FROM (UNPIVOT people ON age, team INTO NAME k VALUE v) GROUP BY k",
        "SELECT p.id, t.n FROM people AS p, (SELECT count(*) AS n FROM teams WHERE teams.size = p.age) AS t",
        "SELECT (SELECT max(n) FROM (SELECT size AS n FROM teams WHERE id = p.team)) AS n FROM people AS p",
        "SELECT id, sum(age) OVER v AS s FROM people WINDOW w AS (PARTITION BY team), v AS (w ORDER BY id)",
        "SELECT MAP {coalesce(name, '-'): age}::TEXT AS pairs FROM people",
        "SELECT id FROM people ORDER BY id LIMIT 3 OFFSET (SELECT coalesce(max(size), 0) FROM teams)",
        "SELECT list_transform([age, team], lambda x: x + id)::TEXT AS plus FROM people",
        "SELECT [x * age FOR x IN [team] IF x > id]::TEXT AS times FROM people",
    ],
)
def test_constructs(database: Database, text: str) -> None:
    """What the random queries do not hold."""
    check_text(database, text, 1)


def check(database: Database, query: Query, seed: int) -> None:
    """Change the columns that no edge brings to the row set, one at a time, and compare outputs."""
    check_text(database, sql(query), seed)


def check_text(database: Database, text: str, seed: int) -> None:
    """:func:`check` of a query's text."""
    result = analyze(text, dialect="duckdb", catalog=catalog())
    assert not result.diagnostics, f"{result.diagnostics}\n{text}"
    edges = _edges(result)
    tables = [table for table in TABLES if table in text]
    generator = random.Random(seed)
    for _ in range(DATA_SETS):
        rows = {table: random_rows(generator, table) for table in tables}
        before = database.run(text, rows)
        for table in tables:
            for column in TABLES[table]:
                reached = edges.get((table, column), set())
                if None in reached:
                    continue  # every change is allowed
                for _ in range(CHANGES):
                    other = {**rows, table: changed(rows[table], table, column, generator)}
                    _compare(before, database.run(text, other), reached, f"{table}.{column}", text)


def _edges(result: LineageResult) -> dict[tuple[str, str], set[str | None]]:
    """Target columns by source column; ``None`` is the row set."""
    found: dict[tuple[str, str], set[str | None]] = {}
    for edge in result.edges():
        if edge.source.name is not None:
            found.setdefault((edge.source.relation.name, edge.source.name), set()).add(edge.target.name)
    return found


def _compare(before: Output, after: Output, reached: set[str | None], source: str, text: str) -> None:
    assert before.count == after.count, f"{source} changes the number of rows of\n{text}"
    changes = [name for name, values in before.columns.items() if values != after.columns[name]]
    missing = [name for name in changes if name not in reached]
    assert not missing, (
        f"{source} changes {', '.join(missing)}; reported: {sorted(map(str, reached))}\n{text}"
    )


def changed(rows: list[list[Value]], table: str, column: str, generator: random.Random) -> list[list[Value]]:
    """The rows with other values in one column: in one row, in all, or the same in another order."""
    names = list(TABLES[table])
    place, kind = names.index(column), TABLES[table][column]
    copy = [list(row) for row in rows]
    way = generator.randrange(3)
    if way == 0:
        generator.choice(copy)[place] = random_value(generator, kind)
    elif way == 1:
        for row in copy:
            row[place] = random_value(generator, kind)
    else:
        values = [row[place] for row in copy]
        generator.shuffle(values)
        for row, value in zip(copy, values, strict=True):
            row[place] = value
    return copy


def _tuple(row: list[Value]) -> str:
    return f"({', '.join('NULL' if value is None else repr(value) for value in row)})"
