"""Zip archives as sources. Nothing is unpacked to disk, and an unsafe archive is refused as a whole.

Archives inside archives are not opened: that is how bombs hide.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.documents import (
    Candidate,
    Document,
    find_documents,
    is_document_name,
)
from airflow_provider_sqlflow.ingest.files import FileProblemError, StoredFile, read_stream
from airflow_provider_sqlflow.ingest.model import (
    SQL_SUFFIX,
    Note,
    Source,
    SourceFile,
    file_from_bytes,
    is_hidden,
    is_sql_name,
    printable,
    too_large,
    with_notes,
)
from airflow_provider_sqlflow.settings import Settings

_ENCRYPTED = 0x1
_RATIO_FLOOR_BYTES = 1024 * 1024
"""Members smaller than this do no harm however well they are packed: repetitive SQL packs very well."""
_ARCHIVE_SUFFIXES = frozenset({".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"})


def open_archive(
    file: StoredFile, settings: Settings, place: str = ""
) -> tuple[Source | None, list[Document]]:
    """List the ``*.sql`` members of a zip archive, sorted by name, hidden ones left out.

    Args:
        file: the archive.
        settings: limits.
        place: a folder or member of the archive; only what lies there is read.

    Returns:
        The SQL, ``None`` without any, and the documents in the archive that say something about SQL.

    Raises:
        UnreadableInputError: damaged, encrypted, with a member that leaves the archive (``..``, absolute
            path, link), or one that unpacks to more than the settings allow.
        EmptyInputError: nothing in it that is read.
    """
    with _opened(file) as archive:
        members = archive.infolist()
        for member in members:
            _refuse_unsafe(member, file.shown)
        inside = sorted((member for member in members if _is_in(member, place)), key=_stored_name)
        sql = tuple(member for member in inside if is_sql_name(PurePosixPath(member.filename)))
        others = [member for member in inside if is_document_name(PurePosixPath(member.filename))]
        _refuse_bomb([*sql], file.shown, settings)
        documents = find_documents(
            _candidates(archive, file, sql, others, settings), file.shown, settings.max_file_bytes
        )
    nested = tuple(_stored_name(member) for member in inside if _is_archive(member))
    if not sql and not documents:
        hint = f"; archives in it are not opened ({', '.join(nested[:3])}): unpack them" if nested else ""
        raise EmptyInputError(f"no {SQL_SUFFIX} file in archive {file.shown}{hint}")
    if not sql:
        return None, documents
    names = tuple(_stored_name(member) for member in sql)
    source = Source(file.shown, names, partial(_read_members, file, sql, settings))
    return with_notes(source, _nested_notes(nested)), documents


def _candidates(
    archive: zipfile.ZipFile,
    file: StoredFile,
    sql: tuple[zipfile.ZipInfo, ...],
    others: list[zipfile.ZipInfo],
    settings: Settings,
) -> Iterator[Candidate]:
    """JSON members; those that are read on behind their beginning count for the archive's limits."""
    admitted = [*sql]

    def admit(member: zipfile.ZipInfo) -> None:
        admitted.append(member)
        _refuse_bomb(admitted, file.shown, settings)

    for member in others:
        path = PurePosixPath(member.filename)
        yield Candidate(path, partial(archive.open, member), file.explain, partial(admit, member))


def _nested_notes(nested: tuple[str, ...]) -> tuple[Note, ...]:
    if not nested:
        return ()
    names = ", ".join(nested[:5]) + (f" and {len(nested) - 5} more" if len(nested) > 5 else "")
    return (Note("nested_archive", f"archives in the archive are not opened: {names}; unpack them"),)


def _read_members(
    file: StoredFile, members: tuple[zipfile.ZipInfo, ...], settings: Settings
) -> Iterator[SourceFile]:
    """Each member's text. A damaged member has a problem, the others are still read."""
    try:
        with _opened(file) as archive:
            for member in members:
                yield _read_member(archive, member, file, settings)
    except UnreadableInputError as error:
        for member in members:
            yield SourceFile(_stored_name(member), 0, "", f"{file.shown} changed while it was read: {error}")


@contextmanager
def _opened(file: StoredFile) -> Iterator[zipfile.ZipFile]:
    try:
        stream = file.open()
    except FileProblemError as error:
        raise UnreadableInputError(f"{file.shown} {error}") from None
    with stream:
        try:
            archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError) as error:
            raise UnreadableInputError(
                f"{file.shown} is not a zip archive or is damaged: {file.explain(error)}"
            ) from None
        except Exception as error:  # noqa: BLE001  # each remote file system raises its own kinds
            raise UnreadableInputError(f"{file.shown} {file.explain(error)}") from None
        with archive:
            yield archive


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: StoredFile, settings: Settings
) -> SourceFile:
    name = _stored_name(member)
    try:
        data = _read_bytes(archive, member, settings)
    except FileProblemError as error:
        return SourceFile(name, 0, "", str(error))
    except Exception as error:  # noqa: BLE001  # each decompressor raises its own kinds on damaged data
        return SourceFile(name, 0, "", f"damaged in {file.shown}: {file.explain(error)}; pack it again")
    return file_from_bytes(name, data, settings.max_file_bytes)


def _read_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo, settings: Settings) -> bytes:
    # Declared sizes may be trusted: zipfile never unpacks a member beyond its declared size.
    if member.file_size > settings.max_file_bytes:
        raise FileProblemError(too_large(settings.max_file_bytes, member.file_size))
    with archive.open(member) as stream:
        return read_stream(stream, settings.max_file_bytes)


def _stored_name(member: zipfile.ZipInfo) -> str:
    return printable(PurePosixPath(member.filename))


def _is_in(member: zipfile.ZipInfo, place: str) -> bool:
    path = PurePosixPath(member.filename)
    if member.is_dir() or is_hidden(path):
        return False
    return path.match(place) if "*" in place else not place or path.is_relative_to(place)


def _is_archive(member: zipfile.ZipInfo) -> bool:
    return PurePosixPath(member.filename).suffix.lower() in _ARCHIVE_SUFFIXES


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
