"""Oracle: SQLite's authorizer. It is asked for every column that a statement reads while it is prepared.

What it is asked, by experiment on SQLite 3.40: the columns that the query names once ``*`` is expanded, used
or not, as PostgreSQL's dependencies (test_pg_depend.py) are, but not those of a CTE that nothing reads, and
not those that only USING names. So chains read no less than it is asked, and folded edges no more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest
from column_reads import Columns, columns_read, view_lineage
from hypothesis import HealthCheck, Phase, given, reject, settings
from queries import queries
from sample_tables import TABLES, ddl
from sqltree import Query, sql

Reads = Callable[[str], Columns]


@pytest.fixture(scope="module")
def reads() -> Iterator[Reads]:
    """Gives the columns that a query reads."""
    asked: Columns = set()

    def authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ and first in TABLES and second:
            asked.add((first, second))
        return sqlite3.SQLITE_OK

    connection = sqlite3.connect(":memory:", cached_statements=0)  # a cached statement asks for nothing
    for name in ("GREATEST", "LEAST"):
        connection.create_function(name, -1, lambda *values: values[0])
    for statement in ddl():
        connection.execute(statement)
    connection.set_authorizer(authorize)

    def read(text: str) -> Columns:
        asked.clear()
        connection.execute(f"EXPLAIN {text}")
        return set(asked)

    yield read
    connection.close()


@settings(
    max_examples=400,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
@given(query=queries(is_portable=True))
def test_edges_read_what_the_query_reads(reads: Reads, query: Query) -> None:
    text = sql(query)
    try:
        expected = reads(text)
    except sqlite3.OperationalError:
        reject()  # LATERAL and what else PostgreSQL alone has
    result = view_lineage(text, "sqlite")
    missing = expected - columns_read(result.edges(intermediates=True))
    assert not missing, f"missing {sorted(missing)}\n{text}"
    if "USING" not in text:
        many = columns_read(result.edges()) - expected
        assert not many, f"too many {sorted(many)}\n{text}"


@pytest.mark.parametrize(
    "text",
    [
        "WITH t AS (SELECT id FROM teams) SELECT id FROM people WHERE team IN t",
        "SELECT id FROM people WHERE age NOT IN (SELECT size FROM teams)",
        "SELECT max(age), name, team FROM people",
        "SELECT p.id, j.value FROM people AS p, json_each(p.name) AS j WHERE j.key > 1",
        "SELECT upper(name -> '$.a') AS a, name ->> 'b' AS b FROM people",
        "SELECT sum(age) OVER v AS a FROM people WINDOW w AS (PARTITION BY team), v AS (w ORDER BY id)",
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM teams WHERE id = p.team)) AS n FROM people AS p",
        "SELECT (WITH t AS (SELECT 1 FROM teams WHERE id = p.team) SELECT count(*) FROM t) FROM people AS p",
        "SELECT id FROM people ORDER BY age LIMIT 2 OFFSET (SELECT max(size) FROM teams)",
        "SELECT p.id FROM people AS p JOIN teams AS t ON (t.id, t.size) = (p.team, p.age)",
        "SELECT id FROM people WHERE (team, age) IN (SELECT id, size FROM teams)",
        "SELECT CASE team WHEN 1 THEN name ELSE age END AS x FROM people GROUP BY id HAVING count(*) > 1",
        "WITH RECURSIVE t AS (SELECT id, team FROM people UNION SELECT p.id, t.team FROM people AS p, t) "
        "SELECT id FROM t",
        "SELECT * FROM (people AS p JOIN teams AS t ON t.id = p.team) LEFT JOIN sales AS s ON s.id = p.id",
        "VALUES (1, (SELECT max(age) FROM people)), (2, 3)",
    ],
)
def test_constructs(reads: Reads, text: str) -> None:
    """What the random queries do not hold."""
    assert columns_read(view_lineage(text, "sqlite").edges(intermediates=True)) == reads(text)
