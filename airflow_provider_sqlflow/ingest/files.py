"""Stored files, on disk or behind a URL: opened and read within limits."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Protocol

from airflow_provider_sqlflow.ingest.model import SourceFile, file_from_bytes, printable, too_large

_CHUNK_BYTES = 1024 * 1024


class FileProblemError(Exception):
    """One file cannot be read; the message says why, without the file's name."""


class StoredFile(Protocol):
    """A file that can be opened again and again."""

    @property
    def shown(self) -> str:
        """Its path or URL as it may be shown to people."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    def open(self) -> BinaryIO:
        """Its bytes, from the start.

        Raises:
            FileProblemError: it cannot be opened, or is no file.
        """

    def beside(self, name: str) -> StoredFile:
        """The file of that name in the same folder; it need not exist."""

    def size(self, stream: BinaryIO) -> int | None:
        """Bytes of the opened file, or ``None`` where nothing tells before the end."""

    def explain(self, error: Exception) -> str:
        """Why reading failed, in words that hold no secret."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on disk; ``is_pipe_allowed`` for what a shell hands over as ``/dev/fd/63``."""

    path: Path
    is_pipe_allowed: bool = False

    @property
    def shown(self) -> str:
        """The path."""
        return printable(self.path)

    @property
    def name(self) -> str:
        """The file's name."""
        return printable(self.path.name)

    def open(self) -> BinaryIO:
        """See :meth:`StoredFile.open`. Never waits for a pipe that nobody writes to."""
        flags = os.O_RDONLY | os.O_CLOEXEC | (0 if self.is_pipe_allowed else os.O_NONBLOCK)
        try:
            descriptor = os.open(self.path, flags)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise FileProblemError(self.explain(error)) from None
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or (self.is_pipe_allowed and stat.S_ISFIFO(mode))):
            os.close(descriptor)
            raise FileProblemError("is a pipe, device or folder, not a file; save its content to a file")
        return os.fdopen(descriptor, "rb")

    def beside(self, name: str) -> StoredFile:
        """See :meth:`StoredFile.beside`."""
        return LocalFile(self.path.with_name(name))

    def size(self, stream: BinaryIO) -> int | None:
        """See :meth:`StoredFile.size`."""
        status = os.fstat(stream.fileno())
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def explain(self, error: Exception) -> str:
        """See :meth:`StoredFile.explain`."""
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def read_bytes(file: StoredFile, max_bytes: int) -> bytes:
    """The whole file.

    Raises:
        FileProblemError: it cannot be read or is larger than ``max_bytes``, which is found before reading
            where the size is known.
    """
    with file.open() as stream:
        size = file.size(stream)
        if size is not None and size > max_bytes:
            raise FileProblemError(too_large(max_bytes, size))
        try:
            return read_stream(stream, max_bytes)
        except FileProblemError:
            raise
        except Exception as error:  # noqa: BLE001  # each remote file system raises its own kinds
            raise FileProblemError(file.explain(error)) from None


def first_bytes(file: StoredFile, count: int) -> bytes:
    """The beginning of a file.

    Raises:
        FileProblemError: it cannot be read.
    """
    with file.open() as stream:
        try:
            return stream.read(count)
        except Exception as error:  # noqa: BLE001  # each remote file system raises its own kinds
            raise FileProblemError(file.explain(error)) from None


def read_stream(stream: IO[bytes], max_bytes: int, head: bytes = b"") -> bytes:
    """A stream in steps: no more than the limit is ever asked for. ``head`` was read before.

    Raises:
        FileProblemError: it is longer than ``max_bytes``.
    """
    data = bytearray(head)
    while len(data) <= max_bytes:
        chunk = stream.read(min(_CHUNK_BYTES, max_bytes + 1 - len(data)))
        if not chunk:
            return bytes(data)
        data += chunk
    raise FileProblemError(too_large(max_bytes))


def read_file(name: str, file: StoredFile, max_file_bytes: int) -> SourceFile:
    """A stored file as a :class:`SourceFile`; what goes wrong is its problem."""
    try:
        data = read_bytes(file, max_file_bytes)
    except FileProblemError as error:
        return SourceFile(name, 0, "", str(error))
    return file_from_bytes(name, data, max_file_bytes)
