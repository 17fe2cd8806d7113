from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from airflow_provider_sqlflow.engine import LineageResult, Script
from airflow_provider_sqlflow.errors import ExportError, UnknownFormatError
from airflow_provider_sqlflow.jobs.export import check_format, export_result, format_names, write_whole
from tests.jobs.analyzers import analyze_lines
from tests.jobs.factories import START

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.jobs.export import write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_whole(Path(sys.argv[1]), lambda stream: [stream.write(b"x" * 50_000) for _ in range(10)])
except ExportError as error:
    print(error)
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def result() -> LineageResult:
    ((_, result),) = analyze_lines([Script("a.sql", "s t\nt u")])
    return result


def test_file_appears_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "out.txt"
    assert write_whole(path, lambda stream: stream.write(b"12345")) == 5
    assert path.read_bytes() == b"12345"
    assert names_in(path.parent) == ["out.txt"]


def test_file_has_the_rights_of_an_ordinary_one(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_whole(tmp_path / "out", lambda stream: stream.write(b""))
    assert (tmp_path / "out").stat().st_mode == ordinary.stat().st_mode


def test_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")

    def write(stream: BinaryIO) -> None:
        stream.write(b"new and")
        stream.flush()
        assert path.read_text() == "old"
        stream.write(b" whole")

    write_whole(path, write)
    assert path.read_text() == "new and whole"


def test_writer_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")

    def write(stream: BinaryIO) -> None:
        stream.write(b"half")
        raise RuntimeError("broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        write_whole(path, write)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["out.txt"]


def test_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"cannot write {path}: File too large\n"
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["out.txt"]


def test_target_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Is a directory"):
        write_whole(tmp_path, lambda stream: stream.write(b""))
    assert names_in(tmp_path) == []


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"cannot write .*file/out\.txt"):
        write_whole(tmp_path / "file" / "out.txt", lambda stream: stream.write(b""))


def test_every_format_can_be_exported(tmp_path: Path, result: LineageResult) -> None:
    for name in format_names():
        path = tmp_path / f"out.{name}"
        summary = export_result(
            result, name, str(path), title="nightly", instant=START, texts=lambda: {"a.sql": "s t\nt u"}
        )
        assert (summary.size, summary.relations, summary.edges) == (path.stat().st_size, 3, 2), name
        assert summary.size > 0, name


def test_the_texts_are_asked_for_only_where_something_quotes_them(
    tmp_path: Path, result: LineageResult
) -> None:
    asked: list[str] = []

    def texts() -> dict[str, str]:
        asked.append("texts")
        return {"a.sql": "s t\nt u"}

    def export(format: str, **options: str) -> list[str]:
        asked.clear()
        path = str(tmp_path / "out")
        export_result(result, format, path, title="n", instant=START, texts=texts, options=options)
        return list(asked)

    assert export("csv") == []
    assert export("graphml") == []
    assert export("csv", result_sets="all") == ["texts"]
    assert export("json") == ["texts"]  # for the hashes of statements


def test_openlineage_is_one_event_a_line_with_the_sql(tmp_path: Path, result: LineageResult) -> None:
    path = tmp_path / "events.jsonl"
    export_result(
        result, "openlineage", str(path), title="nightly", instant=START, texts=lambda: {"a.sql": "s t\nt u"}
    )
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event["eventType"] for event in events].count("COMPLETE") == 2
    assert {event["job"]["facets"]["sql"]["query"] for event in events} == {"s t", "t u"}


def test_unknown_format_names_those_there_are() -> None:
    with pytest.raises(UnknownFormatError, match=r"'docx'.*json.*openlineage"):
        check_format("docx")
