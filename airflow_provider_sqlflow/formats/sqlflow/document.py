"""A result as SQLFlow's lineage document, in the hierarchical shape of 2023 and later.

``dbobjs`` holds servers, databases, schemas and their objects; ``relationships`` join columns by id;
``processes`` are the statements that write. Facts: reference sqlflow-lineage-model sections 2, 4, 5 and
7.5, and sqlflow-api sections 4.2 and 5.9 for the answer around it. JSON Schema: ``json.schema.json``.

The coordinates of a relationship's ends are the place of the expression; ``hashCode`` is the number of
the file in input order, in a string.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from airflow_provider_sqlflow.engine.dialects import vendor_of
from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult, RelationId
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.entities import Entity, Level
from airflow_provider_sqlflow.formats.sqlflow.members import MemberWriter
from airflow_provider_sqlflow.formats.sqlflow.model import TABLE_COLUMN, Model
from airflow_provider_sqlflow.formats.sqlflow.pieces import Items, JsonObject, Members, iter_pieces, plain

CREATED_BY = "sqlflow v1.0.0"
"""Not a claim of origin: readers tell the generation of the shape by this text."""

SCHEMA_LISTS = (
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


def iter_json(
    result: LineageResult,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
) -> Iterator[str]:
    """The answer of a JSON export as compact JSON. ``title`` has no place in this format."""
    yield from iter_pieces(_answer(result, options, texts))


def build_answer(
    result: LineageResult,
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
    *,
    job_id: str | None = None,
) -> JsonObject:
    """The same answer in memory.

    Args:
        result: the lineage.
        options: what to show.
        texts: the SQL texts by file name, for hashes and the shape of queries.
        job_id: the job it belongs to; left out where there is none.
    """
    answer: JsonObject = plain(_answer(result, options, texts, job_id))
    return answer


def iter_table_lineage(
    result: LineageResult,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
) -> Iterator[str]:
    """Table-level lineage through processes: table to statement, statement to table."""
    yield from iter_pieces(_table_answer(result, options, texts))


def build_table_answer(
    result: LineageResult,
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
    *,
    job_id: str | None = None,
) -> JsonObject:
    """The same answer in memory; arguments as in :func:`build_answer`."""
    answer: JsonObject = plain(_table_answer(result, options, texts, job_id))
    return answer


def _answer(
    result: LineageResult, options: ExportOptions, texts: Texts, job_id: str | None = None
) -> Members:
    model = Model(result, options, texts, is_table_level=options.table_level)
    return answer_members(model, job_id)


def _table_answer(
    result: LineageResult, options: ExportOptions, texts: Texts, job_id: str | None = None
) -> Members:
    model = Model(result, options, texts, is_table_level=True)
    return answer_members(model, job_id, has_processes=True)


def answer_members(model: Model, job_id: str | None = None, *, has_processes: bool = False) -> Members:
    """The answer that a model makes, to be written once.

    Args:
        model: the numbered document.
        job_id: the job it belongs to; left out where there is none.
        has_processes: relations lead through the statements; for models at table level.
    """
    writer = MemberWriter(model)
    relationships = writer.process_relationships() if has_processes else writer.relationships()
    return envelope(model, writer, dbobjs(model, writer), relationships, job_id)


def envelope(
    model: Model, writer: MemberWriter, objects: Any, relationships: Iterator[JsonObject], job_id: str | None
) -> Members:
    """The answer around a document (reference sqlflow-api, sections 1.4 and 4.2)."""
    sqlflow = Members(
        {
            "dbvendor": vendor_of(model.result.dialect),
            "dbobjs": objects,
            "relationships": Items(relationships),
            "processes": Items(writer.processes()),
            "errors": Items(writer.errors()),
        }
    )
    answer: JsonObject = {} if job_id is None else {"jobId": job_id}
    answer["code"] = 200
    answer["data"] = Members({"mode": "global", "summary": summary(model), "sqlflow": sqlflow})
    return Members(answer)


def dbobjs(model: Model, writer: MemberWriter) -> Members:
    """Servers, databases and schemas with their objects."""
    layers = model.layers
    databases: dict[str, dict[str, dict[str, list[Entity]]]] = {}
    for entity in model.objects:
        database, schema = writer.place(entity.id)
        lists = databases.setdefault(database, {}).setdefault(schema, {name: [] for name in SCHEMA_LISTS})
        lists[entity.list_name].append(entity)
    server = {
        "name": writer.server,
        "dbVendor": vendor_of(model.result.dialect),
        "supportsCatalogs": layers.supports_catalogs,
        "supportsSchemas": layers.supports_schemas,
        "databases": Items(_database(name, schemas, writer) for name, schemas in databases.items()),
        "schemas": [],
    }
    return Members({"createdBy": CREATED_BY, "servers": Items([Members(server)])})


def _database(name: str, schemas: dict[str, dict[str, list[Entity]]], writer: MemberWriter) -> Members:
    if not writer.model.layers.supports_schemas:
        lists = next(iter(schemas.values()))
        return Members({"name": name, **_lists(lists, writer)})
    listed = [Members({"name": schema, **_lists(lists, writer)}) for schema, lists in schemas.items()]
    return Members({"name": name, "schemas": Items(listed)})


def _lists(lists: dict[str, list[Entity]], writer: MemberWriter) -> dict[str, Items]:
    return {name: Items(map(writer.object, entities)) for name, entities in lists.items()}


def summary(model: Model) -> JsonObject:
    """Counts of what the document holds, and the three tables with most relations."""
    stored = [entity for entity in model.objects if entity.level in (Level.STORED, Level.TEMPORARY)]
    places = [model.layers.qualifiers(entity.id) for entity in stored]
    tables = {entity.id for entity in model.objects if entity.list_name == "tables"}
    uses: Counter[RelationId] = Counter()
    for relationship in model.relationships:
        ends = [relationship.first.target, *(flow.source for flow in relationship.flows)]
        uses.update(list(dict.fromkeys(end.relation for end in ends if end.relation in tables)))
    for pair in model.pairs:
        uses.update(end for end in (pair.source, pair.target) if end in tables)
    spelling = model.entities.spelling

    def is_pseudo(ref: ColumnRef) -> bool:
        """Whether it stands for rows, or for the whole table."""
        return ref.name is None or (bool(model.pairs) and ref.name == TABLE_COLUMN)

    return {
        "schema": len({place for place in places if place[1]}),
        "process": len(model.processes),
        "database": len({database for database, _ in places if database}),
        "view": sum(1 for entity in model.objects if entity.list_name == "views"),
        "table": len(tables),
        "column": sum(not is_pseudo(ref) for ref in model.column_ids),
        "relationship": len(model.relationships) or len(model.pairs),
        "mostRelationTables": [
            {
                "schema": spelling.relation(model.layers.qualifiers(relation)[1] or ""),
                "table": spelling.relation(relation.name),
            }
            for relation, _ in uses.most_common(3)  # equal counts keep reading order
        ],
    }
