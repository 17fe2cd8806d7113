"""Events on disk until a backend has taken them.

Each emission writes its events to a file before the first one is sent, so that neither a backend that is down
nor a killed process loses any. A file holds the events for one channel, one a line; the file beside it counts
those taken. It goes when all are. ``sqlflow emit --replay`` sends what is left.

A file is locked by whoever sends it. An event is counted right after the backend took it: only a process that
dies between the two sends it twice, with the same run id and content.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

SUFFIX = ".ndjson"
REJECTED_SUFFIX = ".rejected"
_COUNT_SUFFIX = ".sent"
_COUNT_DIGITS = 12


class SpoolFile:
    """A locked file of events."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self.channel = path.name.removesuffix(SUFFIX).rpartition("~")[2]
        self._stream = stream
        self._count_path = path.with_suffix(_COUNT_SUFFIX)
        self._count = os.open(self._count_path, os.O_RDWR | os.O_CREAT, 0o600)
        self._sent = int(os.pread(self._count, _COUNT_DIGITS, 0) or 0)

    def pending(self) -> Iterator[str]:
        """Events that were not taken yet, in order."""
        self._stream.seek(0)
        for number, line in enumerate(self._stream):
            if number >= self._sent:
                yield line.decode().rstrip("\n")

    def advance(self) -> None:
        """Count the first pending event as done."""
        self._sent += 1
        # Always as long, so that one write replaces the number whole.
        os.pwrite(self._count, f"{self._sent:0{_COUNT_DIGITS}}".encode(), 0)

    def reject(self, line: str, reason: str) -> None:
        """Put an event aside that its backend will never take, with the reason."""
        folder = self.path.parent
        name = self.path.name.removesuffix(SUFFIX)
        with (folder / f"{name}{REJECTED_SUFFIX}").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        with (folder / f"{name}{REJECTED_SUFFIX}-reasons").open("a", encoding="utf-8") as stream:
            stream.write(" ".join(reason.split()) + "\n")

    def remove(self) -> None:
        """All events are done."""
        self.path.unlink()
        self._count_path.unlink()

    def close(self) -> None:
        """Close the count; one that says nothing goes."""
        os.close(self._count)
        if not self._sent:
            with suppress(FileNotFoundError):
                self._count_path.unlink()


class Spool:
    """A folder of such files.

    Args:
        folder: where; made when first written to. Share it between machines only on a file system with
            working ``flock``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, channel: str, lines: Iterable[str]) -> Path:
        """Write events for a channel; they are on disk when this returns.

        Raises:
            OSError: they cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")
        path = self.folder / f"{moment}-{uuid4().hex[:12]}~{channel}{SUFFIX}"
        partial = path.with_suffix(".part")
        try:
            with partial.open("x", encoding="utf-8") as stream:
                stream.writelines(f"{line}\n" for line in lines)
                stream.flush()
                os.fsync(stream.fileno())
            partial.chmod(0o600)
            partial.replace(path)
        except OSError:
            with suppress(OSError):
                partial.unlink()
            raise
        return path

    def paths(self) -> list[Path]:
        """Files with events to send, oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []

    @contextmanager
    def locked(self, path: Path) -> Iterator[SpoolFile | None]:
        """A file for the caller alone; ``None`` when another process sends it, or has."""
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            yield None
            return
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            # Who held the lock until now may have sent everything and removed the file.
            is_there = path.exists() and path.stat().st_ino == os.fstat(stream.fileno()).st_ino
            if not is_there:
                yield None
                return
            file = SpoolFile(path, stream)
            try:
                yield file
            finally:
                file.close()
