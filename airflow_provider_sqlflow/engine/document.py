"""A :class:`LineageResult` as compact JSON and back, without loss.

Used to keep results in the store and to hand them between processes: trees never travel, results do.
Names and spans repeat, so relations, columns and source names are numbered once and referred to.
"""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    Key,
    KeyKind,
    LineageResult,
    Relation,
    RelationEdge,
    RelationId,
    RelationKind,
    Severity,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)

FORMAT_VERSION = 2


class _Table:
    """Numbers values in the order they are first met."""

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        return self.numbers.setdefault(value, len(self.numbers))


def result_to_json(result: LineageResult) -> str:
    """The result as one JSON text: the same result gives the same text."""
    return json.dumps(_Writer().document(result), ensure_ascii=False, separators=(",", ":"))


def result_from_json(text: str) -> LineageResult:
    """The result that :func:`result_to_json` wrote.

    Raises:
        ValueError: the text is not such a document, or of another version.
    """
    document = json.loads(text)
    if document.get("version") != FORMAT_VERSION:
        raise ValueError(f"lineage document of version {document.get('version')!r}, not {FORMAT_VERSION}")
    return _Reader(document).result()


class _Writer:
    """Writes one result; what repeats is numbered in the order it is first met."""

    def __init__(self) -> None:
        self.texts = _Table()
        self.relations = _Table()
        self.columns = _Table()
        self.edges = _Table()

    def document(self, result: LineageResult) -> dict[str, Any]:
        return {
            "version": FORMAT_VERSION,
            "dialect": result.dialect,
            "source_name": result.source_name,
            "statements": [self.statement(item) for item in result.statements],
            "relations": [self.relation(item) for item in result.relations],
            "diagnostics": [
                [item.severity.value, item.code, item.message, self.span(item.span)]
                for item in result.diagnostics
            ],
            "folded_edges": [self.edge(value) for value in result.folded_edges],
            "folded_relation_edges": [
                [self.relation_id(item.source), self.relation_id(item.target), item.statement]
                for item in result.folded_relation_edges
            ],
            "renames": [[self.relation_id(old), self.relation_id(new)] for old, new in result.renames],
            "keys": [self.key(item) for item in result.keys],
            # The tables come last: all that is above fills them.
            "edge_table": list(self.edges.numbers),
            "column_table": list(self.columns.numbers),
            "relation_table": [
                [item.database, item.schema, item.name, item.scope] for item in self.relations.numbers
            ],
            "text_table": list(self.texts.numbers),
        }

    def statement(self, item: StatementLineage) -> dict[str, Any]:
        return {
            "index": item.index,
            "kind": item.kind.value,
            "span": self.span(item.span),
            "reads": [self.relation_id(read) for read in item.reads],
            "writes": [self.relation_id(write) for write in item.writes],
            "edges": [self.edge(value) for value in item.edges],
            "folded": [self.edge(value) for value in item.folded],
            "changes": [self.relation_id(change) for change in item.changes],
            "ok": item.is_ok,
        }

    def relation(self, item: Relation) -> list[Any]:
        is_unknown = len(item.types) == len(item.columns) and not any(item.types)
        types = None if is_unknown else list(item.types)  # in short: no type is known of any column
        unread = [True] if item.is_unread else []
        number, kind = self.relation_id(item.id), item.kind.value
        return [number, kind, list(item.columns), self.span(item.span), types, *unread]

    def key(self, item: Key) -> list[Any]:
        return [
            item.kind.value,
            [self.column(one) for one in item.columns],
            [self.column(one) for one in item.referenced],
            item.name,
            self.span(item.span),
        ]

    def edge(self, value: Edge) -> int:
        place = self.span(value.span)
        return self.edges.number(
            (
                self.column(value.source),
                self.column(value.target),
                value.effect.value,
                value.subtype.value,
                self.texts.number(value.expression),
                None if place is None else tuple(place),
                value.statement,
                value.masking,
            )
        )

    def relation_id(self, value: RelationId) -> int:
        return self.relations.number(value)

    def column(self, ref: ColumnRef) -> int:
        return self.columns.number((self.relation_id(ref.relation), ref.name))

    def span(self, value: Span | None) -> list[int] | None:
        if value is None:
            return None
        return [
            self.texts.number(value.source_name),
            value.start_line,
            value.start_column,
            value.end_line,
            value.end_column,
        ]


class _Reader:
    """Reads one document; the numbered values are made once, so that what is equal is the same object."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.texts: list[str] = document["text_table"]
        self.relations = [RelationId(*item) for item in document["relation_table"]]
        self.columns = [ColumnRef(self.relations[owner], name) for owner, name in document["column_table"]]
        self.edges = [self.edge(*item) for item in document["edge_table"]]

    def result(self) -> LineageResult:
        document = self.document
        return LineageResult(
            statements=tuple(self.statement(item) for item in document["statements"]),
            relations=tuple(self.relation(*item) for item in document["relations"]),
            diagnostics=tuple(
                Diagnostic(Severity(severity), code, message, self.place(where))
                for severity, code, message, where in document["diagnostics"]
            ),
            folded_edges=self.edges_at(document["folded_edges"]),
            folded_relation_edges=tuple(
                RelationEdge(self.relations[source], self.relations[target], statement)
                for source, target, statement in document["folded_relation_edges"]
            ),
            dialect=document["dialect"],
            source_name=document["source_name"],
            renames=tuple((self.relations[old], self.relations[new]) for old, new in document["renames"]),
            keys=tuple(self.key(*item) for item in document["keys"]),
        )

    def statement(self, item: dict[str, Any]) -> StatementLineage:
        return StatementLineage(
            index=item["index"],
            kind=StatementKind(item["kind"]),
            span=self.place(item["span"]),
            reads=self.relations_at(item["reads"]),
            writes=self.relations_at(item["writes"]),
            edges=self.edges_at(item["edges"]),
            folded=self.edges_at(item["folded"]),
            is_ok=item["ok"],
            changes=self.relations_at(item["changes"]),
        )

    def relation(
        self,
        number: int,
        kind: str,
        names: list[str],
        where: list[int] | None,
        types: list[str] | None,
        is_unread: bool = False,
    ) -> Relation:
        return Relation(
            self.relations[number],
            RelationKind(kind),
            tuple(names),
            self.span(where),
            ("",) * len(names) if types is None else tuple(types),
            is_unread,
        )

    def key(
        self, kind: str, own: list[int], referenced: list[int], name: str, where: list[int] | None
    ) -> Key:
        return Key(KeyKind(kind), self.columns_at(own), self.columns_at(referenced), name, self.span(where))

    def edge(
        self,
        source: int,
        target: int,
        effect: str,
        subtype: str,
        expression: int,
        where: list[int] | None,
        statement: int,
        masking: bool,
    ) -> Edge:
        return Edge(
            self.columns[source],
            self.columns[target],
            Effect(effect),
            Subtype(subtype),
            self.texts[expression],
            self.span(where),
            statement,
            masking,
        )

    def relations_at(self, numbers: list[int]) -> tuple[RelationId, ...]:
        return tuple(self.relations[number] for number in numbers)

    def columns_at(self, numbers: list[int]) -> tuple[ColumnRef, ...]:
        return tuple(self.columns[number] for number in numbers)

    def edges_at(self, numbers: list[int]) -> tuple[Edge, ...]:
        return tuple(self.edges[number] for number in numbers)

    def place(self, value: list[int]) -> Span:
        return Span(self.texts[value[0]], *value[1:])

    def span(self, value: list[int] | None) -> Span | None:
        return None if value is None else self.place(value)
