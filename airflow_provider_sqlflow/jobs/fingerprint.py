"""What the sources of a request hold right now, as a digest: paths stay the same when files change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_sqlflow.errors import SqlFlowError
from airflow_provider_sqlflow.ingest.urls import Location, is_url, local_path
from airflow_provider_sqlflow.jobs.inputs import open_inputs
from airflow_provider_sqlflow.jobs.model import DatabaseSource, JobSource, TextSource
from airflow_provider_sqlflow.settings import Settings

_VERSION_KEYS = ("ETag", "etag", "md5", "checksum", "generation", "mtime", "LastModified", "updated", "size")
"""What file systems of fsspec tell about a file that changes with its content."""


def content_digest(sources: Sequence[JobSource], settings: Settings) -> str:
    """SHA-256 of what the sources hold: local files by content, URLs by what their store says of versions.

    A source that cannot be read counts as such: whoever submits it is told why.
    """
    digest = hashlib.sha256()
    for source in sources:
        if isinstance(source, TextSource):
            parts = [source.name, source.text]
        elif isinstance(source, DatabaseSource):
            parts = [repr(source), *_contents(source, settings)]
        elif is_url(source.path) and local_path(source.path) is None:
            parts = [source.path, _versions(source.path, source.storage_options)]
        else:
            parts = [source.path, *_contents(source, settings)]
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(data))
            digest.update(data)
    return digest.hexdigest()


def _contents(source: JobSource, settings: Settings) -> list[str]:
    digest = hashlib.sha256()
    try:
        inputs = open_inputs((source,), settings)
        for file in inputs.read(""):
            digest.update(repr((file.name, file.text, file.problem)).encode("utf-8", "surrogatepass"))
    except (SqlFlowError, OSError) as error:
        return [f"unreadable: {error}"]
    return [digest.hexdigest(), json.dumps(inputs.catalog, sort_keys=True)]


def _versions(url: str, options: Mapping[str, Any]) -> str:
    try:
        location = Location(url, options)
        if location.is_folder():
            found = location.system.find(location.path, detail=True)
        else:
            found = {location.path: location.system.info(location.path)}
    except Exception as error:  # noqa: BLE001  # each file system raises its own kinds
        return f"unreadable: {type(error).__name__}"
    versions = {
        path: {key: str(info[key]) for key in _VERSION_KEYS if key in info} for path, info in found.items()
    }
    return json.dumps(versions, sort_keys=True)
