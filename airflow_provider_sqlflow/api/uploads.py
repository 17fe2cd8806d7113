"""Uploaded files as the sources of a job. They travel to the store as texts: a worker may be elsewhere.

Facts: reference sqlflow-api, sections 1.2, 5.1 and 5.2.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.api.subjects import safe_name
from airflow_provider_sqlflow.errors import RequestError, SqlFlowError, UnreadableInputError
from airflow_provider_sqlflow.jobs.model import CsvSource, JobSource, PathSource, TextSource
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import UploadFile


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How uploads that are CSV of SQL are laid out; ``columns`` is empty where they are none."""

    columns: str = ""
    enclose: str = '"'
    escape: str = '"'


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What uploaded files hold.

    Attributes:
        sources: their SQL.
        catalog: columns of relations that they know.
        dialect: what they say they are written in; empty where they say nothing.
    """

    sources: tuple[TextSource, ...]
    catalog: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dialect: str = ""


@contextmanager
def kept_on_disk(files: Sequence[UploadFile]) -> Iterator[tuple[str, ...]]:
    """Paths of copies of uploaded files, for as long as the context lasts; each in a folder of its own."""
    with TemporaryDirectory(prefix="sqlflow-upload-") as folder:
        paths = []
        for number, file in enumerate(files):
            place = Path(folder) / str(number) / safe_name(file.filename or "")
            place.parent.mkdir()
            with place.open("wb") as copy:
                shutil.copyfileobj(file.file, copy)
            paths.append(str(place))
        yield tuple(paths)


def read_uploads(paths: Sequence[str], layout: CsvLayout, settings: Settings) -> Uploaded:
    """Read uploaded files. Takes a processor: for a worker process.

    Raises:
        UnreadableInputError: one is damaged, unsafe, too large, or no text; nothing of any is taken.
        EmptyInputError: there is no SQL in them.
        ConfigError: the layout of a CSV cannot be understood.
    """
    try:
        return _read(paths, layout, settings)
    except SqlFlowError as error:
        message = str(error)
        for path in paths:  # where the copies lie is nobody's business
            message = message.replace(f"{Path(path).parent}/", "")
        raise type(error)(message) from None


def _read(paths: Sequence[str], layout: CsvLayout, settings: Settings) -> Uploaded:
    from airflow_provider_sqlflow.jobs.inputs import open_inputs

    inputs = open_inputs(tuple(_source(path, layout) for path in paths), settings)
    texts = []
    for file in inputs.read(""):
        if file.problem:
            raise UnreadableInputError(f"{Path(file.name).name}: {file.problem}")
        text = file.prefix + file.text + file.suffix
        _check_texts(file.name, (text, file.name, file.database or "", file.schema or ""))
        texts.append(TextSource(file.name, text, file.database, file.schema))
    catalog = dict(inputs.catalog)
    for relation, columns in catalog.items():
        _check_texts("a table's name or column", (relation, *columns))
    said = {source.dialect for source in inputs.sources if source.dialect}
    return Uploaded(tuple(texts), catalog, said.pop() if len(said) == 1 else "")


def _check_texts(what: str, texts: Iterable[str]) -> None:
    """JSON can spell characters that no store takes."""
    from airflow_provider_sqlflow.ingest.text import UndecodableTextError, check_text

    try:
        for text in texts:
            check_text(text)
    except UndecodableTextError as error:
        raise UnreadableInputError(f"{what}: {error}") from None


def _source(path: str, layout: CsvLayout) -> JobSource:
    if layout.columns and not path.lower().endswith((".zip", ".json")):
        return CsvSource(path, layout.columns, layout.enclose, layout.escape)
    return PathSource(path)


def check_layout(layout: CsvLayout) -> None:
    """Refuse a layout that cannot be one before anything is read.

    Raises:
        RequestError: it is not six digits.
    """
    if layout.columns and not (
        layout.columns.isascii() and layout.columns.isdigit() and len(layout.columns) == 6
    ):
        raise RequestError(
            "csvFormat: six digits, the positions of database, schema, object type, object name, "
            "object code and notes; 0 for none"
        )
