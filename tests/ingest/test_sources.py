from __future__ import annotations

import io
import os
import sys
import tracemalloc
from pathlib import Path
from zipfile import ZIP_STORED

import pytest

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.files import FileProblemError, read_stream
from airflow_provider_sqlflow.ingest.model import Source
from airflow_provider_sqlflow.ingest.naming import path_names, unique_names
from airflow_provider_sqlflow.ingest.sources import open_path, open_text
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import make_zip

SETTINGS = Settings()


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"-- {name}\n")


def texts(source: Source) -> dict[str, str]:
    return {file.name: file.problem or file.text for file in source.read()}


def test_folder_is_read_in_order_of_its_paths_with_hidden_things_left_out(tmp_path: Path) -> None:
    write(tmp_path, "b.sql", "a/z.SQL", "a/b/c.sql", "a-b.sql", "notes.md", ".hidden.sql", ".git/x.sql")
    source = open_path(str(tmp_path), SETTINGS)
    assert source.names == ("a-b.sql", "a/b/c.sql", "a/z.SQL", "b.sql")
    assert texts(source) == {name: f"-- {name}\n" for name in source.names}


def test_folder_below_a_hidden_one_is_read(tmp_path: Path) -> None:
    write(tmp_path, ".config/sql/a.sql")
    assert open_path(str(tmp_path / ".config" / "sql"), SETTINGS).names == ("a.sql",)


def test_link_to_the_folder_itself_does_not_loop(tmp_path: Path) -> None:
    write(tmp_path, "a.sql")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert open_path(str(tmp_path), SETTINGS).names == ("a.sql",)


def test_dangling_link_is_one_problem_among_good_files(tmp_path: Path) -> None:
    write(tmp_path, "a.sql")
    (tmp_path / "b.sql").symlink_to(tmp_path / "gone.sql")
    assert texts(open_path(str(tmp_path), SETTINGS)) == {
        "a.sql": "-- a.sql\n",
        "b.sql": "cannot be read: No such file or directory",
    }


def test_file_of_any_suffix(tmp_path: Path) -> None:
    write(tmp_path, "query.txt")
    assert texts(open_path(str(tmp_path / "query.txt"), SETTINGS)) == {"query.txt": "-- query.txt\n"}


def test_file_of_no_bytes_is_fine(tmp_path: Path) -> None:
    (tmp_path / "empty.sql").touch()
    (file,) = open_path(str(tmp_path / "empty.sql"), SETTINGS).read()
    assert (file.text, file.size, file.problem) == ("", 0, "")


def test_folder_of_mixed_encodings(tmp_path: Path) -> None:
    sql = "SELECT 'é'"
    encodings = {
        "a": "utf-8",
        "b": "utf-8-sig",
        "c": "utf-16",
        "d": "utf-16-be",
        "e": "cp1252",
        "f": "latin-1",
    }
    for name, encoding in encodings.items():
        (tmp_path / f"{name}.sql").write_bytes(sql.encode(encoding))
    (tmp_path / "z.sql").write_bytes(b"\x81\x8d")
    files = {file.name: file for file in open_path(str(tmp_path), SETTINGS).read()}
    assert [file.text for file in files.values()] == [sql] * 6 + [""]
    assert files["z.sql"].problem == "not UTF-8 at byte 0, nor Windows-1252 at byte 0; save it as UTF-8"
    told = {
        name: [(note.code, note.column) for note in file.notes] for name, file in files.items() if file.notes
    }
    assert told == {
        "d.sql": [("assumed_encoding", 1)],
        "e.sql": [("assumed_encoding", 9)],
        "f.sql": [("assumed_encoding", 9)],
    }
    assert "read as Windows-1252" in files["e.sql"].notes[0].message


def test_file_over_the_limit_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"x" * 11)
    (tmp_path / "b.sql").write_bytes(b"x" * 10)
    settings = Settings(max_file_bytes=10)
    assert texts(open_path(str(tmp_path), settings)) == {
        "a.sql": "11 bytes large, the limit is 10; split it, or raise max_file_bytes "
        "(environment: SQLFLOW_MAX_FILE_BYTES)",
        "b.sql": "x" * 10,
    }
    assert "raise max_file_bytes" in texts(open_text("q", "x" * 11, settings))["q"]


def test_file_of_over_200_mb_takes_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "dump.sql").open("wb") as stream:
        stream.truncate(SETTINGS.max_file_bytes + 1)
    make_zip(tmp_path / "x.zip", {"big.sql": b"-- " + b"x" * 3_000_000, "ok.sql": b"-- ok"}, ZIP_STORED)
    tracemalloc.start()
    try:
        (file,) = open_path(str(tmp_path / "dump.sql"), SETTINGS).read()
        big, ok = open_path(str(tmp_path / "x.zip"), Settings(max_file_bytes=1_000_000)).read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert file.problem.startswith("209715201 bytes large, the limit is 209715200; split it, or raise")
    assert big.problem.startswith("3000003 bytes large, the limit is 1000000;")
    assert ok.text == "-- ok"
    assert peak < 2_000_000


def test_stream_without_a_size_is_read_no_further_than_the_limit() -> None:
    read = 0

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            nonlocal read
            read += size
            return b"x" * size

    with pytest.raises(FileProblemError, match="larger than 5000000 bytes; split it, or raise max_file"):
        read_stream(Endless(), 5_000_000)
    assert read == 5_000_001


def test_folder_of_thousands_is_listed_without_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3000):
        (tmp_path / f"{number:04}.sql").write_text("SELECT 1")
    opened: list[str] = []
    real = os.open

    def count(path: str, *arguments: int, **options: int) -> int:
        opened.append(str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "open", count)
    source = open_path(str(tmp_path), SETTINGS)
    assert (len(source.names), [path for path in opened if path.endswith(".sql")]) == (3000, [])
    files = source.read()
    assert (next(files).name, next(files).name) == ("0000.sql", "0001.sql")
    assert len([path for path in opened if path.endswith(".sql")]) == 2


def test_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, "a.sql")
    os.mkfifo(tmp_path / "b.sql")
    (tmp_path / "c.sql").symlink_to("/dev/zero")
    problem = "is a pipe, device or folder, not a file; save its content to a file"
    assert texts(open_path(str(tmp_path), SETTINGS)) == {
        "a.sql": "-- a.sql\n",
        "b.sql": problem,
        "c.sql": problem,
    }


def test_named_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        UnreadableInputError, match="pipe is neither a file nor a folder nor a zip archive; save"
    ):
        open_path(str(tmp_path / "pipe"), SETTINGS)


def test_file_that_may_not_be_read_is_one_problem(tmp_path: Path) -> None:
    write(tmp_path, "a.sql", "b.sql")
    (tmp_path / "b.sql").chmod(0)
    found = texts(open_path(str(tmp_path), SETTINGS))
    assert found["a.sql"] == "-- a.sql\n"
    # Root may read everything, so the file is then no problem.
    assert found["b.sql"] == ("-- b.sql\n" if os.geteuid() == 0 else "cannot be read: Permission denied")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_file_name_that_is_not_utf8_can_be_printed(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.sql")).write_text("-- x")
    source = open_path(str(tmp_path), SETTINGS)
    assert texts(source) == {"caf\ufffd.sql": "-- x"}


def test_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"-- piped")
    os.close(write_end)
    try:
        source = open_path(f"/dev/fd/{read_end}", SETTINGS)
        assert list(texts(source).values()) == ["-- piped"]
    finally:
        os.close(read_end)


@pytest.mark.parametrize("name", ["missing.sql", "missing.zip", "missing/"])
def test_missing_path(tmp_path: Path, name: str) -> None:
    path = f"{tmp_path}/{name}"
    with pytest.raises(UnreadableInputError) as caught:
        open_path(path, SETTINGS)
    assert str(caught.value) == f"cannot read {path}: No such file or directory"


def test_path_with_a_nul() -> None:
    with pytest.raises(UnreadableInputError, match="null"):
        open_path("a\0b.sql", SETTINGS)


def test_device_is_refused() -> None:
    with pytest.raises(UnreadableInputError, match="/dev/zero is neither a file nor a folder"):
        open_path("/dev/zero", SETTINGS)


def test_folder_without_sql(tmp_path: Path) -> None:
    write(tmp_path, "notes.md", ".hidden.sql")
    with pytest.raises(EmptyInputError) as caught:
        open_path(str(tmp_path), SETTINGS)
    assert str(caught.value) == f"no .sql file in folder {tmp_path}"


def test_names_that_two_sources_share_get_their_folder(tmp_path: Path) -> None:
    write(tmp_path, "staging/orders.sql", "staging/items.sql", "marts/orders.sql")
    sources = [open_path(str(tmp_path / name), SETTINGS) for name in ("staging", "marts")]
    assert unique_names(sources) == ("items.sql", "staging/orders.sql", "marts/orders.sql")


def test_names_that_stay_equal_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "one/sql/a.sql", "two/sql/a.sql")
    sources: list[Source] = [open_path(str(tmp_path / name / "sql"), SETTINGS) for name in ("one", "two")]
    sources += [open_text("q", "", SETTINGS), open_text("q", "", SETTINGS), open_text("q~2", "", SETTINGS)]
    assert unique_names(sources) == ("sql/a.sql", "sql/a~2.sql", "q", "q~3", "q~2")


def test_names_that_differ_in_case_alone_are_counted(tmp_path: Path) -> None:
    sources = [open_text(name, "", SETTINGS) for name in ("a.sql", "A.sql", "b.sql")]
    assert unique_names(sources) == ("a.sql", "A~2.sql", "b.sql")


def test_thousands_of_equal_names_are_counted_quickly() -> None:
    names = unique_names([open_text("q.sql", "", SETTINGS)] * 5000)
    assert (names[0], names[-1], len(set(names))) == ("q.sql", "q~5000.sql", 5000)


def test_texts_without_a_name_are_counted_too() -> None:
    assert unique_names([open_text("", "", SETTINGS), open_text("", "", SETTINGS)]) == ("", "~2")


def test_names_as_paths_lead_to_the_files(tmp_path: Path) -> None:
    write(tmp_path, "a/x.sql", "b/x.sql", "c.sql")
    sources: list[Source] = [
        open_path(f"{tmp_path}/{name}", SETTINGS) for name in ("a", "b", "c.sql", "c.sql")
    ]
    assert path_names([*sources, open_text("<stdin>", "", SETTINGS)]) == (
        f"{tmp_path}/a/x.sql",
        f"{tmp_path}/b/x.sql",
        f"{tmp_path}/c.sql",
        f"{tmp_path}/c~2.sql",
        "<stdin>",
    )
