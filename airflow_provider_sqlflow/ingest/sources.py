"""Where SQL comes from: inline text, files, folders, archives, URLs, and documents that hold SQL."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.ingest.archive import open_archive
from airflow_provider_sqlflow.ingest.csv_scripts import CSV_SUFFIX, CsvFormat, open_csv
from airflow_provider_sqlflow.ingest.dbt import dbt_columns, dbt_source
from airflow_provider_sqlflow.ingest.documents import (
    Candidate,
    Document,
    DocumentKind,
    find_documents,
    is_document_name,
    parse_document,
)
from airflow_provider_sqlflow.ingest.files import (
    FileProblemError,
    LocalFile,
    StoredFile,
    first_bytes,
    read_bytes,
    read_file,
)
from airflow_provider_sqlflow.ingest.metadata import metadata_source
from airflow_provider_sqlflow.ingest.model import (
    SQL_SUFFIX,
    Source,
    SourceFile,
    held_source,
    is_sql_name,
    printable,
    too_large,
)
from airflow_provider_sqlflow.ingest.text import UndecodableTextError, check_text
from airflow_provider_sqlflow.ingest.urls import Location, RemoteFile, archive_of, is_url, local_path
from airflow_provider_sqlflow.settings import Settings

_ZIP_MAGIC = b"PK\x03\x04"
_START_BYTES = 64
_DBT_TARGET = "target"
Listed = tuple[PurePosixPath, StoredFile]


def open_text(
    name: str, text: str, settings: Settings, database: str | None = None, schema: str | None = None
) -> Source:
    """SQL text given inline, with default names of its own."""
    return Source("", (name,), partial(read_text, name, text, settings.max_file_bytes, database, schema))


def open_path(path: str, settings: Settings, options: Mapping[str, Any] | None = None) -> Source:
    """List what a path or URL leads to.

    A folder is searched for ``*.sql`` below it, sorted by path, hidden files and folders left out and
    links to folders not followed. A zip archive likewise. Documents among them are known by their content:
    a dbt manifest makes the folder a dbt project, database metadata gives columns and further SQL. A
    single file is CSV of SQL when it is named so, such a document, or SQL under any other name.

    Args:
        path: on disk, or a URL that fsspec knows.
        settings: limits.
        options: fsspec's storage options of a URL.

    Raises:
        ConfigError: the URL's protocol is unknown, or its package is not installed.
        UnreadableInputError: it is missing, may not be read, or is an unsafe or damaged archive.
        SourceUnavailableError: the storage cannot be reached.
        EmptyInputError: a folder or archive without anything that is read.
    """
    if not is_url(path):
        return _open_local(path, settings)
    local = local_path(path)
    if local is not None:
        return _open_local(local, settings)
    chain = archive_of(path)
    if chain is not None:
        archive, place = chain
        return _open_archive(stored_file(archive, options), settings, place)
    return _open_location(Location(path, options or {}), settings)


def open_csv_path(
    path: str, layout: CsvFormat, settings: Settings, options: Mapping[str, Any] | None = None
) -> Source:
    """List the rows of a CSV of SQL on a path or behind a URL.

    Raises:
        ConfigError: the layout cannot be read, or the URL's protocol is not known.
        UnreadableInputError: the file cannot be read, or is no CSV.
        EmptyInputError: no row has SQL.
    """
    return open_csv(stored_file(path, options), layout, settings)


def stored_file(path: str, options: Mapping[str, Any] | None = None) -> StoredFile:
    """The file on a path or behind a URL; nothing is opened on disk yet.

    Raises:
        ConfigError: the URL's protocol is unknown, or its package is not installed.
        InputError: the URL cannot be reached.
    """
    local = local_path(path) if is_url(path) else path
    if local is not None:
        return LocalFile(Path(local))
    location = Location(path, options or {})
    return RemoteFile(location, location.path)


def _open_local(path: str, settings: Settings) -> Source:
    place = Path(path)
    try:
        mode = place.stat().st_mode
    except OSError as error:
        raise UnreadableInputError(f"cannot read {printable(path)}: {error.strerror}") from None
    except ValueError as error:  # a NUL in the path
        raise UnreadableInputError(f"cannot read {path!r}: {error}") from None
    if stat.S_ISDIR(mode):
        return _listed_source(printable(place), _walk(place), settings)
    if stat.S_ISFIFO(mode) and place.parent in (Path("/dev/fd"), Path("/proc/self/fd"), Path("/dev")):
        # What a shell hands over; a pipe with a name of its own may never get a writer.
        return _file_source(LocalFile(place, is_pipe_allowed=True), settings)
    if not stat.S_ISREG(mode):
        raise UnreadableInputError(
            f"{printable(path)} is neither a file nor a folder nor a zip archive; save its content to a file"
        )
    return _open_file(LocalFile(place), settings)


def _open_location(location: Location, settings: Settings) -> Source:
    if not (location.is_pattern or location.is_folder()):
        return _open_file(RemoteFile(location, location.path), settings)
    found = location.files()
    total = sum(size for _, _, size in found)
    if "::" in location.url and total > settings.max_archive_bytes:
        raise UnreadableInputError(
            f"{location.shown} unpacks to {total} bytes, more than {settings.max_archive_bytes}; "
            "split it or raise max_archive_bytes"
        )
    return _listed_source(location.shown, [(relative, file) for relative, file, _ in found], settings)


def _open_file(file: StoredFile, settings: Settings) -> Source:
    suffix = PurePosixPath(file.name).suffix.lower()
    if suffix == CSV_SUFFIX:
        return open_csv(file, CsvFormat(), settings)
    try:
        start = first_bytes(file, _START_BYTES)
    except FileProblemError as error:
        raise UnreadableInputError(f"{file.shown} {error}") from None
    if suffix == ".zip" or start.startswith(_ZIP_MAGIC):
        return _open_archive(file, settings)
    if suffix == ".json" or _is_object(start):
        return _open_document(file, settings)
    return _file_source(file, settings)


def _file_source(file: StoredFile, settings: Settings) -> Source:
    folder = file.shown[: max(file.shown.rfind(file.name), 0)]
    root = folder if folder in ("", "/") else folder.rstrip("/")
    return _files_source(root, ((file.name, file),), settings)


def _files_source(root: str, files: Sequence[tuple[str, StoredFile]], settings: Settings) -> Source:
    names = tuple(name for name, _ in files)
    return Source(root, names, partial(_read_files, tuple(files), settings.max_file_bytes))


def _read_files(files: Sequence[tuple[str, StoredFile]], max_file_bytes: int) -> Iterator[SourceFile]:
    for name, file in files:
        yield read_file(name, file, max_file_bytes)


def read_text(
    name: str, text: str, max_file_bytes: int, database: str | None, schema: str | None
) -> Iterator[SourceFile]:
    """A text as the file that it makes, or why it makes none."""
    try:
        check_text(text)
    except UndecodableTextError as error:
        yield SourceFile(name, 0, "", str(error))
        return
    size = len(text.encode())
    if size > max_file_bytes:
        yield SourceFile(name, size, "", too_large(max_file_bytes, size))
        return
    yield SourceFile(name, size, text, database=database, schema=schema)


# Folders and archives ---------------------------------------------------------------------------------


def _walk(root: Path) -> list[Listed]:
    def refuse(error: OSError) -> None:
        raise UnreadableInputError(
            f"cannot read {printable(error.filename)}: {error.strerror}; give this user the right to read it"
        ) from None

    found: list[Listed] = []
    for folder, subfolders, files in os.walk(root, onerror=refuse):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for file in files:
            path = Path(folder, file)
            found.append((PurePosixPath(path.relative_to(root).as_posix()), LocalFile(path)))
    return found


def _listed_source(root: str, listed: Sequence[Listed], settings: Settings) -> Source:
    """The source that a folder's files make."""
    sql = [(printable(relative), file) for relative, file in listed if is_sql_name(relative)]
    candidates = [
        Candidate(relative, file.open, file.explain)
        for relative, file in listed
        if is_document_name(relative)
    ]
    candidates.sort(key=lambda item: item.path)
    documents = find_documents(candidates, root, settings.max_file_bytes)
    source = _files_source(root, sorted(sql, key=lambda item: item[0]), settings) if sql else None
    if source is None and not documents:
        raise EmptyInputError(f"no {SQL_SUFFIX} file in folder {root}")
    return source_of_documents(root, source, documents)


def _open_archive(file: StoredFile, settings: Settings, place: str = "") -> Source:
    source, documents = open_archive(file, settings, place)
    return source_of_documents(file.shown, source, documents)


def _open_document(file: StoredFile, settings: Settings) -> Source:
    try:
        document = parse_document(PurePosixPath(file.name), read_bytes(file, settings.max_file_bytes))
    except FileProblemError as error:
        raise UnreadableInputError(f"{file.shown} {error}") from None
    if document is None:
        kinds = ", ".join(kind.value for kind in DocumentKind)
        raise UnreadableInputError(f"{file.shown} is JSON, but none of: {kinds}")
    documents = [document]
    if document.kind is DocumentKind.DBT_MANIFEST:
        beside = file.beside("catalog.json")
        candidate = Candidate(PurePosixPath(beside.name), beside.open, beside.explain)
        documents += find_documents([candidate], file.shown, settings.max_file_bytes)
    return source_of_documents(file.shown, None, documents)


def source_of_documents(root: str, source: Source | None, documents: Sequence[Document]) -> Source:
    """SQL files and documents of one folder or archive as one source."""
    manifest = _topmost(documents, DocumentKind.DBT_MANIFEST)
    if manifest is not None:
        # Its folder holds dbt's own copies of the same SQL, so those files are left out.
        return dbt_source(manifest, _topmost(documents, DocumentKind.DBT_CATALOG), _project_folder(root))
    parts = [source] if source is not None else []
    for document in documents:
        if document.kind is DocumentKind.METADATA:
            parts.append(metadata_source(document, root))
        else:
            parts.append(held_source(root, (), dbt_columns(document), ""))
    return joined(root, parts)


def joined(root: str, sources: Sequence[Source]) -> Source:
    """Several sources with the same root as one."""
    if len(sources) == 1:
        return sources[0]
    dialects = {source.dialect for source in sources if source.dialect}
    return Source(
        root,
        tuple(name for source in sources for name in source.names),
        lambda: (file for source in sources for file in source.read()),
        {name: columns for source in sources for name, columns in source.catalog.items()},
        dialects.pop() if len(dialects) == 1 else "",
    )


def _topmost(documents: Sequence[Document], kind: DocumentKind) -> Document | None:
    """The first document of a kind at the top of the folder, or in the ``target`` folder of a project."""
    return next(
        (
            document
            for document in documents
            if document.kind is kind and str(document.path.parent) in (".", _DBT_TARGET)
        ),
        None,
    )


def _project_folder(root: str) -> str:
    """The project that a manifest's folder, or the manifest itself, belongs to."""
    path = PurePosixPath(root)
    if path.suffix == ".json":
        path = path.parent
    if path.name == _DBT_TARGET:
        path = path.parent
    return root if "://" in root else str(path)


def _is_object(start: bytes) -> bool:
    """Whether a file begins as a JSON object does; ``{{``, ``{%`` and ``{#`` begin templated SQL."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return text[:1] == b"{" and text[1:2] not in (b"{", b"%", b"#")
