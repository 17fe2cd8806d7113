"""The E-R diagram as JSON, in a shape of our own.

``entities`` with their columns and keys, ``relationships`` between them; ids hold within the document.
A relationship leads ``from`` the columns that refer (the foreign key) ``to`` those that they refer to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult, RelationId
from airflow_provider_sqlflow.formats.er import Entity, Relationship, build_diagram
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions


def iter_er_json(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The document, an entity or a relationship at a time."""
    diagram = build_diagram(result)
    ids = {entity.relation: f"e{number}" for number, entity in enumerate(diagram.entities)}
    yield f'{{"title":{_json(title)},"entities":['
    for number, entity in enumerate(diagram.entities):
        yield "," * bool(number) + "\n" + _json(_entity(entity, ids))
    yield '],\n"relationships":['
    for number, relationship in enumerate(diagram.relationships):
        yield "," * bool(number) + "\n" + _json({"id": f"r{number}", **_relationship(relationship, ids)})
    yield "]}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _entity(entity: Entity, ids: Mapping[RelationId, str]) -> dict[str, Any]:
    return {
        "id": ids[entity.relation],
        "database": entity.relation.database,
        "schema": entity.relation.schema,
        "name": entity.relation.name,
        "kind": entity.kind.value,
        "columns": [
            {"name": one.name, "type": one.type or None, "keys": [mark.value for mark in one.marks]}
            for one in entity.attributes
        ],
        "keys": [
            {
                "kind": key.kind.value,
                "name": key.name or None,
                "columns": [column.name for column in key.columns],
                "place": str(key.span) if key.span else None,
            }
            for key in entity.keys
        ],
    }


def _relationship(one: Relationship, ids: Mapping[RelationId, str]) -> dict[str, Any]:
    def end(columns: tuple[ColumnRef, ...]) -> dict[str, Any]:
        names = [column.name for column in columns if column.name is not None]
        return {"entity": ids[columns[0].relation], "columns": names}

    return {
        "kind": one.kind.value,
        "name": one.name or None,
        "cardinality": one.cardinality.value,
        "from": end(one.columns),
        "to": end(one.referred),
        "place": str(one.span) if one.span else None,
        "joins": [
            {"condition": join.condition, "place": str(join.span) if join.span else None}
            for join in one.joins
        ],
    }
