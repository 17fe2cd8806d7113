"""The announced second version of SQLFlow's model: one source and one target an edge.

A preview, under its own format name. Facts: reference sqlflow-lineage-model, section 12; what is marked
there as announced only is filled in by the plainest reading:

- ``data_flow`` for values, ``restricts`` for conditions on rows, ``groups`` for GROUP BY, ``has`` from a
  relation to its columns, ``calls`` between routines.
- ``effectType`` is a strength of copy; a value beside others in one column is ``PARTIAL_COPY``.
- ``statementKey`` is shared by the edges of a statement, ``observations`` prove them by file and line.
- No RelationRows: what decides rows restricts the relation itself. Functions are no nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from airflow_provider_sqlflow.engine.dialects import vendor_of
from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult, RelationId, Span, Subtype
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.entities import Entity, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import DIRECT_FLOW, Flow
from airflow_provider_sqlflow.formats.sqlflow.members import MemberWriter
from airflow_provider_sqlflow.formats.sqlflow.model import Model, key_of
from airflow_provider_sqlflow.formats.sqlflow.pieces import Items, JsonObject, Members, iter_pieces
from airflow_provider_sqlflow.formats.sqlflow.transforms import transform_type_of

VERSION = "2.0-preview"
_GUESSED = frozenset({"ambiguous_column", "orphan_column"})


def iter_json_v2(
    result: LineageResult,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
) -> Iterator[str]:
    """The document as compact JSON. ``title`` has no place in this format."""
    model = Model(result, replace(options, functions=False, joins=False, table_level=False), texts)
    writer = _Writer(model)
    yield from iter_pieces(
        Members(
            {
                "modelVersion": VERSION,
                "dbvendor": vendor_of(result.dialect),
                "nodes": Items(writer.nodes()),
                "relationships": Items(writer.relationships()),
                "statements": Items(writer.statements()),
                "errors": Items(writer.members.errors()),
            }
        )
    )


class _Writer:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.members = MemberWriter(model)
        self._sources: Counter[ColumnRef] = Counter(
            flow.target
            for relationship in model.relationships
            for flow in relationship.flows
            if flow.type == DIRECT_FLOW
        )
        self._guesses = [item.span for item in model.result.diagnostics if item.code in _GUESSED]

    def nodes(self) -> Iterator[JsonObject]:
        """Relations and their columns; row sets are no nodes here."""
        for entity in self.model.objects:
            yield {
                "id": self.model.ids[entity.id],
                "type": entity.type,
                "name": self.model.entities.name(entity.id),
                "qualifiedName": self._qualified(entity),
            }
            for name in self.model.columns[entity.id]:
                if name is not None:
                    ref = ColumnRef(entity.id, name)
                    column = self.model.entities.column(ref)
                    yield {
                        "id": self.model.column_ids[ref],
                        "type": "column",
                        "name": column,
                        "qualifiedName": f"{self._qualified(entity)}.{column}",
                    }

    def _qualified(self, entity: Entity) -> str:
        """A name that is the same in every document: qualifiers and name; a statement's own by place."""
        if entity.level is Level.STORED:
            database, schema = self.members.place(entity.id)
            return f"{database}.{schema}.{self.model.entities.spelling.relation(entity.id.name)}"
        span = entity.span
        place = f"{span.source_name}:{span.start_line}:{span.start_column}" if span else ""
        return f"{self.model.entities.name(entity.id)}@{place}"

    def relationships(self) -> Iterator[JsonObject]:
        """``has`` first, then what flows and decides."""
        for entity in self.model.objects:
            for name in self.model.columns[entity.id]:
                if name is not None:
                    column = self.model.column_ids[ColumnRef(entity.id, name)]
                    yield self._edge("has", self.model.ids[entity.id], column)
        for relationship in self.model.relationships:
            for flow in relationship.flows:
                yield self._flow(flow)

    def _edge(self, kind: str, source: str, target: str) -> JsonObject:
        return {"id": self.model.next_id(), "type": kind, "source": source, "target": target}

    def _flow(self, flow: Flow) -> JsonObject:
        edge = flow.edge
        is_value = flow.type == DIRECT_FLOW
        is_group = edge is not None and edge.subtype is Subtype.GROUP_BY
        kind = "data_flow" if is_value else "groups" if is_group else "restricts"
        member = self._edge(kind, self._end(flow.source), self._end(flow.target))
        if is_value:
            member["effectType"] = self._strength(flow)
            text = edge.expression if edge is not None else self.model.entities.column(flow.source)
            word = transform_type_of(flow, self.model.entities, self.model.result.dialect)
            member["transforms"] = [{"type": word, "code": text}]
        if flow.statement is not None:
            file, index = key_of(flow.statement)
            member["statementKey"] = f"{file}#{index}"
        member["observations"] = [_observation(edge.span)] if edge is not None and edge.span else []
        return member

    def _end(self, ref: ColumnRef) -> str:
        return self.model.ids[ref.relation] if ref.name is None else self.model.column_ids[ref]

    def _strength(self, flow: Flow) -> str:
        edge = flow.edge
        if edge is None:
            return "EXACT_COPY"
        if edge.span is not None and any(_is_inside(guess, edge.span) for guess in self._guesses):
            return "AMBIGUOUS"
        if edge.subtype is Subtype.IDENTITY:
            return "EXACT_COPY"
        if edge.subtype is Subtype.AGGREGATION:
            return "AGGREGATION"
        return "PARTIAL_COPY" if self._sources[flow.target] > 1 else "MODIFIED_COPY"

    def statements(self) -> Iterator[JsonObject]:
        """The statements, for their keys."""
        for statement in self.model.result.statements:
            file, index = key_of(statement)
            member: JsonObject = {
                "statementKey": f"{file}#{index}",
                "kind": statement.kind.value,
                "observations": [_observation(statement.span)],
                "writes": [self._id(item) for item in statement.writes if item in self.model.ids],
            }
            digest = self.model.hash_of(statement)
            if digest:
                member["queryHashId"] = digest
            yield member

    def _id(self, relation: RelationId) -> str:
        return self.model.ids[relation]


def _observation(span: Span) -> JsonObject:
    return {
        "file": span.source_name,
        "line": span.start_line,
        "column": span.start_column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _is_inside(inner: Span, outer: Span) -> bool:
    start = (inner.start_line, inner.start_column)
    end = (inner.end_line, inner.end_column)
    return (
        inner.source_name == outer.source_name
        and (outer.start_line, outer.start_column) <= start
        and end <= (outer.end_line, outer.end_column)
    )
