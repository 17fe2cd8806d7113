"""Dialects by all their names, and the rules in which they differ."""

from __future__ import annotations

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.dialects import (
    _ALIASES,
    _VENDORS,
    known_dialects,
    resolve_dialect,
    rules_of,
    vendor_of,
)
from airflow_provider_sqlflow.errors import UnknownDialectError


@pytest.mark.parametrize("name", ["", *known_dialects()])
def test_every_dialect_goes_to_its_vendor_and_reads_sql(name):
    assert resolve_dialect(name) == name
    assert vendor_of(name).startswith("dbv")
    result = analyze("INSERT INTO t SELECT a AS x FROM s", dialect=name)
    assert [f"{edge.source} -> {edge.target}" for edge in result.edges()] == ["s.a -> t.x"]
    assert result.dialect == name


def test_every_vendor_and_alias_is_a_dialect():
    known = {"", *known_dialects()}
    for name in (*_VENDORS, *_ALIASES):
        assert resolve_dialect(name) in known


def test_sqlflow_names_come_back_where_the_dialect_is_its_own():
    for vendor, dialect in _VENDORS.items():
        if vendor == f"dbv{dialect}":
            assert vendor_of(dialect) == vendor


@pytest.mark.parametrize(
    ("spelled", "dialect"),
    [
        ("Snowflake", "snowflake"),
        (" postgres ", "postgres"),
        ("DBVMSSQL", "tsql"),
        ("vertica", "postgres"),  # SQLFlow's word without its prefix
        ("hana", ""),
        ("ansi", ""),
        ("generic", ""),
        ("mariadb", "mysql"),
        ("Flink-SQL", ""),
        ("SQL Server", "tsql"),
        ("spark_sql", "spark"),
        ("MaxCompute", "hive"),
    ],
)
def test_spellings(spelled, dialect):
    assert resolve_dialect(spelled) == dialect


@pytest.mark.parametrize(
    ("spelled", "hint"),
    [("snowflak", "did you mean snowflake"), ("orcale", "did you mean oracle"), ("?", "known are athena, ")],
)
def test_unknown_names_offer_what_is_known(spelled, hint):
    with pytest.raises(UnknownDialectError, match=hint):
        resolve_dialect(spelled)


@pytest.mark.parametrize(
    ("dialect", "name", "quoted", "relation", "column"),
    [
        ("", "aB", True, "ab", "ab"),  # text of unknown origin: be generous
        ("snowflake", "aB", False, "AB", "AB"),
        ("snowflake", "aB", True, "aB", "aB"),
        ("oracle", "aB", False, "AB", "AB"),
        ("postgres", "aB", False, "ab", "ab"),
        ("postgres", "aB", True, "aB", "aB"),
        ("tsql", "aB", True, "ab", "ab"),
        ("bigquery", "aB", False, "aB", "ab"),
        ("mysql", "aB", False, "aB", "ab"),
        ("spark", "aB", True, "ab", "ab"),
        ("duckdb", "aB", True, "ab", "ab"),
    ],
)
def test_how_names_compare(dialect, name, quoted, relation, column):
    rules = rules_of(dialect)
    assert rules.relation_key(name, quoted) == relation
    assert rules.column_key(name, quoted) == column


@pytest.mark.parametrize(("dialect", "is_one"), [("postgres", False), ("snowflake", False), ("tsql", True)])
def test_quoted_names_of_other_case_are_one_relation_or_two(dialect, is_one):
    quoted = '"T"' if dialect != "tsql" else "[T]"
    other = "t" if dialect != "snowflake" else '"t"'
    result = analyze(
        f"INSERT INTO {quoted} (a) SELECT b FROM s; INSERT INTO {other} (a) SELECT b FROM s", dialect=dialect
    )
    assert (len(result.targets) == 1) == is_one


@pytest.mark.parametrize(
    "dialect", ["snowflake", "redshift", "duckdb", "databricks", "teradata", "clickhouse"]
)
def test_an_alias_may_be_used_further_right(dialect):
    assert rules_of(dialect).has_lateral_alias
    result = analyze("INSERT INTO t (x, y) SELECT a + 1 AS x, x * 2 AS y FROM s", dialect=dialect)
    assert [f"{edge.source} -> {edge.target}" for edge in result.edges()] == ["s.a -> t.x", "s.a -> t.y"]


@pytest.mark.parametrize("dialect", ["postgres", "bigquery", "tsql", "oracle", "mysql", "trino"])
def test_an_alias_is_no_column_further_right(dialect):
    assert not rules_of(dialect).has_lateral_alias
    result = analyze("INSERT INTO t (x, y) SELECT a + 1 AS x, x * 2 AS y FROM s", dialect=dialect)
    assert [f"{edge.source} -> {edge.target}" for edge in result.edges()] == ["s.a -> t.x", "s.x -> t.y"]


@pytest.mark.parametrize(
    ("dialect", "word"),
    [("oracle", "rownum"), ("oracle", "SYSDATE"), ("postgres", "current_date"), ("tsql", "CURRENT_TIMESTAMP"),
     ("snowflake", "current_user"), ("teradata", "date")],
)  # fmt: skip
def test_words_of_the_session_are_no_columns(dialect, word):
    assert analyze(f"INSERT INTO t (x) SELECT {word} FROM s", dialect=dialect).edges() == ()


@pytest.mark.parametrize(
    ("dialect", "name"), [("oracle", "rowid"), ("postgres", "ctid"), ("bigquery", "_PARTITIONTIME")]
)
def test_system_columns_need_no_declaration(dialect, name):
    result = analyze(f"CREATE TABLE s (a INT); INSERT INTO t (x) SELECT {name} FROM s", dialect=dialect)
    assert [f"{edge.source} -> {edge.target}".lower() for edge in result.edges()] == [
        f"s.{name} -> t.x".lower()
    ]
    assert result.diagnostics == ()
