"""``--catalog FILE.sql``: CREATE statements as the columns of tables."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def edges(output: str) -> set[tuple[str, str]]:
    rows = list(csv.reader(io.StringIO(output)))[1:]
    return {(f"{row[2]}.{row[3]}", f"{row[6]}.{row[7]}") for row in rows}


@pytest.mark.parametrize("name", ["tables.sql", "tables.ddl", "TABLES.SQL"])
def test_create_statements_are_a_catalog(run: Run, name: str) -> None:
    Path(name).write_text(
        "CREATE TABLE raw.s (x INT, y INT);\nCREATE VIEW raw.v AS SELECT y AS z FROM raw.s;\n"
    )
    sql = "INSERT INTO t SELECT * FROM raw.s; INSERT INTO u SELECT * FROM v"
    done = run("analyze", "-", "-d", "postgres", "-f", "csv", "-q", "--catalog", name, stdin=sql)
    assert (done.exit_code, done.stderr) == (0, "")
    assert edges(done.stdout) == {("s.x", "t.x"), ("s.y", "t.y"), ("v.z", "u.z")}


def test_the_catalog_is_read_in_the_dialect_of_the_sql(run: Run) -> None:
    Path("tables.sql").write_text("CREATE TABLE [raw].[s] ([x y] INT)\nGO\nCREATE TABLE raw.r (b INT)\nGO\n")
    sql = "INSERT INTO t SELECT * FROM raw.s\nGO\nINSERT INTO t SELECT * FROM raw.r"
    done = run("analyze", "-", "-d", "tsql", "-f", "csv", "--catalog", "tables.sql", stdin=sql)
    assert done.exit_code == 0
    assert {source for source, _ in edges(done.stdout)} == {"s.x y", "r.b"}


def test_a_broken_statement_is_told_and_the_others_count(run: Run) -> None:
    Path("tables.sql").write_text("CREATE TABLE s (x INT);\nCREATE TABLE (;\nCREATE TABLE r (y INT);\n")
    sql = "INSERT INTO t SELECT s.*, r.* FROM s, r"
    done = run("analyze", "-", "-d", "postgres", "-f", "csv", "-q", "--catalog", "tables.sql", stdin=sql)
    assert done.exit_code == 0
    assert edges(done.stdout) == {("s.x", "t.x"), ("r.y", "t.y")}
    assert re.fullmatch(r"tables\.sql:2:\d+: error parse_error: .+\n", done.stderr)


def test_what_the_sql_declares_wins(run: Run) -> None:
    Path("tables.sql").write_text("CREATE TABLE s (old INT)")
    sql = "CREATE TABLE s (new INT); INSERT INTO t SELECT * FROM s"
    done = run("analyze", "-", "-d", "postgres", "-f", "csv", "--catalog", "tables.sql", stdin=sql)
    assert edges(done.stdout) == {("s.new", "t.new")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no CREATE TABLE or CREATE VIEW with known columns"),
        (b"SELECT a FROM t", "has no CREATE TABLE or CREATE VIEW with known columns"),
        (b"CREATE TABLE t AS SELECT * FROM s", "has no CREATE TABLE or CREATE VIEW with known columns"),
        (b"CREATE /* \x81 */ TABLE t (a INT)", "not UTF-8 at byte 10"),
    ],
)
def test_a_file_that_declares_nothing_is_an_error(run: Run, content: bytes, message: str) -> None:
    Path("tables.sql").write_bytes(content)
    done = run("analyze", "-", "-d", "postgres", "--catalog", "tables.sql", stdin="SELECT a FROM t")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("error: catalog tables.sql")
    assert message in done.stderr


def test_a_submitted_job_takes_such_a_catalog_too(run: Run) -> None:
    Path("tables.sql").write_text("CREATE TABLE s (x INT, y INT)")
    Path("a.sql").write_text("INSERT INTO t SELECT * FROM s")
    done = run("job", "submit", "a.sql", "-d", "postgres", "--catalog", "tables.sql", "--json")
    assert done.exit_code == 0, done.stderr
    exported = run("job", "export", json.loads(done.stdout)["id"], "-f", "csv", "-o", "out.csv")
    assert exported.exit_code == 0, exported.stderr
    assert edges(Path("out.csv").read_text()) == {("s.x", "t.x"), ("s.y", "t.y")}
