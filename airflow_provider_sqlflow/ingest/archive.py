"""Zip archives as sources. Nothing is unpacked to disk, and an unsafe archive is refused as a whole."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.model import (
    SQL_SUFFIX,
    SourceFile,
    file_from_bytes,
    is_sql_name,
    printable,
)
from airflow_provider_sqlflow.settings import Settings

_ENCRYPTED = 0x1
_MAC_FOLDER = "__MACOSX"
_RATIO_FLOOR_BYTES = 1024 * 1024
"""Members smaller than this do no harm however well they are packed: repetitive SQL packs very well."""


@dataclass(frozen=True, slots=True)
class ArchiveInput:
    """The ``*.sql`` members of a zip archive."""

    root: Path
    members: tuple[zipfile.ZipInfo, ...]
    max_file_bytes: int

    @property
    def names(self) -> tuple[str, ...]:
        """Member names."""
        return tuple(_stored_name(member) for member in self.members)

    def read(self) -> Iterator[SourceFile]:
        """Each member's text. A damaged member has a problem, the others are still read."""
        try:
            archive = zipfile.ZipFile(self.root)
        except (OSError, zipfile.BadZipFile) as error:
            for name in self.names:
                yield SourceFile(name, 0, "", f"{printable(self.root)} changed while it was read: {error}")
            return
        with archive:
            for member in self.members:
                yield self._read_member(archive, member)

    def _read_member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> SourceFile:
        name = _stored_name(member)
        try:
            with archive.open(member) as stream:
                data = stream.read(self.max_file_bytes + 1)
        except Exception as error:  # noqa: BLE001  # each decompressor raises its own kinds on damaged data
            return SourceFile(name, 0, "", f"damaged in {printable(self.root)}: {error}; pack it again")
        return file_from_bytes(name, data, self.max_file_bytes)


def open_archive(path: Path, settings: Settings) -> ArchiveInput:
    """List the ``*.sql`` members of a zip archive, sorted by name, hidden ones left out.

    Raises:
        UnreadableInputError: damaged, encrypted, with a member that leaves the archive (``..``, absolute
            path, link), or one that unpacks to more than the settings allow.
        EmptyInputError: no ``*.sql`` in it.
    """
    shown = printable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
        raise UnreadableInputError(f"{shown} is not a zip archive or is damaged: {error}") from None
    except OSError as error:
        raise UnreadableInputError(f"cannot read {shown}: {error.strerror or error}") from None
    for member in members:
        _refuse_unsafe(member, shown)
    chosen = sorted((member for member in members if _is_sql(member)), key=_stored_name)
    if not chosen:
        raise EmptyInputError(f"no {SQL_SUFFIX} file in archive {shown}")
    _refuse_bomb(chosen, shown, settings)
    return ArchiveInput(path, tuple(chosen), settings.max_file_bytes)


def _stored_name(member: zipfile.ZipInfo) -> str:
    return printable(PurePosixPath(member.filename))


def _is_sql(member: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(member.filename)
    return not member.is_dir() and is_sql_name(name) and _MAC_FOLDER not in name.parts


def _refuse_unsafe(member: zipfile.ZipInfo, shown: str) -> None:
    # The Windows reading of a path also finds drives and backslashes, and every POSIX escape.
    path = PureWindowsPath(member.orig_filename)
    if path.drive or path.root or ".." in path.parts:
        raise UnreadableInputError(
            f"{shown}: member {member.orig_filename!r} points outside the archive; pack relative paths only"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UnreadableInputError(
            f"{shown}: member {member.orig_filename!r} is a link; pack the file it points to"
        )
    if member.flag_bits & _ENCRYPTED:
        raise UnreadableInputError(f"{shown} is encrypted; pack it without a password")


def _refuse_bomb(members: list[zipfile.ZipInfo], shown: str, settings: Settings) -> None:
    # Declared sizes may be trusted here: zipfile never unpacks a member beyond its declared size.
    total = sum(member.file_size for member in members)
    if total > settings.max_archive_bytes:
        raise UnreadableInputError(
            f"{shown} unpacks to {total} bytes, more than {settings.max_archive_bytes}; "
            "split it or raise max_archive_bytes"
        )
    for member in members:
        allowed = max(member.compress_size, 1) * settings.max_archive_ratio
        if member.file_size > max(allowed, _RATIO_FLOOR_BYTES):
            raise UnreadableInputError(
                f"{shown}: member {member.filename!r} unpacks to more than {settings.max_archive_ratio} "
                "times its packed size, as archives made to do harm; pack it uncompressed or raise "
                "max_archive_ratio"
            )
