"""What is known of tables in the format of SQLFlow's ingester (``metadata.json``).

Facts: reference sqlflow-lineage-model, section 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_sqlflow.engine.dialects import resolve_dialect
from airflow_provider_sqlflow.formats.sqlflow.shapes import split_name
from airflow_provider_sqlflow.formats.sqlflow.terms import layers_of


def metadata_document(
    tables: Mapping[str, tuple[str, ...]], vendor: str, texts: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Tables and SQL texts as the ingester writes them.

    Args:
        tables: columns by dotted name.
        vendor: SQLFlow's name of the dialect.
        texts: SQL by file name, told as ``queries``.

    Raises:
        UnknownDialectError: nothing is known of that dialect.
    """
    layers = layers_of(resolve_dialect(vendor))
    databases: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for dotted, columns in tables.items():
        *qualifiers, name = split_name(dotted)
        if not layers.supports_schemas:
            database, schema = (qualifiers or [""])[-1], ""
        else:
            database, schema = ["", "", *qualifiers][-2:]
        table = {"name": name, "type": "table", "columns": [{"name": column} for column in columns]}
        databases.setdefault(database, {}).setdefault(schema, []).append(table)
    server: dict[str, Any] = {
        "name": "DEFAULT_SERVER",
        "dbVendor": vendor,
        "supportsCatalogs": layers.supports_catalogs,
        "supportsSchemas": layers.supports_schemas,
        "databases": [
            _database(name, schemas, layers.supports_schemas) for name, schemas in databases.items()
        ],
        "schemas": [],
    }
    if texts:
        server["queries"] = [
            {"database": "", "schema": "", "name": name, "type": "query", "sourceCode": text}
            for name, text in texts.items()
        ]
    return {"createdBy": "airflow-provider-sqlflow", "servers": [server]}


def _database(name: str, schemas: dict[str, list[dict[str, Any]]], has_schemas: bool) -> dict[str, Any]:
    if not has_schemas:
        return {
            "name": name or "DEFAULT",
            "tables": [table for tables in schemas.values() for table in tables],
        }
    return {
        "name": name or "DEFAULT",
        "schemas": [{"name": schema or "DEFAULT", "tables": tables} for schema, tables in schemas.items()],
    }
