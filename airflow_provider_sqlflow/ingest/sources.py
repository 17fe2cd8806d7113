"""Where SQL comes from: inline text, a file, a folder or a zip archive."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.archive import open_archive
from airflow_provider_sqlflow.ingest.model import (
    SQL_SUFFIX,
    Source,
    SourceFile,
    file_from_bytes,
    is_sql_name,
    printable,
)
from airflow_provider_sqlflow.ingest.text import UndecodableTextError, check_text
from airflow_provider_sqlflow.settings import Settings

_ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class TextInput:
    """SQL text given inline."""

    name: str
    text: str

    @property
    def root(self) -> Path | None:
        """Nowhere: the text has only its name."""
        return None

    @property
    def names(self) -> tuple[str, ...]:
        """The one name."""
        return (self.name,)

    def read(self) -> Iterator[SourceFile]:
        """The text as a file."""
        try:
            check_text(self.text)
        except UndecodableTextError as error:
            yield SourceFile(self.name, 0, "", str(error))
        else:
            yield SourceFile(self.name, len(self.text.encode()), self.text)


@dataclass(frozen=True, slots=True)
class FileInput:
    """Files on disk: one, or those of a folder. ``files`` are pairs of name and path."""

    root: Path
    files: tuple[tuple[str, Path], ...]
    max_file_bytes: int

    @property
    def names(self) -> tuple[str, ...]:
        """Names relative to the folder."""
        return tuple(name for name, _ in self.files)

    def read(self) -> Iterator[SourceFile]:
        """Each file's text."""
        for name, path in self.files:
            yield _read_file(name, path, self.max_file_bytes)


def open_path(path: str, settings: Settings) -> Source:
    """List a file, folder or zip archive.

    A folder is searched for ``*.sql`` below it, sorted by path, hidden files and folders left out and
    links to folders not followed. A single file may have any suffix.

    Raises:
        UnreadableInputError: it is missing, may not be read, or is an unsafe or damaged archive.
        EmptyInputError: a folder or archive without any ``*.sql``.
    """
    place = Path(path)
    try:
        mode = place.stat().st_mode
    except OSError as error:
        raise UnreadableInputError(f"cannot read {printable(path)}: {error.strerror}") from None
    except ValueError as error:  # a NUL in the path
        raise UnreadableInputError(f"cannot read {path!r}: {error}") from None
    if stat.S_ISDIR(mode):
        return _open_folder(place, settings)
    if stat.S_ISREG(mode) and _is_archive(place):
        return open_archive(place, settings)
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        return FileInput(place.parent, ((printable(place.name), place),), settings.max_file_bytes)
    raise UnreadableInputError(f"{printable(path)} is neither a file nor a folder nor a zip archive")


def unique_names(sources: Sequence[Source]) -> tuple[str, ...]:
    """Names of all files of the sources, in order, no two alike.

    Names that more than one file has get the name of their folder or archive in front
    (``marts/orders.sql``); where that does not help, ``~2``, ``~3`` before the suffix, counted in
    reading order.
    """
    named = [(source.root, name) for source in sources for name in source.names]
    shared = Counter(name for _, name in named)
    return _numbered(
        f"{printable(root.name)}/{name}" if shared[name] > 1 and root and root.name else name
        for root, name in named
    )


def path_names(sources: Sequence[Source]) -> tuple[str, ...]:
    """Names like :func:`unique_names`, but paths from where the sources were given, to be clicked on."""
    return _numbered(
        printable((source.root / name).as_posix()) if source.root else name
        for source in sources
        for name in source.names
    )


def _numbered(names: Iterable[str]) -> tuple[str, ...]:
    """Names made different: doubles get ``~2``, ``~3`` before the suffix, whichever is free."""
    wanted = tuple(names)
    alone = {name for name, count in Counter(wanted).items() if count == 1}
    taken = set(alone)
    numbered: list[str] = []
    for name in wanted:
        free = name if name in alone else _free_name(name, taken)
        taken.add(free)
        numbered.append(free)
    return tuple(numbered)


def _open_folder(root: Path, settings: Settings) -> FileInput:
    def refuse(error: OSError) -> None:
        raise UnreadableInputError(
            f"cannot read {printable(error.filename)}: {error.strerror}; give this user the right to read it"
        ) from None

    found: list[tuple[str, Path]] = []
    for folder, subfolders, files in os.walk(root, onerror=refuse):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for path in (Path(folder, file) for file in files):
            relative = path.relative_to(root)
            if is_sql_name(relative):
                found.append((printable(relative.as_posix()), path))
    if not found:
        raise EmptyInputError(f"no {SQL_SUFFIX} file in folder {printable(root)}")
    return FileInput(root, tuple(sorted(found)), settings.max_file_bytes)


def _read_file(name: str, path: Path, max_file_bytes: int) -> SourceFile:
    try:
        with path.open("rb") as stream:
            data = stream.read(max_file_bytes + 1)
    except OSError as error:
        return SourceFile(name, 0, "", f"cannot be read: {error.strerror}")
    return file_from_bytes(name, data, max_file_bytes)


def _is_archive(path: Path) -> bool:
    if path.suffix.lower() == ".zip":
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC
    except OSError as error:
        raise UnreadableInputError(f"cannot read {printable(path)}: {error.strerror}") from None


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  # a name, and it may be empty
    number = 2
    while (candidate := f"{stem}~{number}{suffix}") in taken:
        number += 1
    return candidate
