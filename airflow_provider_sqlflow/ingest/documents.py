"""JSON documents that say something about SQL, told apart by what is in them and not by their names.

dbt names its artifacts in ``metadata.dbt_schema_version``; metadata of the ingester format is an object
with ``servers`` (reference: sqlflow-lineage-model, section 10).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import IO, Any

from airflow_provider_sqlflow.errors import InputError, UnknownDialectError, UnreadableInputError
from airflow_provider_sqlflow.ingest.files import FileProblemError, read_stream
from airflow_provider_sqlflow.ingest.model import is_hidden
from airflow_provider_sqlflow.ingest.text import UndecodableTextError, decode_sql

JSON_SUFFIX = ".json"
_DBT_ARTIFACT = re.compile(r"/(manifest|catalog)/v\d+")
_SERVERS = b'"servers"'
_CERTAIN = (b"/dbt/manifest/v", b"/dbt/catalog/v", b'"dbVendor"')
_HEAD_BYTES = 64 * 1024
"""So much of a JSON file is looked at to see whether it may be a document."""
_SERVER_LISTS = ("databases", "schemas", "tables", "views", "queries")


class DocumentKind(Enum):
    """What a document is."""

    DBT_MANIFEST = "dbt manifest"
    DBT_CATALOG = "dbt catalog"
    METADATA = "database metadata"


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was found.

    Attributes:
        kind: what it is.
        path: where it lies in its folder or archive.
        content: the JSON object.
        size: bytes of its text.
    """

    kind: DocumentKind
    path: PurePosixPath
    content: Mapping[str, Any]
    size: int


def _admit() -> None:
    """Nothing stands against reading."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A JSON file that may be a document.

    Attributes:
        path: where it lies in its folder or archive.
        open: opens it.
        explain: why reading failed, in words that hold no secret.
        admit: called before more than its beginning is read; raises an ``InputError`` to refuse it.
    """

    path: PurePosixPath
    open: Callable[[], IO[bytes]]
    explain: Callable[[Exception], str]
    admit: Callable[[], None] = _admit


def is_document_name(relative: PurePosixPath) -> bool:
    """Whether a folder or archive member is looked into for a document."""
    return relative.suffix.lower() == JSON_SUFFIX and not is_hidden(relative)


def find_documents(candidates: Iterable[Candidate], shown: str, max_bytes: int) -> list[Document]:
    """The candidates that are documents; other JSON is none of ours and left alone.

    Args:
        candidates: JSON files of the folder or archive.
        shown: what the folder or archive is called.
        max_bytes: limit of one document.

    Raises:
        UnreadableInputError: a document of ours that is larger than the limit, or damaged.
    """
    found = []
    for candidate in candidates:
        head = b""
        try:
            with candidate.open() as stream:
                head = stream.read(_HEAD_BYTES)
                if not any(mark in head for mark in (*_CERTAIN, _SERVERS)):
                    continue
                candidate.admit()
                data = read_stream(stream, max_bytes, head)
            document = parse_document(candidate.path, data)
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001  # damaged archives and remote files raise many kinds
            if any(mark in head for mark in _CERTAIN):
                is_known = isinstance(error, FileProblemError)
                reason = str(error) if is_known else candidate.explain(error)
                raise UnreadableInputError(f"{shown}/{candidate.path}: {reason}") from None
            continue
        if document is not None:
            found.append(document)
    return found


def parse_document(path: PurePosixPath, data: bytes) -> Document | None:
    """The document, or ``None`` where JSON is of no kind that is read.

    Raises:
        FileProblemError: it is not JSON.
    """
    try:
        content = json.loads(decode_sql(data).text)
    except UndecodableTextError as error:
        raise FileProblemError(str(error)) from None
    except (ValueError, RecursionError) as error:
        raise FileProblemError(f"is not JSON: {error}") from None
    kind = _kind_of(content)
    return None if kind is None else Document(kind, path, content, len(data))


def _kind_of(content: Any) -> DocumentKind | None:
    if not isinstance(content, dict):
        return None
    artifact = _DBT_ARTIFACT.search(text_of(map_of(content, "metadata"), "dbt_schema_version"))
    if artifact:
        return DocumentKind.DBT_MANIFEST if artifact.group(1) == "manifest" else DocumentKind.DBT_CATALOG
    servers = list_of(content, "servers")
    if text_of(content, "createdBy") and isinstance(content.get("servers"), list):
        return DocumentKind.METADATA
    if any(key in server for server in servers for key in _SERVER_LISTS):
        return DocumentKind.METADATA
    return None


def said_dialect(name: str) -> str:
    """The dialect that a document names; empty for a name we do not know."""
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect

    try:
        return resolve_dialect(name)
    except UnknownDialectError:
        return ""


# Documents come from many versions of many tools: what is not of the expected type counts as absent.


def map_of(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key, else an empty one."""
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def list_of(content: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of the list under a key, else none."""
    value = content.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(content: Mapping[str, Any], *keys: str) -> str:
    """The first text under one of the keys, else an empty one."""
    return next((value for key in keys if isinstance(value := content.get(key), str) and value), "")
