"""The sources of a job as the files of an upload.

One file, text or archive travels as it is. Several, a folder, a document that holds SQL, or anything with a
catalog become one zip archive, the catalog as its ``metadata.json``, as the vendor's own clients pack them.
Nothing is held in memory as a whole.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from airflow_provider_sqlflow.client.http.calls import Part
from airflow_provider_sqlflow.errors import UnreadableInputError
from airflow_provider_sqlflow.jobs.inputs import named_dialect, open_inputs
from airflow_provider_sqlflow.jobs.model import CsvSource, DatabaseSource, JobRequest, JobSource, TextSource
from airflow_provider_sqlflow.settings import Settings

FIELD = "sqlfiles"
METADATA_NAME = "metadata.json"
_ARCHIVE_NAME = "sql.zip"
_FILE_NAME = "script.sql"
_SQL = "application/sql"
_ZIP = "application/zip"
_DOCUMENTS = frozenset({".json", ".csv"})
"""Files that hold SQL among other things; a service takes the SQL."""

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)
"""Every member has this date, so that the same sources give the same bytes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """What a submit sends.

    Attributes:
        dialect: the dialect to read the files in.
        open_parts: opens the files for one attempt.
        fields: parameters that the files need.
    """

    dialect: str
    open_parts: Callable[[ExitStack], list[Part]]
    fields: Mapping[str, str] = field(default_factory=dict)


def prepare(request: JobRequest, settings: Settings, stack: ExitStack) -> Upload:
    """Check the sources, and pack what needs packing.

    Args:
        request: whose sources and catalog.
        settings: limits of what is read.
        stack: closes the packed archive when the submit is over.

    Raises:
        InputError: a source is missing, empty or cannot be read; nothing has been sent.
        ConfigError: the dialect is left to the sources, and they do not say it.
    """
    inputs = open_inputs(request.sources, settings)
    found = inputs.dialect(request.dialect)
    dialect = request.dialect if named_dialect(request.dialect) == found else found
    if len(request.sources) == 1 and not request.catalog:
        alone = _open_alone(request.sources[0])
        if alone is not None:
            return Upload(dialect, alone, _csv_fields(request.sources[0]))
    archive = stack.enter_context(TemporaryFile(prefix="sqlflow-upload-"))  # noqa: SIM115  # the stack does
    with ZipFile(archive, "w", ZIP_DEFLATED) as packed:
        for file in inputs.read(found):
            if file.problem:
                raise UnreadableInputError(f"{file.name}: {file.problem}; nothing was submitted")
            if file.database or file.schema:
                _log.warning("%s is sent without the default database and schema that it had", file.name)
            _add(packed, file.name or _FILE_NAME, f"{file.prefix}{file.text}{file.suffix}")
        catalog = {**inputs.catalog, **request.catalog}
        if catalog:
            _add(packed, METADATA_NAME, _metadata(catalog, dialect))

    def open_archive(_attempt: ExitStack) -> list[Part]:
        archive.seek(0)
        return [_part(_ARCHIVE_NAME, archive, _ZIP)]

    return Upload(dialect, open_archive)


def _open_alone(source: JobSource) -> Callable[[ExitStack], list[Part]] | None:
    """What opens a source that travels as it is; ``None`` for one that has to be packed."""
    if isinstance(source, TextSource):
        name, data = _file_name(source.name), source.text.encode("utf-8", "replace")
        return lambda _attempt: [_part(name, io.BytesIO(data), _SQL)]
    if isinstance(source, DatabaseSource):
        return None
    path = Path(source.path)
    is_plain = isinstance(source, CsvSource) or path.suffix.lower() not in _DOCUMENTS
    if not is_plain or not path.is_file():
        return None
    media_type = _ZIP if path.suffix.lower() == ".zip" else _SQL
    name = _file_name(path.name)
    return lambda attempt: [_part(name, attempt.enter_context(path.open("rb")), media_type)]


def _csv_fields(source: JobSource) -> dict[str, str]:
    if not isinstance(source, CsvSource):
        return {}
    return {
        "csvFormat": source.columns,
        "objectCodeEncloseChar": source.enclose,
        "objectCodeEscapeChar": source.escape,
    }


def _metadata(catalog: Mapping[str, tuple[str, ...]], dialect: str) -> str:
    from airflow_provider_sqlflow.client.http.parameters import vendor
    from airflow_provider_sqlflow.formats.sqlflow.metadata import metadata_document

    return json.dumps(metadata_document(catalog, vendor(dialect)), ensure_ascii=False)


def _part(name: str, content: IO[bytes], media_type: str) -> Part:
    return FIELD, (name, cast("BinaryIO", content), media_type)


def _add(packed: ZipFile, name: str, text: str) -> None:
    member = ZipInfo(name.lstrip("/"), _FIRST_DATE)
    member.compress_type = ZIP_DEFLATED
    with packed.open(member, "w", force_zip64=True) as target:
        shutil.copyfileobj(io.BytesIO(text.encode("utf-8", "replace")), target)


def _file_name(name: str) -> str:
    """A name that a service may keep as a file's: the last part, without what ends a header."""
    plain = PurePosixPath(name.replace("\\", "/")).name.replace('"', "_")
    plain = "".join(letter if letter.isprintable() else "_" for letter in plain)
    return plain if PurePosixPath(plain).suffix else f"{plain or 'sql'}.sql"
