"""URLs through fsspec: real file systems that need no network, and every way a secret could leak."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from airflow_provider_sqlflow.errors import (
    ConfigError,
    EmptyInputError,
    SourceUnavailableError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.ingest.model import Source
from airflow_provider_sqlflow.ingest.naming import path_names
from airflow_provider_sqlflow.ingest.sources import open_path
from airflow_provider_sqlflow.ingest.urls import Location, is_url, redacted
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import make_zip

SETTINGS = Settings()


def texts(source: Source) -> dict[str, str]:
    return {file.name: file.problem or file.text for file in source.read()}


@pytest.fixture
def bucket() -> Iterator[str]:
    """A folder in fsspec's memory, of which no other test knows."""
    memory = fsspec.filesystem("memory")
    root = f"/{uuid4().hex}"
    for name in ("b.sql", "a/c.SQL", "notes.md", ".hidden.sql", "a/.x/d.sql"):
        memory.pipe(f"{root}/{name}", f"-- {name}".encode())
    yield f"memory:/{root}"
    memory.rm(root, recursive=True)


def put(url: str, data: bytes) -> str:
    with fsspec.open(url, "wb") as stream:
        stream.write(data)
    return url


def test_folder(bucket: str) -> None:
    source = open_path(bucket, SETTINGS)
    assert texts(source) == {"a/c.SQL": "-- a/c.SQL", "b.sql": "-- b.sql"}
    assert path_names([source]) == (f"{bucket}/a/c.SQL", f"{bucket}/b.sql")


def test_pattern(bucket: str) -> None:
    assert texts(open_path(f"{bucket}/*.sql", SETTINGS)) == {"b.sql": "-- b.sql"}


def test_single_file_of_any_suffix(bucket: str) -> None:
    source = open_path(f"{bucket}/notes.md", SETTINGS)
    assert texts(source) == {"notes.md": "-- notes.md"}
    assert path_names([source]) == (f"{bucket}/notes.md",)


def test_archive(bucket: str, tmp_path: Path) -> None:
    data = make_zip(tmp_path / "x.zip", {"a.sql": b"-- a", "sub/b.sql": b"-- b"}).read_bytes()
    url = put(f"{bucket}/x.zip", data)
    assert texts(open_path(url, SETTINGS)) == {"a.sql": "-- a", "sub/b.sql": "-- b"}
    assert texts(open_path(f"zip://sub::{url}", SETTINGS)) == {"sub/b.sql": "-- b"}
    assert texts(open_path(f"zip://*.sql::{tmp_path}/x.zip", SETTINGS)).keys() == {"a.sql", "sub/b.sql"}
    with pytest.raises(EmptyInputError):
        open_path(f"zip://nowhere::{url}", SETTINGS)


def test_archive_behind_a_url_is_as_safe_as_on_disk(bucket: str, tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", {"a.sql": b"x" * 2_000_000}).read_bytes()
    with pytest.raises(UnreadableInputError, match=r"bomb\.zip: member 'a\.sql' unpacks to more than 200"):
        open_path(put(f"{bucket}/bomb.zip", bomb), SETTINGS)
    escape = make_zip(tmp_path / "escape.zip", {"../a.sql": b""}).read_bytes()
    with pytest.raises(UnreadableInputError, match="points outside the archive"):
        open_path(f"zip://::{put(f'{bucket}/escape.zip', escape)}", SETTINGS)


def test_chained_archive_of_another_kind_is_bound_in_size(bucket: str) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("a.sql")
        member.size = 1000
        archive.addfile(member, io.BytesIO(b"x" * 1000))
    url = f"tar://::{put(f'{bucket}/x.tar', stream.getvalue())}"
    assert texts(open_path(url, SETTINGS)) == {"a.sql": "x" * 1000}
    with pytest.raises(UnreadableInputError, match=r"x\.tar unpacks to 1000 bytes, more than 999; split it"):
        open_path(url, Settings(max_archive_bytes=999))


def test_limit_of_a_file(bucket: str) -> None:
    (problem,) = texts(open_path(f"{bucket}/b.sql", Settings(max_file_bytes=3))).values()
    assert problem.startswith("8 bytes large, the limit is 3; split it, or raise max_file_bytes")


def test_file_url_is_a_path_with_all_its_checks(tmp_path: Path) -> None:
    (tmp_path / "a b.sql").write_text("-- a")
    assert texts(open_path(f"file://{tmp_path}", SETTINGS)) == {"a b.sql": "-- a"}
    with pytest.raises(UnreadableInputError, match="/dev/zero is neither a file"):
        open_path("file:///dev/zero", SETTINGS)


def test_missing_file(bucket: str) -> None:
    with pytest.raises(UnreadableInputError) as caught:
        open_path(f"{bucket}/gone.sql", SETTINGS)
    assert str(caught.value) == f"cannot read {bucket}/gone.sql: no such file or folder"


def test_file_that_vanishes_after_listing_is_its_problem(bucket: str) -> None:
    source = open_path(bucket, SETTINGS)
    fsspec.filesystem("memory").rm(f"{bucket.removeprefix('memory:/')}/b.sql")
    assert texts(source) == {"a/c.SQL": "-- a/c.SQL", "b.sql": "cannot be read: no such file or folder"}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ocilake://b/a.sql", r"ocilake:// needs a package that is not installed \(Install ocifs"),
        ("gdrive://a.sql", r"gdrive:// needs a package that is not installed \(.*gdrive_fs"),
        ("memry://a.sql", r"unknown protocol memry://; did you mean memory://\?"),
        ("zzz://a.sql", r"unknown protocol zzz://; fsspec knows no such protocol"),
    ],
)
def test_protocol_that_cannot_be_read(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^cannot read {url}: {message}"):
        open_path(url, SETTINGS)


def test_storage_that_cannot_be_reached_may_be_tried_again() -> None:
    with pytest.raises(
        SourceUnavailableError, match=r"^cannot reach ftp://\*\*\*@127\.0\.0\.1:1/a\.sql"
    ) as caught:
        open_path("ftp://me:secret@127.0.0.1:1/a.sql", SETTINGS)
    assert caught.value.retryable
    assert "secret" not in str(caught.value)


def test_storage_options_reach_the_file_system(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- a")
    options = {"path": str(tmp_path), "fs": fsspec.filesystem("file")}
    assert texts(open_path("dir://a.sql", SETTINGS, options)) == {"a.sql": "-- a"}


@pytest.mark.parametrize("path", ["a.sql", "/x/a.sql", "./s3:/a", "a::b.sql", "C:/x", "s3:/x"])
def test_what_is_no_url(path: str) -> None:
    assert not is_url(path)


# Secrets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a@b.sql", "s3://bucket/a@b.sql"),
        ("https://me:pw@host/a.sql", "https://***@host/a.sql"),
        ("https://token@host:8080/a.sql", "https://***@host:8080/a.sql"),
        ("https://host:8080/a@b.sql", "https://host:8080/a@b.sql"),
        ("ftp://me:p@w@host/a.sql", "ftp://***@host/a.sql"),
        ("ftp://me:p/w@host/a.sql", "ftp://***@host/a.sql"),
        ("ftp://me:p?w@host/a.sql", "ftp://***@host/a.sql"),
        ("https://host/a.sql?sig=pw&x=1", "https://host/a.sql?***"),
        ("https://host/a.sql#pw", "https://host/a.sql#***"),
        ("zip://a.sql::https://me:pw@host/x.zip?sig=pw", "zip://a.sql::https://***@host/x.zip?***"),
        ("simplecache::s3://me:pw@bucket/x", "simplecache::s3://***@bucket/x"),
    ],
)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_what_a_file_system_says_is_shown_without_secrets() -> None:
    url = "memory://user:pass%20word@host/a.sql?sig=signature"
    location = Location(url, {})
    said = f"no luck with {url} as user with pass word or pass%20word, signature; see ftp://a:b@c/d"
    assert location.reason(RuntimeError(said)) == (
        "RuntimeError: no luck with memory://***@host/a.sql?*** as *** with *** or ***, ***; see ftp://***@c/d"
    )


def test_storage_options_are_not_shown() -> None:
    location = Location("memory://x", {})
    assert "hunter22" in location.reason(RuntimeError("key hunter22"))
    location = Location(
        "dir://x", {"path": "/", "fs": fsspec.filesystem("file"), "nested": {"key": ["hunter22"]}}
    )
    assert location.reason(RuntimeError("key hunter22")) == "RuntimeError: key ***"


def test_names_and_problems_of_files_hold_no_secret(bucket: str) -> None:
    put("memory://user:secret@host/q/a.sql", b"-- a")
    try:
        source = open_path("memory://user:secret@host/q", SETTINGS)
        assert source.root == "memory://***@host/q"
        assert path_names([source]) == ("memory://***@host/q/a.sql",)
        fsspec.filesystem("memory").rm("/user:secret@host/q/a.sql")
        assert "secret" not in str(list(source.read()))
    finally:
        fsspec.filesystem("memory").store.pop("/user:secret@host/q/a.sql", None)
