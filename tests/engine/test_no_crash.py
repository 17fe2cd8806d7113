"""No text whatever makes ``analyze`` raise: damaged SQL of every dialect gives a result with true places."""

from __future__ import annotations

import random
import re
import time

import pytest
from fixture_cases import Case, load_cases
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine import (
    InMemoryCatalog,
    LineageResult,
    analyze,
    result_from_json,
    result_to_json,
)
from airflow_provider_sqlflow.engine.dialects import known_dialects
from airflow_provider_sqlflow.engine.text import SourceText

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
CASES = load_cases()
WORDS = sorted({word for case in CASES for word in _TOKEN.findall(case.sql) if word.strip()})
SECONDS = 4.0  # for each seed; every seed damages some thousand texts in that time


def damaged(sql: str, chance: random.Random) -> str:
    """The text with one to three tokens deleted, doubled, swapped, exchanged, or with its end cut off."""
    tokens = _TOKEN.findall(sql)
    for _ in range(chance.randint(1, 3)):
        if not tokens:
            break
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        way = chance.randrange(6)
        if way == 0:
            del tokens[at]
        elif way == 1:
            tokens.insert(at, tokens[at])
        elif way == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif way == 3:
            tokens[at] = chance.choice(WORDS)
        elif way == 4:
            del tokens[at : at + chance.randint(1, 6)]
        else:
            del tokens[at:]
    return "".join(tokens)


def read(case: Case, sql: str) -> LineageResult:
    try:
        return analyze(
            sql,
            dialect="" if case.dialect == "ansi" else case.dialect,
            catalog=InMemoryCatalog(case.catalog) if case.catalog else None,
        )
    except Exception as error:
        raise AssertionError(f"{case.dialect}: {sql!r}") from error


def check(sql: str, result: LineageResult) -> None:
    source = SourceText("<sql>", sql)
    for edge in (*result.edges(), *result.edges(intermediates=True)):
        span = edge.span
        assert span is not None, sql
        start = source.offset(span.start_line, span.start_column)
        end = source.offset(span.end_line, span.end_column)
        assert source.span(start, end) == span, sql
        assert sql[start:end] == edge.expression, sql
    for diagnostic in result.diagnostics:
        span = diagnostic.span
        start = source.offset(span.start_line, span.start_column)
        end = source.offset(span.end_line, span.end_column)
        assert start <= end, sql
        assert source.span(start, end) == span, sql


@pytest.mark.parametrize("seed", range(4))
def test_damaged_fixtures(seed: int) -> None:
    chance = random.Random(seed)
    stop = time.monotonic() + SECONDS
    slowest = 0.0
    count = 0
    while time.monotonic() < stop:
        case = chance.choice(CASES)
        sql = damaged(case.sql, chance)
        begin = time.monotonic()
        result = read(case, sql)
        slowest = max(slowest, time.monotonic() - begin)
        check(sql, result)
        assert result_from_json(result_to_json(result)) == result, sql
        count += 1
    assert count > 100
    assert slowest < 3, "a short text took seconds"


def test_what_the_engine_trips_over_is_the_text_not_the_engine() -> None:
    chance = random.Random(23)
    for _ in range(1500):
        case = chance.choice(CASES)
        sql = damaged(case.sql, chance)
        codes = {item.code for item in read(case, sql).diagnostics}
        assert "internal_error" not in codes, f"{case.dialect}: {sql!r}"


def test_fixtures_in_the_wrong_dialect() -> None:
    chance = random.Random(7)
    dialects = ["", *known_dialects()]
    for case in chance.sample(CASES, 400):
        wrong = Case(chance.choice(dialects), case.topic, case.name, case.sql, case.catalog)
        check(case.sql, read(wrong, case.sql))


def test_every_beginning_of_a_text() -> None:
    chance = random.Random(11)
    for case in chance.sample(CASES, 12):
        for end in range(len(case.sql)):
            check(case.sql[:end], read(case, case.sql[:end]))


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join),
    st.sampled_from(known_dialects()),
)
def test_any_text_in_any_dialect(text: str, dialect: str) -> None:
    check(text, analyze(text, dialect=dialect))


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("tsql", "BULK INSERT . FROM 'C:\\data\\orders.csv'"),
        ("tsql", "SELECT o.Id FROM dbo.Orders o OUTER APPLY .fn_Discount(o.Id)"),
        ("bigquery", "SELECT * EXCEPT (note) REPLACE (price * 100) FROM shop.lines"),
        ("bigquery", "MERGE INTO mart.stock T SON FALSE WHEN NOT MATCHED THEN INSERT ROW"),
        ("postgres", "SELECT address.().city FROM orders o"),
        ("postgres", "WITH gone AS (DELETE FROMqueue WHERE a < 1 RETURNING id) SELECT id FROM gone"),
        ("clickhouse", "SELECT argMax(, updated_at) AS balance FROM ledger"),
    ],
)  # fmt: skip
def test_a_text_that_hurts_does_not_take_the_next_statement_along(dialect: str, sql: str) -> None:
    result = analyze(f"{sql};\nINSERT INTO after_it (a) SELECT b FROM s", dialect=dialect)
    assert "s.b -> after_it.a" in [f"{edge.source} -> {edge.target}" for edge in result.edges()]


@pytest.mark.parametrize(
    ("dialect", "sql", "place"),
    [
        ("tsql", "SELECT o.Id FROM dbo.Orders o OUTER APPLY .fn_Discount(o.Id)", "1:44"),
        ("bigquery", "SELECT a, * EXCEPT (note) REPLACE (price * 100) FROM shop.lines", "1:11"),
        ("snowflake", "SELECT * RENAME (dept AS team, name AS ) FROM emp", "1:8"),
        ("postgres", "SELECT id, address.().city FROM orders o", "1:12"),
        ("clickhouse", "SELECT argMax(, updated_at) AS balance FROM ledger", "1:17"),
        ("ansi", "SELECT k FROM a JOIN b USING (*)", "1:22"),
        ("duckdb", "SELECT 1; UNPIVOT monthly ON jan, feb INTO", "1:11"),
        ("snowflake", "SELECT OBJECT_CONSTRUCT( (*) AS doc FROM orders", "1:28"),
        ("duckdb", "SELECT o.doc ->>", "1:14"),
        ("athena", "CREATE OR REPLACE STREAM raw.s ON TABLE . APPEND_ONLY = TRUE", "1:1"),
    ],
)  # fmt: skip
def test_text_that_only_looks_like_sql_is_a_parse_error_with_its_place(
    dialect: str, sql: str, place: str
) -> None:
    result = analyze(sql, dialect="" if dialect == "ansi" else dialect)
    [error] = result.errors()
    assert error.code == "parse_error"
    assert f"{error.span.start_line}:{error.span.start_column}" == place, error
    assert "Error" not in error.message


@pytest.mark.parametrize("side", ["JOIN", "INNER JOIN", "LEFT OUTER JOIN"])
def test_joins_without_conditions_take_no_longer_each(side: str) -> None:
    # The parser alone takes twice as long for each one more: this would never end.
    joins = " ".join(f"{side} t{number} p{number}" for number in range(60))
    result = analyze(f"SELECT b.x, p7.y FROM base b {joins} WHERE b.k = 1", dialect="mysql")
    assert not list(result.errors())
    sources = {(edge.source.relation.name, edge.source.name) for edge in result.edges()}
    assert sources == {("base", "x"), ("t7", "y"), ("base", "k")}


@pytest.mark.parametrize(
    "options",
    [
        "SYSTEM_VERSIONING = ON (SELECT = h)",
        "System_Versioning = ON (HISTORY_TABLE ( h)",
        "DATA_DELETION = ON (x y)",
    ],
)
def test_options_from_which_the_parser_never_comes_back(options: str) -> None:
    result = analyze(
        f"CREATE TABLE t (a INT) WITH ({options});\nGO\nINSERT INTO r SELECT a FROM s", dialect="tsql"
    )
    assert {edge.source.relation.name for edge in result.edges()} == {"s"}
