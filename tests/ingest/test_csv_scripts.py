"""CSV of SQL: SQLFlow's layout of six columns, quotes and escapes, and rows that are broken."""

from __future__ import annotations

import codecs
import csv
import tracemalloc
from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import ConfigError, EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.csv_scripts import CsvFormat
from airflow_provider_sqlflow.ingest.model import Source, SourceFile
from airflow_provider_sqlflow.ingest.naming import path_names, unique_names
from airflow_provider_sqlflow.ingest.sources import open_csv_path, open_path
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import make_zip

SETTINGS = Settings()
SQL = 'CREATE VIEW v AS\nSELECT a, "B" FROM t'


def open_text(
    folder: Path, text: str | bytes, layout: CsvFormat | None = None, settings: Settings = SETTINGS
) -> Source:
    path = folder / "dump.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_csv_path(str(path), layout or CsvFormat(), settings)


def files(source: Source) -> list[SourceFile]:
    found = list(source.read())
    assert tuple(file.name for file in found) == source.names
    return found


def test_rows_become_scripts_with_their_own_defaults(tmp_path: Path) -> None:
    with (tmp_path / "dump.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["Database", "Schema", "Object Type", "Object Name", "Object Code", "Notes"])
        writer.writerow(["shop", "public", "view", "v", SQL, "made by hand"])
        writer.writerow([])
        writer.writerow(["[HR]", '"dbo"', "procedure", "[p q]", "SELECT 1", ""])
        writer.writerow(["shop", "", "", "", "SELECT 2", ""])
        writer.writerow(["shop", "public", "table", "no_code", " ", ""])
    source = open_path(str(tmp_path / "dump.csv"), SETTINGS)
    assert [(file.name, file.database, file.schema, file.text) for file in files(source)] == [
        ("shop/public/v.sql", "shop", "public", SQL),
        ("HR/dbo/p q.sql", "HR", "dbo", "SELECT 1"),
        ("shop/query.sql", "shop", None, "SELECT 2"),
    ]
    assert path_names([source])[0] == f"{tmp_path}/dump.csv/shop/public/v.sql"


def test_columns_in_another_order_and_absent(tmp_path: Path) -> None:
    (file,) = files(open_text(tmp_path, "SELECT 1,x,v,db\n", CsvFormat("400310")))
    assert (file.name, file.database, file.schema, file.text) == ("db/v.sql", "db", None, "SELECT 1")


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("'it''s', x'\n", CsvFormat("000010", "'", "'")),
        ("'it\\'s, x'\n", CsvFormat("000010", "'", "\\")),
        ("it's\\, x\n", CsvFormat("000010", "", "\\")),
    ],
    ids=["doubled", "escaped", "no quotes"],
)
def test_quotes_and_escapes(tmp_path: Path, text: str, layout: CsvFormat) -> None:
    text = text.replace("''s', x'", "''s, x'")
    (file,) = files(open_text(tmp_path, text, layout))
    assert file.text == "it's, x"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    (file,) = files(open_text(tmp_path, "d,s,t,größe,\"SELECT 'é'\",\n".encode(encoding)))
    assert (file.name, file.text, file.notes) == ("d/s/größe.sql", "SELECT 'é'", ())


def test_assumed_encoding_is_told_once(tmp_path: Path) -> None:
    first, second = files(open_text(tmp_path, ",,,a,SELECT 1,\n,,,b,SELECT 'é',\n".encode("cp1252")))
    assert [note.code for note in first.notes] == ["assumed_encoding"]
    assert (second.text, second.notes) == ("SELECT 'é'", ())


def test_bad_rows_are_named_with_file_and_lines_and_the_others_are_read(tmp_path: Path) -> None:
    text = ',,,a,"SELECT\n1",\nonly,two\n,,,"b"x,SELECT 2,\n,,,c,SELECT 3,\n,,,d,"never closed\n'
    source = open_text(tmp_path, text)
    *good, bad = files(source)
    assert [file.text for file in good] == ["SELECT\n1", "SELECT 3"]
    assert (bad.problem_line, bad.text) == (3, "")
    assert bad.problem == (
        "3 rows cannot be read with the columns '123456', quote '\"' and escape '\"': line 3: 2 columns, but "
        "the SQL is expected in column 5; also lines 4, 6"
    )
    assert unique_names([source])[-1] == "dump.csv"
    assert path_names([source])[-1] == f"{tmp_path}/dump.csv"


def test_one_bad_row_says_why(tmp_path: Path) -> None:
    _, bad = files(open_text(tmp_path, ',,,a,SELECT 1,\n,,,b,"x"y,\n'))
    assert bad.problem == "row at line 2: ',' expected after '\"'"


def test_field_far_over_the_library_s_limit(tmp_path: Path) -> None:
    code = "SELECT '" + "x" * 1_000_000 + "'"
    (file,) = files(open_text(tmp_path, f",,,a,{code},\n"))
    assert file.text == code


def test_row_over_the_limit_is_its_problem_alone(tmp_path: Path) -> None:
    first, second = files(
        open_text(tmp_path, ",,,a,SELECT 12345,\n,,,b,SELECT 1,\n", settings=Settings(max_file_bytes=10))
    )
    assert first.problem.startswith("12 bytes large, the limit is 10; split it, or raise max_file_bytes")
    assert second.text == "SELECT 1"


def test_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableInputError,
        match=r"dump\.csv 14 bytes large, the limit is 13; split it or raise max_archive",
    ):
        open_text(tmp_path, ",,,a,SELECT 1,", settings=Settings(max_archive_bytes=13))


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    row = ",,,a,SELECT '" + "x" * 100_000 + "',\n"
    (tmp_path / "dump.csv").write_text(row * 200)
    tracemalloc.start()
    try:
        source = open_csv_path(str(tmp_path / "dump.csv"), CsvFormat(), SETTINGS)
        count = sum(1 for _ in source.read())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (count, peak < 3_000_000) == (200, True)


def test_file_that_shrinks_after_listing(tmp_path: Path) -> None:
    source = open_text(tmp_path, ",,,a,SELECT 1,\n,,,b,SELECT 2,\n")
    (tmp_path / "dump.csv").write_text(",,,a,SELECT 1,\n")
    first, second = files(source)
    assert (first.text, second.problem) == ("SELECT 1", f"{tmp_path}/dump.csv changed while it was read")
    (tmp_path / "dump.csv").unlink()
    assert {file.problem for file in files(source)} == {
        f"{tmp_path}/dump.csv: cannot be read: No such file or directory"
    }


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("12345", "give 6 digits, the positions of database, schema"),
        ("12345x", "give 6 digits"),
        ("123406", "the fifth digit, the position of the SQL, must not be 0"),
        ("112456", "two fields have the same position"),
    ],
)
def test_columns_that_make_no_sense(tmp_path: Path, columns: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"CSV columns '{columns}': .*{message}"):
        open_text(tmp_path, ",,,a,SELECT 1,\n", CsvFormat(columns))


@pytest.mark.parametrize(("enclose", "escape"), [("ab", '"'), ('"', "\\\\"), ("\n", '"'), (",", '"')])
def test_characters_that_make_no_sense(tmp_path: Path, enclose: str, escape: str) -> None:
    with pytest.raises(ConfigError, match="give one character, or none"):
        open_text(tmp_path, ",,,a,SELECT 1,\n", CsvFormat("123456", enclose, escape))


@pytest.mark.parametrize("text", ["", "a,b,c,d,,f\n", "Database,Schema,Type,Name,SQL,Notes\n"])
def test_nothing_in_the_column_of_the_sql(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        EmptyInputError, match=r"no SQL in column 5 of .*dump\.csv: the fifth of the CSV columns"
    ):
        open_text(tmp_path, text)


def test_other_files_are_no_csv(tmp_path: Path) -> None:
    make_zip(tmp_path / "x.csv", {"a.sql": b""})
    with pytest.raises(UnreadableInputError, match=r"x\.csv is a zip archive, not CSV"):
        open_path(str(tmp_path / "x.csv"), SETTINGS)
    with pytest.raises(UnreadableInputError, match="is not text in UTF-8 or Windows-1252; save it"):
        open_text(tmp_path, b",,,\x81,x,\n")
    with pytest.raises(UnreadableInputError, match=r"gone\.csv cannot be read: No such file"):
        open_csv_path(str(tmp_path / "gone.csv"), CsvFormat(), SETTINGS)
    with pytest.raises(UnreadableInputError, match="cannot be read: embedded null byte"):
        open_csv_path("a\0.csv", CsvFormat(), SETTINGS)
    with pytest.raises(UnreadableInputError, match="is not text in UTF-16; save it"):
        open_text(tmp_path, codecs.BOM_UTF16_LE + b"a")
    (file,) = files(open_text(tmp_path, ",,,a,SELECT \0 1,\n"))
    assert "NUL" in file.problem
