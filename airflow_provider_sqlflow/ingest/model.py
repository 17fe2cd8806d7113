"""What a source of SQL is and what reading it gives. Inputs of every kind meet here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from airflow_provider_sqlflow.ingest.text import UndecodableTextError, decode_sql

SQL_SUFFIX = ".sql"
"""Suffix, in any case, of the files that are read from folders and archives."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file's text, or why there is none.

    Attributes:
        name: what diagnostics call it, with ``/`` between folders.
        size: bytes read.
        text: the decoded text; empty when there is a problem.
        problem: why the file cannot be analysed; empty when it can.
    """

    name: str
    size: int
    text: str
    problem: str = ""


class Source(Protocol):
    """One or more SQL files that a job was given as one thing.

    Opening a source lists it and refuses what cannot be used as a whole. Reading never raises for one
    bad file, which comes out as a :class:`SourceFile` with a ``problem``.
    """

    @property
    def root(self) -> Path | None:
        """The folder or archive that ``names`` are relative to; ``None`` for inline text."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the files, in reading order."""

    def read(self) -> Iterator[SourceFile]:
        """The files, one in memory at a time: as many as ``names``, in the same order."""


def file_from_bytes(name: str, data: bytes, max_file_bytes: int) -> SourceFile:
    """A file's bytes, read up to one byte over the limit, as a :class:`SourceFile`."""
    if len(data) > max_file_bytes:
        problem = f"larger than {max_file_bytes} bytes; split it or raise max_file_bytes"
        return SourceFile(name, len(data), "", problem)
    try:
        return SourceFile(name, len(data), decode_sql(data))
    except UndecodableTextError as error:
        return SourceFile(name, len(data), "", str(error))


def is_sql_name(relative: PurePath) -> bool:
    """Whether a folder or archive member is one to read: ``*.sql``, no part of its path hidden."""
    return relative.suffix.lower() == SQL_SUFFIX and not any(part.startswith(".") for part in relative.parts)


def printable(name: str | PurePath) -> str:
    """A file name that can be printed and stored: bytes that are not UTF-8 become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")
