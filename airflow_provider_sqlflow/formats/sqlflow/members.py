"""The members of SQLFlow's JSON documents: objects, columns, relationships, processes, errors.

Every shape of the document is put together from these (reference sqlflow-lineage-model, sections 2.3
and 2.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from airflow_provider_sqlflow.engine.model import ColumnRef, RelationId, RelationKind, Severity, Span
from airflow_provider_sqlflow.formats.sqlflow.column_facts import column_facts
from airflow_provider_sqlflow.formats.sqlflow.entities import Entity, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import DIRECT_FLOW, Flow
from airflow_provider_sqlflow.formats.sqlflow.model import TABLE_COLUMN, Model, Relationship
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject
from airflow_provider_sqlflow.formats.sqlflow.stages import UNKNOWN_PATH
from airflow_provider_sqlflow.formats.sqlflow.terms import error_type_of, process_name_of
from airflow_provider_sqlflow.formats.sqlflow.transforms import transform_type_of

DEFAULT_NAME = "DEFAULT"
DEFAULT_SERVER = "DEFAULT_SERVER"
BATCH = "batchQueries"
"""Owner of statements that stand in no procedure."""

_EXTERNAL = frozenset({RelationKind.PATH, RelationKind.STAGE, RelationKind.STREAM})
_SUFFIX = re.compile(r"\.(csv|tsv|json|jsonl|ndjson|parquet|orc|avro|xml|txt)(?:\.\w+)?$", re.IGNORECASE)


class MemberWriter:
    """Makes the members of one document."""

    server = DEFAULT_SERVER

    def __init__(self, model: Model) -> None:
        self.model = model
        self.system = model.entities.spelling.relation("system")
        self._process_ids = model.process_ids()
        self._facts = column_facts(model.result)

    # Objects --------------------------------------------------------------------------------------

    def place(self, relation: RelationId | None) -> tuple[str, str]:
        """Database and schema, ``DEFAULT`` where there is none."""
        database, schema = self.model.layers.qualifiers(relation) if relation else (None, None)
        spelling = self.model.entities.spelling
        return (
            spelling.relation(database) if database else DEFAULT_NAME,
            spelling.relation(schema) if schema else DEFAULT_NAME,
        )

    def _place(self, relation: RelationId | None) -> JsonObject:
        database, schema = self.place(relation)
        return {"server": self.server, "database": database, "schema": schema}

    def object(self, entity: Entity) -> JsonObject:
        """A table-like object with its columns."""
        model = self.model
        name = model.entities.name(entity.id)
        is_named = entity.level is Level.STORED or not entity.prefix
        member: JsonObject = {
            "id": model.ids[entity.id],
            **self._place(entity.id),
            "name": name,
            "displayName": model.entities.spelled(entity, entity.id.name) if is_named else name,
            "type": entity.type,
            "columns": [self._column(ColumnRef(entity.id, column)) for column in model.columns[entity.id]],
            "coordinates": self.coordinates(entity.span),
        }
        if entity.sub_type:
            member["subType"] = entity.sub_type
        if entity.alias:
            member["alias"] = model.entities.spelling.relation(entity.alias)
        if entity.kind in _EXTERNAL:
            self._external(entity, member)
        if entity.id in self._process_ids:
            member["processIds"] = self._process_ids[entity.id]
            member["isTarget"] = True
        return member

    def _external(self, entity: Entity, member: JsonObject) -> None:
        """Address and format of what lies outside the database."""
        member["uri"] = entity.id.name
        paths = [
            column for column in self.model.columns[entity.id] if column not in (None, "*", UNKNOWN_PATH)
        ]
        if entity.kind is RelationKind.STAGE and paths:
            member["location"] = paths[0]
        suffix = _SUFFIX.search(entity.id.name)
        if suffix:
            member["fileType"] = suffix.group(1).upper()

    def _column(self, ref: ColumnRef) -> JsonObject:
        model = self.model
        member: JsonObject = {
            "id": model.column_ids[ref],
            "name": model.entities.column(ref),
            "coordinates": self.coordinates(model.spans.get(ref)),
        }
        is_placeholder = ref.name == TABLE_COLUMN and bool(model.pairs)
        if ref.name is None or ref.name == UNKNOWN_PATH or is_placeholder:
            member.update({"source": self.system, "uiVisible": False})
        member.update(self._facts.get(ref, {}))
        return member

    def coordinates(self, span: Span | None) -> list[JsonObject]:
        """Start and end of a span; -1 for what stands nowhere in the text."""
        if span is None:
            return [{"x": -1, "y": -1, "hashCode": "0"}, {"x": -1, "y": -1, "hashCode": "0"}]
        file = self.model.file_number(span)
        return [
            {"x": span.start_line, "y": span.start_column, "hashCode": file},
            {"x": span.end_line, "y": span.end_column, "hashCode": file},
        ]

    # Relationships --------------------------------------------------------------------------------

    def relationships(self) -> Iterator[JsonObject]:
        """The relations between columns, or between tables with placeholder columns."""
        if self.model.pairs:
            yield from self._table_relationships()
        else:
            yield from map(self._relationship, self.model.relationships)

    def _relationship(self, relationship: Relationship) -> JsonObject:
        first, model = relationship.first, self.model
        member: JsonObject = {"id": relationship.id, "type": first.type}
        if first.effect:
            member["effectType"] = first.effect
        function = model.entities.spelling.relation(first.function) if first.function else None
        if function:
            member["function"] = function
        member["target"] = {
            **self._element(first.target),
            "coordinates": self.coordinates(first.place),
        }
        if function:
            member["target"]["function"] = function
        member["sources"] = [self._source(flow) for flow in relationship.flows]
        if first.condition is not None:
            member["clause"] = first.condition.clause
            if first.condition.join_type:
                member["joinType"] = first.condition.join_type
            member["condition"] = first.condition.text
        self._add_process(member, first)
        sql_hash = model.hash_of(first.statement)
        if sql_hash:
            member["sqlHash"] = sql_hash
        return member

    def _add_process(self, member: JsonObject, flow: Flow) -> None:
        statement = flow.statement
        if statement is None:
            return
        process = self.model.process_of.get((statement.span.source_name, statement.index))
        if process is not None:
            member["processId"] = process.id
            member["processType"] = process.type

    def _source(self, flow: Flow) -> JsonObject:
        member = {
            **self._element(flow.source),
            "coordinates": self.coordinates(flow.place),
        }
        if flow.clause:
            member["clauseType"] = flow.clause
        if self.model.options.transforms and flow.type == DIRECT_FLOW:
            member["transforms"] = self._transforms(flow)
        return member

    def _transforms(self, flow: Flow) -> list[JsonObject]:
        edge = flow.edge
        kind = transform_type_of(flow, self.model.entities, self.model.result.dialect)
        code = edge.expression if edge is not None else self.model.entities.column(flow.source)
        return [{"type": kind, "code": code, "coordinates": self.coordinates(edge.span if edge else None)}]

    def _element(self, ref: ColumnRef) -> JsonObject:
        model = self.model
        member: JsonObject = {
            "id": model.column_ids[ref],
            "column": model.entities.column(ref),
            "parentId": model.ids[ref.relation],
            "parentName": model.entities.name(ref.relation),
        }
        alias = model.entities.of(ref.relation).alias
        if alias:
            member["parentAlias"] = model.entities.spelling.relation(alias)
        if ref.name is None or ref.name == UNKNOWN_PATH:
            member["source"] = self.system
        return member

    # Table level ----------------------------------------------------------------------------------

    def _table_relationships(self) -> Iterator[JsonObject]:
        """Table to table, each end with the placeholder column."""
        seen: set[tuple[RelationId, RelationId]] = set()
        for pair in self.model.pairs:
            if (pair.source, pair.target) in seen:
                continue
            seen.add((pair.source, pair.target))
            yield {
                "id": self.model.next_id(),
                "type": DIRECT_FLOW,
                "target": self._placeholder(pair.target),
                "sources": [self._placeholder(pair.source)],
            }

    def _placeholder(self, relation: RelationId) -> JsonObject:
        member = self._element(ColumnRef(relation, TABLE_COLUMN))
        member["column"] = TABLE_COLUMN
        return {**member, "coordinates": []}

    def process_relationships(self) -> Iterator[JsonObject]:
        """Table to process and process to table; a table to itself only where asked for."""
        model = self.model
        links: dict[tuple[str, str], JsonObject] = {}
        for pair in model.pairs:
            statement = pair.statement
            key = (statement.span.source_name, statement.index) if statement else None
            process = model.process_of.get(key) if key else None
            source, target = self._table(pair.source), self._table(pair.target)
            if process is None:
                links.setdefault((source["id"], target["id"]), {"source": source, "target": target})
                continue
            middle = {"id": process.id, "name": process.name}
            links.setdefault((source["id"], process.id), {"source": source, "target": {"id": process.id}})
            links.setdefault((process.id, target["id"]), {"source": middle, "target": target})
        for link in links.values():
            yield {
                "id": model.next_id(),
                "type": DIRECT_FLOW,
                "target": _end(link["target"], "target"),
                "sources": [_end(link["source"], "source")],
            }

    def _table(self, relation: RelationId) -> JsonObject:
        return {"id": self.model.ids[relation], "name": self.model.entities.name(relation)}

    # Statements -----------------------------------------------------------------------------------

    def processes(self) -> Iterator[JsonObject]:
        """The statements that write."""
        for process in self.model.processes:
            member = {
                "id": process.id,
                **self._place(process.target),
                "name": process.name,
                "procedureName": BATCH,
                "type": process_name_of(process.statement.kind).type,
                "coordinates": self.coordinates(process.statement.span),
            }
            if process.hash:
                member["queryHashId"] = process.hash
            yield member

    def errors(self) -> Iterator[JsonObject]:
        """Diagnostics that say something is missing or guessed."""
        for item in self.model.result.diagnostics:
            if item.severity is not Severity.INFO:
                yield {
                    "errorMessage": item.message,
                    "errorType": error_type_of(item),
                    "coordinates": self.coordinates(item.span),
                    "file": item.span.source_name,
                }


def _end(end: JsonObject, word: str) -> JsonObject:
    """An end of a table-level relation: the id again and the name, where it has one."""
    member: JsonObject = {"id": end["id"]}
    if "name" in end:
        member[f"{word}Id"] = end["id"]
        member[f"{word}Name"] = end["name"]
    member["coordinates"] = []
    return member
