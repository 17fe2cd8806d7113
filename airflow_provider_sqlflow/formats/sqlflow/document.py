"""A result as SQLFlow's lineage document, in the hierarchical shape of 2023 and later.

``dbobjs`` holds servers, databases, schemas and their objects; ``relationships`` join columns by id;
``processes`` are the statements that write. Ids are counted in reading order in one id space, so the
same result gives the same document. Facts: reference sqlflow-lineage-model sections 2, 4 and 5, and
sqlflow-api sections 4.2 and 5.9 for the answer around it.

The coordinates of a relationship's ends are the place of the expression; ``hashCode`` is the number of
the file in input order, in a string. Statement hashes are left out: the result does not hold the text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from airflow_provider_sqlflow.engine.dialects import vendor_of
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    Severity,
    StatementLineage,
)
from airflow_provider_sqlflow.formats.lookup import StatementLookup
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.numbering import Numbering, key_of
from airflow_provider_sqlflow.formats.sqlflow.terms import (
    OBJECT_SHAPES,
    ROWS_COLUMN,
    Layers,
    clause_type_of,
    effect_type_of,
    error_type_of,
    layers_of,
    process_name_of,
    relation_type_of,
)

CREATED_BY = "sqlflow v1.0.0"
"""Not a claim of origin: readers tell the generation of the shape by this text."""

DEFAULT_NAME = "DEFAULT"
DEFAULT_SERVER = "DEFAULT_SERVER"
BATCH = "batchQueries"
"""Owner of statements that stand in no procedure."""

_SCHEMA_LISTS = (
    "tables",
    "views",
    "others",
    "packages",
    "procedures",
    "functions",
    "triggers",
    "processes",
    "synonyms",
    "sequences",
)
_VIEWS = (RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW)

JsonObject = dict[str, Any]


def iter_json(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The answer of a JSON export as compact JSON. ``title`` has no place in this format."""
    yield json.dumps(build_answer(result), ensure_ascii=False, separators=(",", ":"))
    yield "\n"


def build_answer(
    result: LineageResult, *, job_id: str | None = None, intermediates: bool = False
) -> JsonObject:
    """The documented envelope, summary and document.

    Args:
        result: the lineage.
        job_id: the job it belongs to; left out where there is none.
        intermediates: keep CTEs, subqueries and temporary tables as result sets.
    """
    edges = result.edges(intermediates)
    numbering = Numbering(result, edges)
    layers = layers_of(result.dialect)
    relationships = _relationships(result, edges, numbering)
    sqlflow = {
        "dbvendor": vendor_of(result.dialect),
        "dbobjs": {"createdBy": CREATED_BY, "servers": [_server(result, numbering, layers)]},
        "relationships": relationships,
        "processes": _processes(result, numbering, layers),
        "errors": _errors(result, numbering),
    }
    summary = _summary(numbering, layers, relationships)
    answer: JsonObject = {} if job_id is None else {"jobId": job_id}
    answer.update({"code": 200, "data": {"mode": "global", "summary": summary, "sqlflow": sqlflow}})
    return answer


# -- objects


def _server(result: LineageResult, numbering: Numbering, layers: Layers) -> JsonObject:
    process_ids: dict[RelationId, list[str]] = {}
    for statement in result.statements:
        for relation in statement.writes:
            if key_of(statement) in numbering.process_ids:
                process_ids.setdefault(relation, []).append(numbering.process_ids[key_of(statement)])
    databases: dict[str, dict[str, JsonObject]] = {}
    for item in numbering.relations:
        database, schema = layers.qualifiers(item.id)
        schemas = databases.setdefault(database or DEFAULT_NAME, {})
        lists = schemas.setdefault(schema or DEFAULT_NAME, {name: [] for name in _SCHEMA_LISTS})
        shape = OBJECT_SHAPES[item.kind]
        lists[shape.list_name].append(_object(item, numbering, layers, process_ids.get(item.id)))
    return {
        "name": DEFAULT_SERVER,
        "dbVendor": vendor_of(result.dialect),
        "supportsCatalogs": layers.supports_catalogs,
        "supportsSchemas": layers.supports_schemas,
        "databases": [_database(name, schemas, layers) for name, schemas in databases.items()],
        "schemas": [],
    }


def _database(name: str, schemas: dict[str, JsonObject], layers: Layers) -> JsonObject:
    if not layers.supports_schemas:
        return {"name": name, **schemas[DEFAULT_NAME]}
    return {"name": name, "schemas": [{"name": schema, **lists} for schema, lists in schemas.items()]}


def _place(relation: RelationId | None, layers: Layers) -> JsonObject:
    database, schema = layers.qualifiers(relation) if relation else (None, None)
    return {
        "server": DEFAULT_SERVER,
        "database": database or DEFAULT_NAME,
        "schema": schema or DEFAULT_NAME,
    }


def _object(
    item: Relation, numbering: Numbering, layers: Layers, process_ids: list[str] | None
) -> JsonObject:
    shape = OBJECT_SHAPES[item.kind]
    entry: JsonObject = {
        "id": numbering.relation_ids[item.id],
        **_place(item.id, layers),
        "name": numbering.names[item.id],
        "displayName": numbering.names[item.id] if item.id.scope is not None else item.id.name,
        "type": shape.type,
        "columns": [_column(ColumnRef(item.id, name), numbering) for name in numbering.columns[item.id]],
        "coordinates": numbering.coordinates(item.span),
    }
    if shape.sub_type:
        entry["subType"] = shape.sub_type
    if process_ids:
        entry["processIds"] = process_ids
    return entry


def _column(ref: ColumnRef, numbering: Numbering) -> JsonObject:
    column: JsonObject = {
        "id": numbering.column_ids[ref],
        "name": ROWS_COLUMN if ref.name is None else ref.name,
        "coordinates": numbering.coordinates(None),
    }
    if ref.name is None:
        column.update({"source": "system", "uiVisible": False})
    return column


# -- statements and their edges


def _processes(result: LineageResult, numbering: Numbering, layers: Layers) -> list[JsonObject]:
    return [
        {
            "id": numbering.process_ids[key_of(statement)],
            **_place(statement.writes[0], layers),
            "name": numbering.process_names[key_of(statement)],
            "procedureName": BATCH,
            "type": process_name_of(statement.kind).type,
            "coordinates": numbering.coordinates(statement.span),
        }
        for statement in result.statements
        if key_of(statement) in numbering.process_ids
    ]


def _relationships(result: LineageResult, edges: tuple[Edge, ...], numbering: Numbering) -> list[JsonObject]:
    """One relationship for a target column, a type and a statement; its sources share them."""
    lookup = StatementLookup(result)
    found: dict[tuple[Any, ...], tuple[StatementLineage | None, list[Edge]]] = {}
    for edge in edges:
        statement = lookup.find(edge)
        key = (edge.target, relation_type_of(edge), key_of(statement) if statement else None)
        found.setdefault(key, (statement, []))[1].append(edge)
    return [
        _relationship(target, relation_type, statement, group, numbering)
        for (target, relation_type, _), (statement, group) in found.items()
    ]


def _relationship(
    target: ColumnRef,
    relation_type: str,
    statement: StatementLineage | None,
    edges: list[Edge],
    numbering: Numbering,
) -> JsonObject:
    relationship: JsonObject = {"id": numbering.next_id(), "type": relation_type}
    effect_type = effect_type_of(statement)
    if effect_type:
        relationship["effectType"] = effect_type
    relationship["target"] = {
        **_element(target, numbering),
        "coordinates": numbering.coordinates(edges[0].span),
    }
    sources: dict[tuple[ColumnRef, str], JsonObject] = {}
    for edge in edges:
        clause_type = clause_type_of(edge)
        if (edge.source, clause_type) not in sources:
            sources[edge.source, clause_type] = {
                **_element(edge.source, numbering),
                "coordinates": numbering.coordinates(edge.span),
                "clauseType": clause_type,
            }
    relationship["sources"] = list(sources.values())
    if statement and key_of(statement) in numbering.process_ids:
        relationship["processId"] = numbering.process_ids[key_of(statement)]
        relationship["processType"] = process_name_of(statement.kind).type
    return relationship


def _element(ref: ColumnRef, numbering: Numbering) -> JsonObject:
    element: JsonObject = {
        "id": numbering.column_ids[ref],
        "column": ROWS_COLUMN if ref.name is None else ref.name,
        "parentId": numbering.relation_ids[ref.relation],
        "parentName": numbering.names[ref.relation],
    }
    if ref.name is None:
        element["source"] = "system"
    return element


def _errors(result: LineageResult, numbering: Numbering) -> list[JsonObject]:
    return [
        {
            "errorMessage": item.message,
            "errorType": error_type_of(item),
            "coordinates": numbering.coordinates(item.span),
            "file": item.span.source_name,
        }
        for item in result.diagnostics
        if item.severity is not Severity.INFO
    ]


def _summary(numbering: Numbering, layers: Layers, relationships: list[JsonObject]) -> JsonObject:
    kinds = Counter(item.kind for item in numbering.relations)
    places = [layers.qualifiers(item.id) for item in numbering.relations if item.id.scope is None]
    tables = {
        numbering.relation_ids[item.id]: item.id
        for item in numbering.relations
        if OBJECT_SHAPES[item.kind].list_name == "tables"
    }
    uses = Counter(
        parent
        for relationship in relationships
        for parent in dict.fromkeys(
            [relationship["target"]["parentId"], *(source["parentId"] for source in relationship["sources"])]
        )
        if parent in tables
    )
    return {
        "schema": len({place for place in places if place[1]}),
        "process": len(numbering.process_ids),
        "database": len({database for database, _ in places if database}),
        "view": sum(kinds[kind] for kind in _VIEWS),
        "table": len(tables),
        "column": sum(1 for ref in numbering.column_ids if ref.name is not None),
        "relationship": len(relationships),
        "mostRelationTables": [
            {"schema": layers.qualifiers(tables[parent])[1] or "", "table": tables[parent].name}
            for parent, _ in uses.most_common(3)  # equal counts keep reading order
        ],
    }
