"""What a source of SQL is and what reading it gives. Inputs of every kind meet here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from airflow_provider_sqlflow.ingest.text import DecodedText, UndecodableTextError, decode_sql

SQL_SUFFIX = ".sql"
"""Suffix, in any case, of the files that are read from folders and archives."""

Columns = Mapping[str, tuple[str, ...]]
"""Columns of relations by dotted name."""


@dataclass(frozen=True, slots=True)
class Note:
    """A warning about how a file was read; ``line`` and ``column`` count from 1."""

    code: str
    message: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file's text, or why there is none.

    Attributes:
        name: what diagnostics call it, with ``/`` between folders.
        size: bytes read.
        text: the decoded text; empty when there is a problem.
        problem: why the file cannot be analysed; empty when it can.
        problem_line: the line the problem stands in, from 1.
        notes: what is to be told though the file was read.
        database: default database of this file alone.
        schema: default schema of this file alone.
        prefix: SQL that belongs in front of the text but is not in the file, on one line.
        suffix: SQL that belongs behind it.
        dialect: what its source says it is written in; empty when it says nothing.
    """

    name: str
    size: int
    text: str
    problem: str = ""
    problem_line: int = 1
    notes: tuple[Note, ...] = ()
    database: str | None = None
    schema: str | None = None
    prefix: str = ""
    suffix: str = ""
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One or more SQL files that a job was given as one thing, listed but not yet read.

    Opening a source refuses what cannot be used as a whole. Reading never raises for one bad file, which
    comes out as a :class:`SourceFile` with a ``problem``.

    Attributes:
        root: the folder, archive, document or URL that ``names`` are relative to, as it may be shown to
            people; empty for inline text.
        names: names of the files, in reading order; an empty name stands for the root itself.
        open_files: begins to read: as many files as ``names``, in the same order, one in memory at a time.
        catalog: columns of relations that the source knows by itself.
        dialect: the dialect that the source says it is written in; empty when it says nothing.
    """

    root: str
    names: tuple[str, ...]
    open_files: Callable[[], Iterator[SourceFile]]
    catalog: Columns = field(default_factory=dict)
    dialect: str = ""

    def read(self) -> Iterator[SourceFile]:
        """The files."""
        return self.open_files()


def held_source(root: str, files: tuple[SourceFile, ...], catalog: Columns, dialect: str) -> Source:
    """A source whose files were read when it was opened, because one document holds them all."""
    return Source(root, tuple(file.name for file in files), lambda: iter(files), catalog, dialect)


def with_notes(source: Source, notes: tuple[Note, ...]) -> Source:
    """The source with notes on its first file."""

    def read() -> Iterator[SourceFile]:
        for number, file in enumerate(source.read()):
            yield file if number else replace(file, notes=(*notes, *file.notes))

    return replace(source, open_files=read) if notes else source


def file_from_bytes(name: str, data: bytes, max_file_bytes: int) -> SourceFile:
    """A file's bytes, read up to one byte over the limit, as a :class:`SourceFile`."""
    if len(data) > max_file_bytes:
        return SourceFile(name, len(data), "", too_large(max_file_bytes))
    try:
        decoded = decode_sql(data)
    except UndecodableTextError as error:
        return SourceFile(name, len(data), "", str(error))
    return SourceFile(name, len(data), decoded.text, notes=encoding_notes(decoded))


def encoding_notes(decoded: DecodedText) -> tuple[Note, ...]:
    """Says which encoding was assumed, where one was."""
    if not decoded.assumed:
        return ()
    message = f"not UTF-8: read as {decoded.assumed}. If names look wrong, save the file as UTF-8"
    return (Note("assumed_encoding", message, decoded.line, decoded.column),)


def too_large(limit: int, size: int | None = None) -> str:
    """Why a file over the limit is not read, and the way out; sizes in bytes."""
    what = f"larger than {limit} bytes" if size is None else f"{size} bytes large, the limit is {limit}"
    return f"{what}; split it, or raise max_file_bytes (environment: SQLFLOW_MAX_FILE_BYTES)"


def is_sql_name(relative: PurePath) -> bool:
    """Whether a folder or archive member is one to read: ``*.sql``, no part of its path hidden."""
    return relative.suffix.lower() == SQL_SUFFIX and not is_hidden(relative)


def is_hidden(relative: PurePath) -> bool:
    """Whether a part of the path begins with a dot, or is the folder that macOS adds to archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in relative.parts)


def printable(name: str | PurePath) -> str:
    """A file name that can be printed and stored: bytes that are not UTF-8 become U+FFFD."""
    try:
        return os.fsencode(name).decode("utf-8", "replace")
    except UnicodeEncodeError:  # half a surrogate pair, which no file system gives but JSON does
        return str(name).encode("utf-8", "replace").decode()
