from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from airflow_provider_sqlflow.jobs.export import format_names
from tests.cli.conftest import Run
from tests.ingest.archives import make_zip

GOOD = "INSERT INTO t (a) SELECT b FROM s;\n"
BROKEN = "INSERT INTO t (a) SELECT b FROM s;\nSELECT FROM WHERE ((;\n"


def edges(output: str) -> set[tuple[str, str]]:
    """Column edges of the ``csv`` output, as pairs of table.column."""
    rows = [line.split(",") for line in output.splitlines()[1:]]
    return {(f"{row[2]}.{row[3]}", f"{row[6]}.{row[7]}") for row in rows}


def test_tree_on_standard_output_and_the_summary_beside_it(run: Run) -> None:
    Path("a.sql").write_text(GOOD)
    done = run("analyze", "a.sql", "--dialect", "postgres")
    assert done.exit_code == 0
    assert "s.b" in done.stdout
    assert done.stderr == "1 file, 1 statement, 2 relations, 1 column edge, 0 diagnostics\n"


def test_quiet_leaves_the_summary_out(run: Run) -> None:
    done = run("analyze", "-", "-d", "postgres", "-q", stdin=GOOD)
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_standard_input(run: Run, encoding: str) -> None:
    sql = 'INSERT INTO t (a) SELECT "größe" FROM s'
    done = run("analyze", "-", "-d", "postgres", "-f", "csv", stdin=sql.encode(encoding))
    assert done.exit_code == 0
    assert edges(done.stdout) == {("s.größe", "t.a")}


def test_files_folders_and_archives_together_are_one_program(run: Run) -> None:
    Path("models").mkdir()
    Path("models/view.sql").write_text("CREATE VIEW v AS SELECT b AS c FROM s;")
    make_zip(Path("more.zip"), {"use.sql": b"INSERT INTO t (a) SELECT * FROM v;"})
    done = run("analyze", "more.zip", "models", "-d", "postgres", "-f", "csv")
    assert done.exit_code == 0
    assert edges(done.stdout) == {("s.b", "v.c"), ("v.c", "t.a")}


def test_broken_statement_is_named_with_its_place_and_the_rest_comes_out(run: Run) -> None:
    Path("sub").mkdir()
    Path("sub/a.sql").write_text(BROKEN)
    done = run("analyze", "sub", "-d", "postgres", "-f", "csv")
    assert done.exit_code == 1
    assert edges(done.stdout) == {("s.b", "t.a")}
    assert re.search(r"^sub/a\.sql:2:\d+: error \w+: .+$", done.stderr, re.MULTILINE)
    assert "2 statements (1 failed)" in done.stderr


def test_file_that_is_not_utf8_fails_alone(run: Run) -> None:
    Path("a.sql").write_bytes(b"SELECT 'caf\x81'")
    Path("b.sql").write_text(GOOD)
    done = run("analyze", "a.sql", "b.sql", "-d", "postgres", "-f", "csv")
    assert done.exit_code == 1
    assert edges(done.stdout) == {("s.b", "t.a")}
    assert "a.sql:1:1: error unreadable_file: not UTF-8 at byte 11, nor Windows-1252" in done.stderr


def test_only_unreadable_files_are_an_input_error(run: Run) -> None:
    Path("a.sql").write_bytes(b"\x81")
    done = run("analyze", "a.sql", "-d", "postgres")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith("error: none of the files could be read\n")


@pytest.mark.parametrize("text", ["", "-- nothing here\n"])
def test_empty_file_is_noted(run: Run, text: str) -> None:
    Path("a.sql").write_text(text)
    done = run("analyze", "a.sql", "-d", "postgres", "-q")
    assert done.exit_code == 0
    assert done.stderr == "a.sql:1:1: info empty_file: the file holds no SQL statement\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.sql", "-d", "klingon"], "error: .*klingon"),
        (["a.sql", "-d", "postgres", "-f", "docx"], "error: unknown format 'docx'; known: .*tree"),
        (["gone.sql", "-d", "postgres"], "error: cannot read gone.sql: No such file or directory"),
        (["empty", "-d", "postgres"], "error: no .sql file in folder empty"),
        (["bad.zip", "-d", "postgres"], "error: bad.zip is not a zip archive or is damaged"),
        (["a.sql", "-d", "postgres", "--catalog", "gone.json"], "error: cannot read catalog gone.json"),
        (["a.sql", "-d", "postgres", "--catalog", "notes.txt"], "error: catalog notes.txt is not JSON"),
        (
            ["a.sql", "-d", "postgres", "--catalog", "list.json"],
            "error: catalog list.json is not of the form",
        ),
        (["a.sql", "-d", "postgres", "-o", "a.sql/x"], "error: cannot write a.sql/x"),
        (["a.sql"], "Missing option '--dialect'"),
        (["-d", "postgres"], "Missing argument 'FILES...'"),
        (["-", "-", "-d", "postgres"], "can be read only once"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    run: Run, arguments: list[str], message: str
) -> None:
    Path("a.sql").write_text(GOOD)
    Path("empty").mkdir()
    Path("bad.zip").write_bytes(b"no archive")
    Path("notes.txt").write_text("no catalog")
    Path("list.json").write_text('{"t": "a"}')
    done = run("analyze", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert re.search(message, done.stderr)
    if message.startswith("error"):
        assert done.stderr.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in done.stderr


def test_standard_input_that_is_no_text(run: Run) -> None:
    done = run("analyze", "-", "-d", "postgres", stdin=b"\x81\xff")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: standard input: not UTF-8 at byte 0, nor Windows-1252 at byte 0; save it as UTF-8\n",
    )


def test_debug_lets_the_error_through(run: Run) -> None:
    done = run("--debug", "analyze", "gone.sql", "-d", "postgres")
    assert type(done.exception).__name__ == "UnreadableInputError"


def test_output_file_is_written_whole_and_nothing_goes_to_standard_output(run: Run) -> None:
    Path("a.sql").write_text(GOOD)
    done = run("analyze", "a.sql", "-d", "postgres", "-f", "csv", "-o", "new/out.csv")
    assert (done.exit_code, done.stdout) == (0, "")
    assert edges(Path("new/out.csv").read_text()) == {("s.b", "t.a")}


def test_every_format_goes_to_standard_output_and_is_in_the_help(run: Run) -> None:
    help_text = run("analyze", "--help").stdout
    for name in format_names():
        done = run("analyze", "-", "-d", "postgres", "-f", name, stdin=GOOD)
        assert done.exit_code == 0, (name, done.stderr)
        assert done.stdout_bytes, name
        assert re.search(rf"\b{name}\b", help_text), name


def test_catalog_and_defaults_reach_the_engine(run: Run) -> None:
    Path("catalog.json").write_text(json.dumps({"db.raw.s": ["x", "y"]}))
    options = ["--catalog", "catalog.json", "--default-database", "db", "--default-schema", "raw"]
    done = run("analyze", "-", "-d", "postgres", "-f", "csv", *options, stdin="INSERT INTO t SELECT * FROM s")
    assert done.exit_code == 0
    assert {source for source, _ in edges(done.stdout)} == {"s.x", "s.y"}
    assert "db,raw,s,x,db,raw,t" in done.stdout.replace('"', "")


COUNTED = "CREATE VIEW v AS SELECT a, count(b) AS n FROM s JOIN u ON s.id = u.id WHERE c > 1 GROUP BY a"


@pytest.mark.parametrize(
    ("arguments", "there", "gone"),
    [
        ([], {("s.c", "v.RelationRows"), ("s.b", "v.n")}, {("s.id", "u.id")}),
        (["--no-indirect"], {("s.b", "v.n")}, {("s.c", "v.RelationRows")}),
        (["--no-direct"], {("s.c", "v.n")}, {("s.b", "v.n")}),
        (["--joins"], {("s.id", "u.id")}, set()),
        (["--result-sets", "all"], {("RS-1.n", "v.n")}, {("s.b", "v.n")}),
        (["--functions"], {("s.b", "count.count"), ("count.count", "v.n")}, {("s.b", "v.n")}),
        (["--constants"], {("SQL_CONSTANTS-1.1", "v.RelationRows")}, set()),
        (["--no-count"], {("s.a", "v.a")}, {("s.b", "v.n")}),
        (["--setting", "showRelationType=fdd", "--setting", "ignoreFunction=false"], {("s.b", "count.count")},
         {("s.c", "v.RelationRows")}),
    ],
)  # fmt: skip
def test_options_choose_what_is_shown(
    run: Run, arguments: list[str], there: set[tuple[str, str]], gone: set[tuple[str, str]]
) -> None:
    done = run("analyze", "-", "-d", "postgres", "-q", "-f", "csv", *arguments, stdin=COUNTED)
    assert done.exit_code == 0
    assert there <= edges(done.stdout)
    assert not gone & edges(done.stdout)


def test_table_level_delimiter_and_self_lineage(run: Run) -> None:
    sql = "UPDATE t SET a = t.a + s.b FROM s"
    options = ["--table-level", "--delimiter", ";", "-f", "csv", "-d", "postgres", "-q"]
    done = run("analyze", "-", *options, stdin=sql)
    assert done.stdout.splitlines()[1:] == [";;t;;;t;fdd;update", ";;s;;;t;fdd;update"]
    done = run("analyze", "-", *options, "--no-self", stdin=sql)
    assert done.stdout.splitlines()[1:] == [";;s;;;t;fdd;update"]


def test_transforms_and_names(run: Run) -> None:
    done = run(
        "analyze", "-", "-d", "oracle", "-f", "json", "--transforms", "--normalize-names",
        stdin="INSERT INTO t (a) SELECT upper(b) FROM s",
    )  # fmt: skip
    [relationship] = json.loads(done.stdout)["data"]["sqlflow"]["relationships"]
    assert relationship["target"]["parentName"] == "T"
    assert relationship["sources"][0]["transforms"][0]["code"] == "upper(b)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--setting", "showRelations=fdd"], "error: unknown export option 'showRelations'; known: direct"),
        (["--setting", "simpleOutput=1"], "error: export option simpleOutput: '1' is not one of true, false"),
        (["--delimiter", "ab"], "error: export option delimiter: 'ab' is not one of one character"),
    ],
)
def test_options_that_cannot_be_are_told_before_work_begins(
    run: Run, arguments: list[str], message: str
) -> None:
    done = run("analyze", "gone.sql", "-d", "postgres", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(message)


def test_a_setting_without_a_value_is_wrong_usage(run: Run) -> None:
    done = run("analyze", "-", "-d", "postgres", "--setting", "simpleOutput", stdin=GOOD)
    assert done.exit_code == 2
    assert "'simpleOutput' is not NAME=VALUE" in done.stderr


@pytest.mark.parametrize("format", ["openlineage", "json", "svg", "html", "csv", "xml"])
def test_file_whose_name_is_no_utf8_is_read_in_all_formats(run: Run, tmp_path: Path, format: str) -> None:
    name = os.fsdecode(b"bad\xff.sql")
    (tmp_path / name).write_text("INSERT INTO t (a) SELECT b FROM s")
    done = run("analyze", name, "-d", "postgres", "-f", format, "-q")
    assert (done.exit_code, done.exception) == (0, None)
