"""What a document says of a column besides its name: data type and keys."""

from __future__ import annotations

from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject


def column_facts(result: LineageResult) -> dict[ColumnRef, JsonObject]:
    """Facts by column; columns of which nothing is known are left out."""
    return {}
