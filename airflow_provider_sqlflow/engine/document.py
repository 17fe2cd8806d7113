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
    texts = _Table()
    relations = _Table()
    columns = _Table()
    edges = _Table()

    def column(ref: ColumnRef) -> int:
        return columns.number((relations.number(ref.relation), ref.name))

    def span(value: Span | None) -> list[int] | None:
        if value is None:
            return None
        return [
            texts.number(value.source_name),
            value.start_line,
            value.start_column,
            value.end_line,
            value.end_column,
        ]

    def edge(value: Edge) -> int:
        place = span(value.span)
        return edges.number(
            (
                column(value.source),
                column(value.target),
                value.effect.value,
                value.subtype.value,
                texts.number(value.expression),
                None if place is None else tuple(place),
                value.statement,
                value.masking,
            )
        )

    document: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "dialect": result.dialect,
        "source_name": result.source_name,
        "statements": [
            {
                "index": item.index,
                "kind": item.kind.value,
                "span": span(item.span),
                "reads": [relations.number(read) for read in item.reads],
                "writes": [relations.number(write) for write in item.writes],
                "edges": [edge(value) for value in item.edges],
                "folded": [edge(value) for value in item.folded],
                "changes": [relations.number(change) for change in item.changes],
                "ok": item.is_ok,
            }
            for item in result.statements
        ],
        "relations": [
            [
                relations.number(item.id),
                item.kind.value,
                list(item.columns),
                span(item.span),
                _types(item),
                *([True] if item.is_unread else []),
            ]
            for item in result.relations
        ],
        "diagnostics": [
            [item.severity.value, item.code, item.message, span(item.span)] for item in result.diagnostics
        ],
        "folded_edges": [edge(value) for value in result.folded_edges],
        "folded_relation_edges": [
            [relations.number(item.source), relations.number(item.target), item.statement]
            for item in result.folded_relation_edges
        ],
    }
    document["renames"] = [[relations.number(old), relations.number(new)] for old, new in result.renames]
    document["keys"] = [
        [
            item.kind.value,
            [column(one) for one in item.columns],
            [column(one) for one in item.referenced],
            item.name,
            span(item.span),
        ]
        for item in result.keys
    ]
    document["edge_table"] = list(edges.numbers)
    document["column_table"] = list(columns.numbers)
    document["relation_table"] = [
        [item.database, item.schema, item.name, item.scope] for item in relations.numbers
    ]
    document["text_table"] = list(texts.numbers)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _types(relation: Relation) -> list[str] | None:
    """The types of a relation's columns; ``None`` says in short that none is known of any."""
    is_unknown = len(relation.types) == len(relation.columns) and not any(relation.types)
    return None if is_unknown else list(relation.types)


def result_from_json(text: str) -> LineageResult:
    """The result that :func:`result_to_json` wrote.

    Raises:
        ValueError: the text is not such a document, or of another version.
    """
    document = json.loads(text)
    if document.get("version") != FORMAT_VERSION:
        raise ValueError(f"lineage document of version {document.get('version')!r}, not {FORMAT_VERSION}")
    texts: list[str] = document["text_table"]
    relations = [RelationId(*item) for item in document["relation_table"]]
    columns = [ColumnRef(relations[owner], name) for owner, name in document["column_table"]]

    def span(value: list[int] | None) -> Span | None:
        return None if value is None else Span(texts[value[0]], *value[1:])

    def place(value: list[int]) -> Span:
        return Span(texts[value[0]], *value[1:])

    edges = [
        Edge(
            columns[source],
            columns[target],
            Effect(effect),
            Subtype(subtype),
            texts[expression],
            span(where),
            statement,
            masking,
        )
        for source, target, effect, subtype, expression, where, statement, masking in document["edge_table"]
    ]
    return LineageResult(
        statements=tuple(
            StatementLineage(
                index=item["index"],
                kind=StatementKind(item["kind"]),
                span=place(item["span"]),
                reads=tuple(relations[number] for number in item["reads"]),
                writes=tuple(relations[number] for number in item["writes"]),
                edges=tuple(edges[number] for number in item["edges"]),
                folded=tuple(edges[number] for number in item["folded"]),
                is_ok=item["ok"],
                changes=tuple(relations[number] for number in item["changes"]),
            )
            for item in document["statements"]
        ),
        relations=tuple(
            Relation(
                relations[number],
                RelationKind(kind),
                tuple(names),
                span(where),
                ("",) * len(names) if types is None else tuple(types),
                bool(unread),
            )
            for number, kind, names, where, types, *unread in document["relations"]
        ),
        diagnostics=tuple(
            Diagnostic(Severity(severity), code, message, place(where))
            for severity, code, message, where in document["diagnostics"]
        ),
        folded_edges=tuple(edges[number] for number in document["folded_edges"]),
        folded_relation_edges=tuple(
            RelationEdge(relations[source], relations[target], statement)
            for source, target, statement in document["folded_relation_edges"]
        ),
        dialect=document["dialect"],
        source_name=document["source_name"],
        renames=tuple((relations[old], relations[new]) for old, new in document["renames"]),
        keys=tuple(
            Key(
                KeyKind(kind),
                tuple(columns[number] for number in own),
                tuple(columns[number] for number in referenced),
                name,
                span(where),
            )
            for kind, own, referenced, name, where in document["keys"]
        ),
    )
