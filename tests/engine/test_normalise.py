"""Each rule that rewords what the parser does not know, and that no rule moves anything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine.dialects import known_dialects
from airflow_provider_sqlflow.engine.normalise import HIDDEN_DOT, normalise

CASES = {
    "T-SQL GO": ("tsql", "SELECT 1\nGO\nSELECT 2", "SELECT 1\n;~\nSELECT 2"),
    "T-SQL GO with a count": ("tsql", "a\n  go 5 \nb", "a\n;~~~~~~\nb"),
    "T-SQL GO before a Windows line end": ("tsql", "a\r\nGO\r\nb", "a\r\n;~\r\nb"),
    "T-SQL GO is a word elsewhere": ("tsql", "SELECT go\nFROM t GO", "SELECT go\nFROM t GO"),
    "T-SQL TOP in DML": ("tsql", "DELETE TOP (5) PERCENT FROM t", "DELETE~~~~~~~~~~~~~~~~ FROM t"),
    "T-SQL TOP in a query stays": ("tsql", "SELECT TOP (5) a FROM t", "SELECT TOP (5) a FROM t"),
    "T-SQL compound assignment": ("tsql", "UPDATE t SET a += 1, b = 2", "UPDATE t SET a ~= 1, b = 2"),
    "T-SQL table hints": ("tsql", "FROM t WITH (NOLOCK) x", "FROM t ~~~~~~~~~~~~~ x"),
    "T-SQL several hints": ("tsql", "FROM t WITH (ROWLOCK, INDEX(i))", "FROM t ~~~~~~~~~~~~~~~~~~~~~~~~"),
    "T-SQL OUTPUT INTO": (
        "tsql",
        "DELETE t OUTPUT deleted.a INTO dbo.log (a)",
        f"DELETE t OUTPUT deleted.a INTO dbo{HIDDEN_DOT}log (a)",
    ),
    "Fabric is T-SQL": ("fabric", "a\nGO\nb", "a\n;~\nb"),
    "Oracle slash": ("oracle", "a\n/\nb / c", "a\n;\nb / c"),
    "generic slash": ("", "a\n / \nb", "a\n;~~\nb"),
    "slash of no SQL*Plus dialect": ("postgres", "a\n/\nb", "a\n/\nb"),
    "SQL*Plus commands": ("oracle", "SET DEFINE OFF\nPROMPT x;y\na", "~~~~~~~~~~~~~~\n~~~~~~~~~~\na"),
    "Oracle numbered binds": ("oracle", "SELECT :1, :n, '12:30'", "SELECT 01, :n, '12:30'"),
    "Oracle error logging": (
        "oracle",
        "INSERT INTO t SELECT 1 LOG ERRORS INTO e ('x') REJECT LIMIT 5",
        "INSERT INTO t SELECT 1 ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
    ),
    "Oracle partition of a target": ("oracle", "INTO t PARTITION (p) (a)", "INTO t~~~~~~~~~~~~~~ (a)"),
    "psql commands": ("postgres", "\\set x 1\nSELECT 1", "~~~~~~~~\nSELECT 1"),
    "psql COPY data": (
        "postgres",
        "COPY t FROM stdin;\n1\t;\n\\.\nSELECT 1",
        "COPY t FROM stdin;\n~~~\n~~\nSELECT 1",
    ),
    "COPY of a file has no data": ("postgres", "COPY t FROM 'f';\nSELECT 1", "COPY t FROM 'f';\nSELECT 1"),
    "PostgreSQL OVERRIDING": (
        "postgres",
        "INSERT INTO t OVERRIDING SYSTEM VALUE SELECT 1",
        "INSERT INTO t ~~~~~~~~~~~~~~~~~~~~~~~ SELECT 1",
    ),
    "MySQL REPLACE INTO": ("mysql", "REPLACE INTO t SELECT 1", "INSERT~ INTO t SELECT 1"),
    "MySQL REPLACE with a priority": ("mysql", ";REPLACE DELAYED INTO t", ";INSERT~~~~~~~~~ INTO t"),
    "MySQL's function replace": ("mysql", "SELECT REPLACE(a, b)", "SELECT REPLACE(a, b)"),
    "MySQL DELIMITER": (
        "mysql",
        "DELIMITER $$\na; b$$\nDELIMITER ;\nc;",
        "~~~~~~~~~~~~\na; b;~\n~~~~~~~~~~~\nc;",
    ),
    "SQLite UPDATE OR": ("sqlite", "UPDATE OR IGNORE t SET a = 1", "UPDATE~~~~~~~~~~ t SET a = 1"),
    "SQLite REPLACE INTO": ("sqlite", "REPLACE INTO t SELECT 1", "INSERT~ INTO t SELECT 1"),
    "BigQuery BEGIN": ("bigquery", "BEGIN SELECT 1; END", ";~~~~ SELECT 1; END"),
    "BigQuery transaction": ("bigquery", "BEGIN TRANSACTION; a", "BEGIN TRANSACTION; a"),
    "BigQuery EXCEPTION": (
        "bigquery",
        "EXCEPTION WHEN ERROR THEN SELECT 1",
        "~~~~~~~~; ~~~~ ~~~~~ ~~~~ SELECT 1",
    ),
    "ClickHouse UPDATE": ("clickhouse", "ALTER TABLE t UPDATE a = 1", "UPDATE~~~~~ t SET~~~ a = 1"),
    "ClickHouse DELETE": ("clickhouse", "ALTER TABLE t DELETE WHERE a", "DELETE FROM t        WHERE a"),
    "ClickHouse with wide blanks": ("clickhouse", "ALTER  TABLE t  UPDATE a = 1", None),
    "ClickHouse DELETE with wide blanks": ("clickhouse", "ALTER  TABLE t\n  DELETE WHERE a", None),
    "Databricks schema evolution": (
        "databricks",
        "MERGE WITH SCHEMA EVOLUTION INTO t",
        "MERGE~~~~~~~~~~~~~~~~~~~~~~ INTO t",
    ),
    "Teradata column phrases": ("teradata", "SELECT a (TITLE 'x') FROM t", "SELECT a ~~~~~~~~~~~ FROM t"),
    "driver parameters": ("", "SELECT %(x)s, %s, a %s", "SELECT 00000, 00, a 00"),
    "percent signs of text": ("", "SELECT 'a%s', a % b, '%s'", "SELECT 'a%s', a % b, '%s'"),
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "expected"), CASES.values(), ids=CASES)
def test_rules(dialect, text, expected):
    got = normalise(text, dialect)
    assert len(got) == len(text)
    if expected is not None:
        assert got == expected.replace("~", " ")


def test_dialects_without_rules_leave_the_text_alone():
    text = "SELECT a\nGO\n/\n\\x\nFROM t WITH (NOLOCK)"
    assert normalise(text, "snowflake") == text


# The texts of all rules and their words, with any blanks between them: every rule matches now and then.
BLANKS = st.sampled_from([" ", " ", "  ", "\n", "\r\n", "\t ", "\n\n", ""])
WHOLE = st.sampled_from(sorted({text for _, text, _ in CASES.values()}))
WORDS = st.sampled_from(sorted({word for _, text, _ in CASES.values() for word in text.split()}))
PIECES = st.lists(WHOLE | WORDS | st.text(max_size=4), min_size=1, max_size=5).map(" ".join)


@st.composite
def texts(draw: st.DrawFn) -> str:
    words = draw(PIECES).split(" ")
    return "".join(word + draw(BLANKS) for word in words)


@pytest.mark.parametrize("dialect", ["", *known_dialects()])
@settings(max_examples=40)
@given(texts())
def test_no_rule_changes_the_length(dialect, text):
    assert len(normalise(text, dialect)) == len(text)
