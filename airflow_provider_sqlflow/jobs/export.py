"""A job's result as a file: joins the formats with OpenLineage events, writes whole files or none."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from airflow_provider_sqlflow.errors import ExportError, UnknownFormatError
from airflow_provider_sqlflow.jobs.lineage.rows import stored_relations
from airflow_provider_sqlflow.jobs.model import ExportSummary

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult
    from airflow_provider_sqlflow.formats.options import ExportOptions

OPENLINEAGE = "openlineage"
"""The one export that is no format of ``formats.registry``: newline-delimited OpenLineage events."""

JOB_NAMESPACE = "sqlflow"
"""OpenLineage namespace of the jobs in exported events."""


def format_names() -> tuple[str, ...]:
    """Every name that an export accepts."""
    from airflow_provider_sqlflow.formats.registry import FORMATS

    return (*FORMATS, OPENLINEAGE)


def check_format(format: str) -> None:
    """Raise :class:`UnknownFormatError` unless the format exists, before work goes into a result."""
    if format not in format_names():
        raise UnknownFormatError(f"unknown format {format!r}; known: {', '.join(format_names())}")


def read_options(options: Mapping[str, str] | None) -> ExportOptions:
    """What an export shows, from values by name: our names (``indirect``) or SQLFlow's settings.

    Raises:
        ExportOptionError: an unknown option, or a value that it cannot have; the message lists what
            there is.
    """
    from airflow_provider_sqlflow.formats.sqlflow.settings import apply_settings

    return apply_settings(options or {})


def write_result(
    result: LineageResult,
    format: str,
    stream: BinaryIO,
    *,
    title: str,
    instant: datetime,
    texts: Callable[[], Mapping[str, str]],
    options: Mapping[str, str] | None = None,
) -> None:
    """Write a result to a binary stream.

    Args:
        result: what to write.
        format: one of :func:`format_names`.
        stream: where to; it stays open.
        title: the job's name.
        instant: when the job ran, for formats that tell a time.
        texts: gives the SQL text by file name, asked only by formats that quote it.
        options: what to show, by name; see :func:`read_options`.

    Raises:
        UnknownFormatError: no such format.
        ExportOptionError: an unknown option, or a value that it cannot have.
        ExportError: the format cannot be made.
    """
    check_format(format)
    shown = read_options(options)
    if format == OPENLINEAGE:
        _write_events(result, stream, title, instant, texts())
        return
    from airflow_provider_sqlflow.formats import registry

    registry.write(format, result, stream, title=title, options=shown, texts=texts)


def _write_events(
    result: LineageResult, stream: BinaryIO, title: str, instant: datetime, texts: Mapping[str, str]
) -> None:
    from airflow_provider_sqlflow.emission import DatasetNaming, EventContext, build_events, events_to_ndjson

    context = EventContext(instant, JOB_NAMESPACE, title, DatasetNaming(result.dialect), texts=texts)
    for line in events_to_ndjson(build_events(result, context)):
        stream.write(line.encode())


def export_result(
    result: LineageResult,
    format: str,
    path: str,
    *,
    title: str,
    instant: datetime,
    texts: Callable[[], Mapping[str, str]],
    options: Mapping[str, str] | None = None,
) -> ExportSummary:
    """Write a result to a file, whole or not at all; arguments as in :func:`write_result`.

    Folders are created. A file that was there is replaced at once, when the new one is complete.

    Raises:
        UnknownFormatError: no such format.
        ExportOptionError: an unknown option, or a value that it cannot have.
        ExportError: the file cannot be written; the message names it and the reason.
    """

    def write(stream: BinaryIO) -> None:
        write_result(result, format, stream, title=title, instant=instant, texts=texts, options=options)

    size = write_whole(Path(path), write)
    return ExportSummary(format, path, size, len(stored_relations(result)), len(result.edges()))


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> int:
    """Let ``write`` fill a file that appears under ``path`` only when it is complete and on disk.

    Returns:
        The file's size in bytes.

    Raises:
        ExportError: the folder or the file cannot be written, or the disk is full.
    """
    if path.exists() and not path.is_file():  # a device or a pipe: a rename would replace it
        return _write_into(path, write)
    partial = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
            size = stream.tell()
        partial.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            partial.unlink()
    return size


def _write_into(path: Path, write: Callable[[BinaryIO], None]) -> int:
    """Write to something that is there and is no file, such as ``/dev/stdout``."""
    buffer = BytesIO()
    write(buffer)
    try:
        path.write_bytes(buffer.getvalue())
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror or error}") from error
    return buffer.tell()


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
