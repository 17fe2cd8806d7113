from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.model import Source
from airflow_provider_sqlflow.ingest.sources import open_path
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import damage_member, make_zip, make_zip_with_link, mark_encrypted

SETTINGS = Settings()


def texts(source: Source) -> dict[str, str]:
    return {file.name: file.problem or file.text for file in source.read()}


def test_members_are_read_in_order_with_hidden_and_foreign_ones_left_out(tmp_path: Path) -> None:
    members = {
        "b.sql": b"-- b",
        "a/": b"",
        "a/c.SQL": b"-- c",
        "readme.txt": b"no",
        ".x.sql": b"no",
        "__MACOSX/b.sql": b"no",
    }
    source = open_path(str(make_zip(tmp_path / "x.zip", members)), SETTINGS)
    assert source.names == ("a/c.SQL", "b.sql")
    assert texts(source) == {"a/c.SQL": "-- c", "b.sql": "-- b"}


def test_archive_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert open_path(str(make_zip(tmp_path / "upload", {"a.sql": b""})), SETTINGS).names == ("a.sql",)


@pytest.mark.parametrize("data", [b"", b"SELECT 1", b"PK\x03\x04 and then nothing"])
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    with pytest.raises(UnreadableInputError, match=r"x\.zip is not a zip archive or is damaged"):
        open_path(str(path), SETTINGS)


def test_archives_in_an_archive_are_not_opened_and_that_is_told(tmp_path: Path) -> None:
    inner = make_zip(tmp_path / "inner.zip", {"b.sql": b"SELECT 1"}).read_bytes()
    path = make_zip(tmp_path / "x.zip", {"a.sql": b"-- a", "c.sql": b"", "more/inner.ZIP": inner})
    first, second = open_path(str(path), SETTINGS).read()
    assert [note.code for note in first.notes] == ["nested_archive"]
    assert "more/inner.ZIP; unpack them" in first.notes[0].message
    assert second.notes == ()
    with pytest.raises(EmptyInputError, match=r"archives in it are not opened \(inner\.zip\): unpack them"):
        open_path(str(make_zip(tmp_path / "y.zip", {"inner.zip": inner})), SETTINGS)


def test_member_named_twice_is_read_twice(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.sql", "-- 1")
        archive.writestr("a.sql", "-- 2")
    assert [file.text for file in open_path(str(path), SETTINGS).read()] == ["-- 1", "-- 2"]


def test_truncated_archive(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.sql": b"-- a" * 100})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UnreadableInputError, match=r"x\.zip is not a zip archive or is damaged"):
        open_path(str(path), SETTINGS)


def test_damaged_member_does_not_take_the_others_along(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.sql": b"-- first", "b.sql": b"-- second"}, zipfile.ZIP_STORED)
    found = texts(open_path(str(damage_member(path, b"-- first")), SETTINGS))
    assert found["b.sql"] == "-- second"
    assert found["a.sql"].startswith(f"damaged in {path}: ")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_in_any_compression_is_a_problem(tmp_path: Path, compression: int) -> None:
    content = bytes(range(256)).hex().encode()
    path = make_zip(tmp_path / "x.zip", {"a.sql": content}, compression)
    with zipfile.ZipFile(path) as archive:
        packed_size = archive.getinfo("a.sql").compress_size
    data = bytearray(path.read_bytes())
    start = 30 + len("a.sql")
    data[start : start + packed_size] = b"\xff" * packed_size
    path.write_bytes(data)
    assert texts(open_path(str(path), SETTINGS))["a.sql"].startswith("damaged in")


def test_archive_that_vanishes_after_listing(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.sql": b"", "b.sql": b""})
    source = open_path(str(path), SETTINGS)
    path.unlink()
    assert [problem.split(":")[0] for problem in texts(source).values()] == [
        f"{path} changed while it was read"
    ] * 2


def test_encrypted_archive(tmp_path: Path) -> None:
    path = mark_encrypted(make_zip(tmp_path / "x.zip", {"a.sql": b"-- a"}))
    with pytest.raises(UnreadableInputError, match=r"x\.zip is encrypted; pack it without a password"):
        open_path(str(path), SETTINGS)


@pytest.mark.parametrize(
    "name", ["../a.sql", "a/../../b.sql", "/etc/a.sql", "C:/a.sql", "..\\a.sql", "\\\\host\\share\\a.sql"]
)
def test_member_that_leaves_the_archive(tmp_path: Path, name: str) -> None:
    path = make_zip(tmp_path / "x.zip", {"fine.sql": b"", name: b""})
    with pytest.raises(UnreadableInputError, match="points outside the archive"):
        open_path(str(path), SETTINGS)


def test_link_in_an_archive(tmp_path: Path) -> None:
    path = make_zip_with_link(tmp_path / "x.zip", "a.sql", "/etc/passwd")
    with pytest.raises(UnreadableInputError, match=r"'a\.sql' is a link"):
        open_path(str(path), SETTINGS)


def test_archive_that_unpacks_to_too_much(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.sql": b"x" * 600, "b.sql": b"x" * 600, "c.txt": b"x" * 5000})
    assert len(texts(open_path(str(path), Settings(max_archive_bytes=1200)))) == 2
    with pytest.raises(UnreadableInputError, match="unpacks to 1200 bytes, more than 1199"):
        open_path(str(path), Settings(max_archive_bytes=1199))


def test_member_that_packs_too_well(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"bomb.sql": b" " * 3_000_000})
    with pytest.raises(UnreadableInputError, match=r"'bomb\.sql' unpacks to more than 200 times"):
        open_path(str(path), SETTINGS)


def test_small_repetitive_member_is_no_bomb(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.sql": b"SELECT 1;\n" * 50_000})
    assert len(texts(open_path(str(path), SETTINGS))["a.sql"]) == 500_000


def test_archive_without_sql(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"readme.txt": b""})
    with pytest.raises(EmptyInputError) as caught:
        open_path(str(path), SETTINGS)
    assert str(caught.value) == f"no .sql file in archive {path}"


def test_two_members_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.sql", "-- one")
        archive.writestr("a.sql", "-- two")
    source = open_path(str(path), SETTINGS)
    assert [(file.name, file.text) for file in source.read()] == [("a.sql", "-- one"), ("a.sql", "-- two")]
