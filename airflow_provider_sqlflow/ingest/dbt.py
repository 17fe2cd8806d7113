"""dbt projects as sources: the compiled SQL of models and snapshots, and the columns of everything.

Read from the artifacts ``manifest.json`` and ``catalog.json`` (schema versions 4 to 12 of the manifest;
facts: dbt's published artifact schemas). Up to version 6 the fields of the SQL are called
``compiled_sql`` and ``raw_sql``, after that ``compiled_code`` and ``raw_code``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_sqlflow.ingest.documents import (
    Document,
    DocumentKind,
    map_of,
    said_dialect,
    text_of,
)
from airflow_provider_sqlflow.ingest.metadata import dotted
from airflow_provider_sqlflow.ingest.model import Note, Source, SourceFile, held_source, printable

_DIALECT_OF_ADAPTER = {"impala": "hive", "vertica": "postgres", "maxcompute": "hive", "glue": "spark"}
"""Adapters whose SQL has another name; all other adapters are named as the dialect."""
_CREATED_AS = {
    "view": "VIEW",
    "materialized_view": "MATERIALIZED VIEW",
    "dynamic_table": "TABLE",
    "streaming_table": "TABLE",
}
"""By materialization; every other one (table, incremental, a project's own) makes a table."""
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*\Z")
_BACKTICKS = frozenset({"bigquery", "databricks", "spark", "hive", "mysql", "clickhouse"})
_SNAPSHOT_COLUMNS = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")


def dbt_source(manifest: Document, catalog: Document | None, root: str) -> Source:
    """The models and snapshots of a project as files, named by their paths in it.

    Ephemeral models stand inside the compiled SQL of those that use them; tests, analyses and seeds have
    no SQL that moves data. Seeds and sources are known by their columns.

    Args:
        manifest: ``manifest.json``.
        catalog: ``catalog.json``, if there is one: the columns as they are in the database.
        root: the project's folder.
    """
    dialect = _dialect(manifest)
    project = text_of(map_of(manifest.content, "metadata"), "project_name")
    nodes = _nodes(manifest, "nodes")
    files = tuple(
        _model_file(node, dialect, project)
        for node in nodes
        if text_of(node, "resource_type") in ("model", "snapshot") and _materialization(node) != "ephemeral"
    )
    return held_source(root, files, dbt_columns(manifest, catalog), dialect)


def dbt_columns(*documents: Document | None) -> dict[str, tuple[str, ...]]:
    """Columns by dotted relation name; of several documents the last that knows a relation wins.

    The manifest lists the columns that somebody described, often not all of a relation, and a catalog
    that leaves columns out loses lineage: it counts only where a contract makes it complete.
    """
    columns: dict[str, tuple[str, ...]] = {}
    for document in documents:
        if document is None:
            continue
        for node in (*_nodes(document, "nodes"), *_nodes(document, "sources")):
            is_complete = document.kind is DocumentKind.DBT_CATALOG or _has_contract(node)
            names = tuple(_ordered_columns(map_of(node, "columns")))
            place = map_of(node, "metadata") or node  # catalog.json, manifest.json
            name = text_of(place, "identifier", "alias", "name")
            if is_complete and names and name:
                parts = (text_of(place, "database"), text_of(place, "schema"), name)
                columns[dotted(tuple(part for part in parts if part))] = names
    return columns


def _has_contract(node: Mapping[str, Any]) -> bool:
    return map_of(map_of(node, "config"), "contract").get("enforced") is True


def _ordered_columns(columns: Mapping[str, Any]) -> list[str]:
    """Column names in the order of the table; the manifest has them in the order they are described."""
    items = [(name, item if isinstance(item, dict) else {}) for name, item in columns.items()]
    indexes = [item.get("index") for _, item in items]
    if all(isinstance(index, int) for index in indexes):
        items.sort(key=lambda pair: pair[1]["index"])
    return [text_of(item, "name") or name for name, item in items]


def _nodes(document: Document, key: str) -> list[Mapping[str, Any]]:
    return [node for node in map_of(document.content, key).values() if isinstance(node, dict)]


def _dialect(manifest: Document) -> str:
    adapter = text_of(map_of(manifest.content, "metadata"), "adapter_type").lower()
    return said_dialect(_DIALECT_OF_ADAPTER.get(adapter, adapter))


def _materialization(node: Mapping[str, Any]) -> str:
    return text_of(map_of(node, "config"), "materialized").lower()


def _model_file(node: Mapping[str, Any], dialect: str, project: str) -> SourceFile:
    name = _file_name(node, project)
    language = text_of(node, "language") or "sql"
    if language != "sql":
        note = Note(
            "python_model", f"a model in {language} has no SQL to read; its columns are in the catalog"
        )
        return SourceFile(name, 0, "", notes=(note,), dialect=dialect)
    text = text_of(node, "compiled_code", "compiled_sql")
    notes: tuple[Note, ...] = ()
    database: str | None = None
    schema: str | None = None
    if not text:
        text = text_of(node, "raw_code", "raw_sql")
        notes = (_not_compiled(),)
        # ref('x') is then read as the bare name x, which most often lies beside the model.
        database, schema = text_of(node, "database") or None, text_of(node, "schema") or None
    prefix, suffix = _statement(node, dialect)
    size = len(text.encode("utf-8", "replace"))
    return SourceFile(
        name,
        size,
        text,
        notes=notes,
        database=database,
        schema=schema,
        prefix=prefix,
        suffix=suffix,
        dialect=dialect,
    )


def _not_compiled() -> Note:
    message = "the manifest holds no compiled SQL of this model, so its template is read; run dbt compile"
    return Note("not_compiled", message)


def _file_name(node: Mapping[str, Any], project: str) -> str:
    path = printable(text_of(node, "original_file_path", "path") or text_of(node, "name", "unique_id"))
    package = text_of(node, "package_name")
    path = path.replace("\\", "/")
    return f"{printable(package)}/{path}" if package and project and package != project else path


def _statement(node: Mapping[str, Any], dialect: str) -> tuple[str, str]:
    """What dbt puts around the compiled SQL, on one line so that the lines keep their numbers."""
    relation = _relation_name(node, dialect)
    if text_of(node, "resource_type") == "snapshot":
        selected = ", ".join(["*", *_snapshot_columns(node)])
        # Never sent to a database, only read.
        prefix = f"CREATE TABLE {relation} AS SELECT {selected} FROM ("  # noqa: S608
        return prefix, "\n) AS dbt_snapshot"
    return f"CREATE {_CREATED_AS.get(_materialization(node), 'TABLE')} {relation} AS ", ""


def _snapshot_columns(node: Mapping[str, Any]) -> list[str]:
    """The columns that dbt adds to a snapshot, under the names that its configuration gives them."""
    config = map_of(node, "config")
    renamed = map_of(config, "snapshot_meta_column_names")
    key = text_of(config, "unique_key")
    updated = text_of(config, "updated_at")
    version = updated if _PLAIN_NAME.match(updated) else "CURRENT_TIMESTAMP"
    parts = [part for part in (key, version) if _PLAIN_NAME.match(part)]
    values = {
        "dbt_scd_id": f"MD5(CONCAT({', '.join(parts)}))",
        "dbt_updated_at": version,
        "dbt_valid_from": version,
        "dbt_valid_to": "NULL",
    }
    return [f"{values[name]} AS {text_of(renamed, name) or name}" for name in _SNAPSHOT_COLUMNS]


def _relation_name(node: Mapping[str, Any], dialect: str) -> str:
    given = text_of(node, "relation_name")
    if given:
        return " ".join(given.split())
    quote = "`" if dialect in _BACKTICKS else '"'
    parts = (text_of(node, "database"), text_of(node, "schema"), text_of(node, "alias", "name"))
    return ".".join(
        part if _PLAIN_NAME.match(part) else f"{quote}{part.replace(quote, quote * 2)}{quote}"
        for part in parts
        if part
    )
