"""The columns of a table (listTableColumns; the shape is ours, reference sqlflow-api, section 4.13)."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject


def list_columns(
    document: Mapping[str, object], table: str, database: str = "", schema: str = ""
) -> list[JsonObject]:
    """The columns of every stored object with these names, in their order, each with its table's names.

    Args:
        document: ``data.sqlflow`` of an answer.
        table: name without case and quotes; may be qualified.
        database: likewise; empty matches any.
        schema: likewise.
    """
    contents = Contents(document)
    columns = []
    for object_id in contents.find(table, database, schema):
        item = contents.objects[object_id]
        if not contents.is_stored(object_id):
            continue
        place = {"database": item["database"], "schema": item["schema"], "table": item["displayName"]}
        columns += [{**place, **column} for column in item["columns"] if column.get("uiVisible") is not False]
    return columns
