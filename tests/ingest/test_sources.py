from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.model import Source
from airflow_provider_sqlflow.ingest.sources import TextInput, open_path, path_names, unique_names
from airflow_provider_sqlflow.settings import Settings

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


def test_wrong_encoding_is_a_problem_of_that_file_only(tmp_path: Path) -> None:
    write(tmp_path, "a.sql", "c.sql")
    (tmp_path / "b.sql").write_bytes("SELECT 'é'".encode("latin-1"))
    assert texts(open_path(str(tmp_path), SETTINGS)) == {
        "a.sql": "-- a.sql\n",
        "b.sql": "not UTF-8 at byte 8; save it as UTF-8",
        "c.sql": "-- c.sql\n",
    }


def test_file_over_the_limit_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"x" * 11)
    (tmp_path / "b.sql").write_bytes(b"x" * 10)
    settings = Settings(max_file_bytes=10)
    assert texts(open_path(str(tmp_path), settings)) == {
        "a.sql": "larger than 10 bytes; split it or raise max_file_bytes",
        "b.sql": "x" * 10,
    }


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
    sources += [TextInput("q", ""), TextInput("q", ""), TextInput("q~2", "")]
    assert unique_names(sources) == ("sql/a.sql", "sql/a~2.sql", "q", "q~3", "q~2")


def test_texts_without_a_name_are_counted_too() -> None:
    assert unique_names([TextInput("", ""), TextInput("", "")]) == ("", "~2")


def test_names_as_paths_lead_to_the_files(tmp_path: Path) -> None:
    write(tmp_path, "a/x.sql", "b/x.sql", "c.sql")
    sources: list[Source] = [
        open_path(f"{tmp_path}/{name}", SETTINGS) for name in ("a", "b", "c.sql", "c.sql")
    ]
    assert path_names([*sources, TextInput("<stdin>", "")]) == (
        f"{tmp_path}/a/x.sql",
        f"{tmp_path}/b/x.sql",
        f"{tmp_path}/c.sql",
        f"{tmp_path}/c~2.sql",
        "<stdin>",
    )
