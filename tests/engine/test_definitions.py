"""What DDL declares, read from tokens: odd words between and behind, and what is left alone."""

from __future__ import annotations

import pytest
from sqlglot.dialects.dialect import Dialect

from airflow_provider_sqlflow.engine import Script, analyze, iter_scripts, merge_results
from airflow_provider_sqlflow.engine.definitions import Definitions, read_definitions, read_plain_table
from airflow_provider_sqlflow.engine.parse import StatementParser
from airflow_provider_sqlflow.engine.split import RawStatement, split


def definitions(sql: str, dialect: str = "") -> Definitions | None:
    return read_definitions(Dialect.get_or_raise(dialect).tokenize(sql), dialect)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE VIEW v (a) AS SELECT a FROM t",
        "CREATE TABLE t AS SELECT a FROM s",
        "CREATE SCHEMA s",
        "CREATE FUNCTION f (a INT) RETURNS INT",
        "ALTER VIEW v RENAME TO w",
        "ALTER SESSION SET x = 1",
        "CREATE TABLE",
        "CREATE",
        "ALTER TABLE",
        "CREATE INDEX ix",
        "CREATE INDEX ix ON t",
        "CREATE INDEX ix ON t (lower(a))",
        "SELECT 1",
    ],
)
def test_what_declares_nothing(sql: str) -> None:
    assert definitions(sql) is None


@pytest.mark.parametrize(
    ("column", "type_"),
    [
        ("a INT", "INT"),
        ("a INT NOT NULL DEFAULT 5", "INT"),
        ("a decimal( 10 , 2 )", "decimal(10,2)"),
        ("a double precision NULL", "double precision"),
        ("a timestamp(3) without time zone DEFAULT now()", "timestamp(3)withouttimezone"),
        ("a MAP<STRING, ARRAY<INT>> COMMENT 'x'", "MAP<STRING,ARRAY<INT>>"),
        ("a my_schema.my_type CHECK (a > 5)", "my_schema.my_type"),
        ("a int[][3] UNIQUE", "int[][3]"),
        ('"a b" INTEGER GENERATED ALWAYS AS IDENTITY', "INTEGER"),
    ],
)
def test_where_a_type_ends(column: str, type_: str) -> None:
    found = definitions(f"CREATE TABLE t ({column}, z INT)")
    assert found is not None
    assert found.is_plain
    assert [item.name.text for item in found.columns] == [column.split('"')[1] if '"' in column else "a", "z"]
    shown = "".join(token.text for token in found.columns[0].type)
    assert shown.replace(" ", "").lower() == type_.replace(" ", "").lower()


@pytest.mark.parametrize(
    "columns",
    ["a INT b INT", "a INT,, b INT", "a, b", "a INT, PRIMARY KEY", "a INT", "a INT REFERENCES", "5 INT"],
)
def test_what_is_not_understood_is_not_plain(columns: str) -> None:
    ends = ")" if columns != "a INT" else ""
    found = definitions(f"CREATE TABLE t ({columns}{ends}")
    assert found is not None
    assert not found.is_plain


def test_a_table_that_the_parser_refuses_is_declared_all_the_same() -> None:
    sql = (
        "CREATE TABLE dbo.t (a INT CONSTRAINT pk PRIMARY KEY CLUSTERED, b INT);\n"
        "INSERT INTO dbo.t SELECT x, y FROM dbo.s"
    )
    result = analyze(sql, dialect="tsql")
    assert result.diagnostics == ()
    assert [f"{edge.source} -> {edge.target}" for edge in result.edges()] == [
        "dbo.s.x -> dbo.t.a",
        "dbo.s.y -> dbo.t.b",
    ]
    assert [(str(key.columns[0]), key.name, str(key.span)) for key in result.keys] == [
        ("dbo.t.a", "pk", "<sql>:1:41")
    ]


def test_a_table_that_makes_no_sense_stays_an_error() -> None:
    [error] = analyze("CREATE TABLE t (a INT b INT, PRIMARY)", dialect="postgres").errors()
    assert error.code == "parse_error"


def test_keys_of_several_files() -> None:
    scripts = [
        Script("orders.sql", "CREATE TABLE orders (id INT PRIMARY KEY, who INT REFERENCES users)"),
        Script("users.sql", "CREATE TABLE users (id BIGINT PRIMARY KEY)"),
        Script("again.sql", "ALTER TABLE users ADD PRIMARY KEY (id); INSERT INTO users (id) SELECT n FROM s"),
    ]
    results = dict(iter_scripts(scripts))
    merged = merge_results(results[number] for number in range(3))
    assert [
        (key.kind.value, [str(one) for one in key.columns], [str(one) for one in key.referenced])
        for key in merged.keys
    ] == [
        ("primary", ["orders.id"], []),
        ("foreign", ["orders.who"], ["users.id"]),
        ("primary", ["users.id"], []),
    ]
    types = {str(item.id): item.types for item in merged.relations}
    assert types == {"orders": ("INT", "INT"), "users": ("BIGINT",), "s": ("",)}


def test_every_relation_has_a_type_for_each_column() -> None:
    result = analyze(
        "CREATE TABLE t (a INT); WITH c AS (SELECT a, b FROM t, s) INSERT INTO u SELECT * FROM c"
    )
    assert all(len(item.types) == len(item.columns) for item in result.relations)


def test_a_template_in_a_declaration() -> None:
    result = analyze("CREATE TABLE {{ schema }}.t (a INT PRIMARY KEY, b INT REFERENCES {{ other }} (id))")
    assert [str(key.columns[0]) for key in result.keys] == ["{{ schema }}.t.a", "{{ schema }}.t.b"]
    assert str(result.keys[1].referenced[0]) == "{{ other }}.id"


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a INT, b DECIMAL(10, 2) NOT NULL DEFAULT 5)",
        "CREATE OR REPLACE TABLE s.t (a INT PRIMARY KEY, FOREIGN KEY (a) REFERENCES u (id))",
        "CREATE TEMPORARY TABLE IF NOT EXISTS t (a ARRAY<INT>, UNIQUE (a))",
    ],
)
def test_a_table_of_columns_and_keys_needs_no_tree(sql: str) -> None:
    statement = next(iter(split(sql, "")))
    assert isinstance(statement, RawStatement)
    assert isinstance(StatementParser("").parse(statement), Definitions)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a INT) PARTITIONED BY (b INT)",
        "CREATE TABLE t (a INT, LIKE u)",
        "CREATE TABLE t (a INT, CHECK (a > 1))",
        "CREATE TABLE t (LIKE u)",
        "CREATE TABLE t (SELECT 1)",
        "CREATE TABLE t (a INT) AS (SELECT 1)",
        "CREATE TABLE t (a, b)",
        "CREATE TABLE t (a (3))",
        "CREATE EXTERNAL TABLE t (a INT)",
        "CREATE TABLE t (a INT",
        "CREATE TABLE",
        "CREATE INDEX i ON t (a)",
        "ALTER TABLE t ADD (a INT)",
    ],
)
def test_a_table_of_more_is_the_parsers(sql: str) -> None:
    assert read_plain_table(Dialect.get_or_raise("").tokenize(sql), "") is None
