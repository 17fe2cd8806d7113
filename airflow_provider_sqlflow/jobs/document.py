"""A :class:`JobRequest` as JSON and back, and the digest that tells two requests apart.

Fields at their default are left out where the first version did not have them, so that its documents and
digests stay what they were.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions, ResultSets
from airflow_provider_sqlflow.jobs.model import (
    DEFAULT_QUEUE,
    CsvSource,
    DatabaseSource,
    JobRequest,
    JobSource,
    PathSource,
    TaskOrigin,
    TextSource,
)

FORMAT_VERSION = 1
_DATABASE_KEYS = ("dialect", "host", "user", "password")


def request_to_json(request: JobRequest) -> str:
    """The request as one ASCII JSON text: equal requests give equal texts."""
    document: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "name": request.name,
        "dialect": request.dialect,
        "sources": [_source_to_json(source) for source in request.sources],
        "owner": request.owner,
        "tags": list(request.tags),
        "default_database": request.default_database,
        "default_schema": request.default_schema,
        "catalog": {table: list(columns) for table, columns in request.catalog.items()},
        "idempotency_key": request.idempotency_key,
    }
    if request.queue != DEFAULT_QUEUE:
        document["queue"] = request.queue
    if request.options != DEFAULT_OPTIONS:
        document["options"] = asdict(request.options)
    if request.origin is not None:
        document["origin"] = asdict(request.origin)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def request_from_json(text: str) -> JobRequest:
    """The request that :func:`request_to_json` wrote.

    Raises:
        ValueError: the text is not such a document, or of another version.
    """
    document = json.loads(text)
    if document.pop("version", None) != FORMAT_VERSION:
        raise ValueError(f"not a job request of version {FORMAT_VERSION}")
    document["sources"] = tuple(_source_from_json(source) for source in document["sources"])
    document["tags"] = tuple(document["tags"])
    document["catalog"] = {table: tuple(columns) for table, columns in document["catalog"].items()}
    if "options" in document:
        options = {**document["options"], "result_sets": ResultSets(document["options"]["result_sets"])}
        document["options"] = ExportOptions(**options)
    if "origin" in document:
        document["origin"] = TaskOrigin(**document["origin"])
    return JobRequest(**document)


def request_digest(request: JobRequest) -> str:
    """SHA-256 of what is asked: not of the idempotency key, nor of who asks and who is to work on it.

    Paths count, the files' contents do not.
    """
    text = request_to_json(replace(request, idempotency_key=None, origin=None, queue=DEFAULT_QUEUE))
    return hashlib.sha256(text.encode()).hexdigest()


def _source_to_json(source: JobSource) -> dict[str, Any]:
    if isinstance(source, TextSource):
        names = {"database": source.database, "schema": source.schema}
        given = {key: name for key, name in names.items() if name is not None}
        return {"name": source.name, "text": source.text, **given}
    if isinstance(source, DatabaseSource):
        return {key: value for key, value in asdict(source).items() if value or key in _DATABASE_KEYS}
    document: dict[str, Any] = {"path": source.path}
    if source.storage_options:
        document["storage_options"] = dict(source.storage_options)
    if isinstance(source, CsvSource):
        document |= {"columns": source.columns, "enclose": source.enclose, "escape": source.escape}
    return document


def _source_from_json(source: dict[str, Any]) -> JobSource:
    if "host" in source:
        lists = {key: tuple(value) for key, value in source.items() if isinstance(value, list)}
        return DatabaseSource(**{**source, **lists})
    if "path" not in source:
        return TextSource(**source)
    return CsvSource(**source) if "columns" in source else PathSource(**source)
