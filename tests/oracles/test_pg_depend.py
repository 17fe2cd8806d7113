"""Oracle: PostgreSQL's dependency catalogue. A view depends on exactly the columns that its edges read.

What ``pg_depend`` records, by experiment on PostgreSQL 18: every column that the parsed query names once
``*`` is expanded, used or not. So a column which a CTE, a derived table or ``EXISTS (SELECT …)`` selects in
vain counts, as do both sides of USING; a whole row (``count(t.*)``) names no column. Edges with intermediates
show what is selected in vain, folded edges do not; a *tight* query selects nothing in vain: there both agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from column_reads import Columns, columns_read, view_lineage
from hypothesis import HealthCheck, Phase, given, reject, settings
from queries import queries
from sample_tables import ddl
from sqltree import Query, sql

pytestmark = pytest.mark.postgres

Depends = Callable[[str], Columns]

_DEPENDS = """
SELECT DISTINCT c.relname, a.attname
FROM pg_rewrite AS r
JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
JOIN pg_class AS c ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE r.ev_class = 'v'::regclass AND d.refobjsubid > 0 AND c.oid <> r.ev_class
"""


@pytest.fixture(scope="module")
def depends(postgres: str) -> Iterator[Depends]:
    """Gives the columns that a view on a query depends on."""
    with psycopg.connect(host=postgres, user="postgres", dbname="postgres", autocommit=True) as connection:
        schema = f"depends_{uuid4().hex}"  # a worker may come back to this module: the server is the same
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        connection.execute(f"SET search_path TO {schema}".encode())
        for statement in ddl():
            connection.execute(statement)

        def read(text: str) -> Columns:
            with connection.transaction(force_rollback=True):
                try:
                    connection.execute(f"CREATE VIEW v AS {text}".encode())
                except psycopg.errors.InvalidRecursion:
                    reject()  # a CTE that reads itself in its first branch: no query of PostgreSQL's
                return set(connection.execute(_DEPENDS).fetchall())

        yield read


def _settings(count: int) -> Callable[..., Callable[..., None]]:
    return settings(
        max_examples=count,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )


@_settings(1000)
@given(query=queries(is_portable=True))
def test_all_edges_read_what_the_view_depends_on(depends: Depends, query: Query) -> None:
    text = sql(query)
    result, expected = view_lineage(text, "postgres"), depends(text)
    _assert_same(columns_read(result.edges(intermediates=True)), expected, text)
    in_vain = columns_read(result.edges()) - expected
    assert not in_vain, f"folded edges read {sorted(in_vain)}\n{text}"


@_settings(1000)
@given(query=queries(is_portable=True, is_tight=True))
def test_folded_edges_read_what_a_tight_view_depends_on(depends: Depends, query: Query) -> None:
    text = sql(query)
    _assert_same(columns_read(view_lineage(text, "postgres").edges()), depends(text), text)


def _assert_same(found: Columns, expected: Columns, text: str) -> None:
    assert found == expected, (
        f"missing {sorted(expected - found)}, too many {sorted(found - expected)}\n{text}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "SELECT p.id FROM people AS p JOIN sales AS s USING (team)",
        "SELECT id FROM people NATURAL JOIN sales",
        "SELECT team FROM people FULL JOIN sales USING (team)",
        "SELECT 1 AS one FROM people AS p FULL JOIN sales USING (team)",
        "SELECT count(*) AS rows FROM people",
        "WITH u AS (SELECT id, age FROM people) SELECT 1 AS one",
        "SELECT id FROM people AS p WHERE EXISTS (SELECT * FROM sales AS s WHERE s.team = p.team)",
        "SELECT DISTINCT ON (team) id FROM people",
        "SELECT sum(age) OVER w AS total FROM people WINDOW w AS (PARTITION BY team ORDER BY id)",
        "SELECT id FROM people AS p WHERE (p.id, p.age) IN (SELECT s.id, s.team FROM sales AS s)",
        "SELECT id FROM people TABLESAMPLE BERNOULLI (50)",
        "SELECT team, city, sum(age) AS total FROM people JOIN teams USING (id) GROUP BY ROLLUP (team, city)",
        "SELECT id FROM people WHERE TRUE OR age > 3",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age) AS middle FROM people",
        "SELECT p.id, g.n FROM people AS p, generate_series(p.age, p.team) AS g (n)",
        "SELECT (ARRAY[id, age])[team] AS part FROM people",
        "SELECT json_build_object('id', id, 'name', name) -> 'id' AS part FROM people",
        "SELECT row_number() OVER (PARTITION BY CASE WHEN age > 3 THEN team END) AS n FROM people",
        "TABLE people",
        "SELECT id FROM people AS p WHERE EXISTS (SELECT FROM sales AS s WHERE s.team = p.team)",
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM teams WHERE id = p.team) AS t) AS n FROM people AS p",
        "SELECT sum(age) OVER v AS a FROM people WINDOW w AS (PARTITION BY team), v AS (w ORDER BY id)",
        "SELECT id FROM people ORDER BY age OFFSET (SELECT max(size) FROM teams)",
        "SELECT p.id, r.a FROM people AS p, LATERAL ROWS FROM (generate_series(1, age)) AS r (a)",
        "SELECT p.name FROM people AS p JOIN sales AS s USING (team) AS j",
    ],
)
def test_constructs(depends: Depends, text: str) -> None:
    """What the random queries do not hold."""
    _assert_same(columns_read(view_lineage(text, "postgres").edges(intermediates=True)), depends(text), text)
