"""``sqlflow`` on sources of other kinds than SQL files: CSV, dbt, metadata, URLs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.ingest.documents import catalog, manifest, metadata, model, table, write_json

SERVER = {"dbVendor": "dbvpostgresql", "schemas": [{"name": "raw", "tables": [table("s", "x", "y")]}]}


def edges(output: str) -> set[str]:
    rows = list(csv.reader(io.StringIO(output)))[1:]
    return {f"{row[2]}.{row[3]} -> {row[6]}.{row[7]}" for row in rows}


def test_csv_of_sql_with_its_layout(run: Run) -> None:
    Path("dump.csv").write_text("'INSERT INTO t SELECT ''x'', a FROM s',v\n")
    options = ["--csv-columns", "000210", "--csv-quote", "'", "--csv-escape", "'"]
    done = run("analyze", "dump.csv", "-d", "postgres", "-f", "csv", "-q", *options)
    assert (done.exit_code, done.stderr) == (0, "")
    assert edges(done.stdout) == {"s.a -> t.a"}
    submitted = run("job", "submit", "dump.csv", "-d", "postgres", *options)
    assert submitted.exit_code == 0, submitted.stderr


def test_bad_row_is_named_with_file_and_line(run: Run) -> None:
    Path("dump.csv").write_text(",,,a,SELECT 1,\nonly,two\n")
    done = run("analyze", "dump.csv", "-d", "postgres", "-q")
    assert done.exit_code == 1
    assert done.stderr.startswith(
        "dump.csv:2:1: error unreadable_file: row at line 2: 2 columns, but the SQL"
    )
    wrong = run("analyze", "dump.csv", "-d", "postgres", "--csv-columns", "1")
    assert (wrong.exit_code, wrong.stderr[:33]) == (2, "error: CSV columns '1': give 6 di")


def test_dbt_project_says_its_dialect(run: Run) -> None:
    write_json(
        Path("shop/target/manifest.json"),
        manifest(model("m", "select * from dev.raw.s"), adapter="snowflake"),
    )
    write_json(Path("shop/target/catalog.json"), catalog({"dev.raw.s": ["x"]}))
    done = run("analyze", "shop", "-d", "auto", "-f", "csv", "-q")
    assert (done.exit_code, done.stderr) == (0, "")
    assert edges(done.stdout) == {"s.x -> m.x"}
    job = run("job", "submit", "shop", "-d", "auto", "--json")
    assert json.loads(job.stdout)["dialect"] == "snowflake"
    told = run("analyze", "shop", "-d", "postgres", "-f", "csv", "-q")
    assert told.stderr.startswith(
        "shop/models/m.sql:1:1: warning dialect_mismatch: its source says it is snowflake"
    )


@pytest.mark.parametrize(
    "content", [metadata(SERVER), catalog({"d.raw.s": ["x", "y"]})], ids=["metadata", "dbt"]
)
def test_documents_are_catalogs_too(run: Run, content: dict[str, object]) -> None:
    write_json(Path("tables.json"), content)
    done = run(
        "analyze",
        "-",
        "-d",
        "postgres",
        "-f",
        "csv",
        "--catalog",
        "tables.json",
        stdin="INSERT INTO t SELECT * FROM s",
    )
    assert edges(done.stdout) == {"s.x -> t.x", "s.y -> t.y"}, done.stderr


def test_urls(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("INSERT INTO t SELECT x FROM s")
    done = run("analyze", f"file://{tmp_path}/a.sql", "-d", "postgres", "-f", "csv", "-q")
    assert edges(done.stdout) == {"s.x -> t.x"}
    job = run("job", "submit", f"file://{tmp_path}/a.sql", "-d", "postgres", "--json")
    assert json.loads(job.stdout)["name"] == "a"
    gone = run("job", "submit", "memory://me:secret@host/x.sql?sig=secret", "-d", "postgres")
    assert (gone.exit_code, gone.stderr) == (
        2,
        "error: cannot read memory://***@host/x.sql?***: no such file or folder\n",
    )


def test_assumed_encoding_of_standard_input_is_told(run: Run) -> None:
    done = run(
        "analyze",
        "-",
        "-d",
        "postgres",
        "-f",
        "csv",
        "-q",
        stdin="INSERT INTO t SELECT é FROM s".encode("cp1252"),
    )
    assert done.stderr.startswith("<stdin>:1:22: warning assumed_encoding: not UTF-8: read as Windows-1252.")
    assert edges(done.stdout) == {"s.é -> t.é"}


def test_misspelt_setting_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.sql").write_text("SELECT 1")
    monkeypatch.setenv("SQLFLOW_MAX_FILE_BYTE", "10")
    done = run("analyze", "a.sql", "-d", "postgres")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: environment variable SQLFLOW_MAX_FILE_BYTE is no setting of SQLFlow: "
        "did you mean SQLFLOW_MAX_FILE_BYTES?\n",
    )
