"""What a document says of a column besides its name: data type and keys.

Facts: reference sqlflow-lineage-model, sections 2.3 and 11; ``unqiueKey`` is spelled as in the samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow_provider_sqlflow.engine.model import ColumnRef, KeyKind, LineageResult
from airflow_provider_sqlflow.formats.sqlflow.flow import FOREIGN_KEY, Flow
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject

_FLAGS: Mapping[KeyKind, str] = {
    KeyKind.PRIMARY: "primaryKey",
    KeyKind.FOREIGN: "foreignKey",
    KeyKind.UNIQUE: "unqiueKey",
    KeyKind.INDEX: "indexKey",
}


def column_facts(result: LineageResult) -> dict[ColumnRef, JsonObject]:
    """Facts by column; columns of which nothing is known are left out."""
    facts: dict[ColumnRef, JsonObject] = {}
    for relation in result.relations:
        for name, data_type in zip(relation.columns, relation.types, strict=False):
            if data_type:
                facts[ColumnRef(relation.id, name)] = {"dataType": data_type}
    for key in result.keys:
        for column in key.columns:
            facts.setdefault(column, {})[_FLAGS[key.kind]] = True
    return facts


def foreign_keys(result: LineageResult) -> Iterator[Flow]:
    """Relations of type ``er``: from the column referred to, to the one that refers."""
    for key in result.keys:
        if key.kind is KeyKind.FOREIGN:
            for column, referenced in zip(key.columns, key.referenced, strict=False):
                yield Flow(referenced, column, FOREIGN_KEY, span=key.span, clause="")
