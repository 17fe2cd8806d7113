"""Ids, names and coordinates of everything that one SQLFlow document holds."""

from __future__ import annotations

from collections import Counter
from typing import Any

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    Span,
    StatementLineage,
)
from airflow_provider_sqlflow.formats.sqlflow.terms import process_name_of

_STORED = frozenset({RelationKind.TABLE, RelationKind.VIEW, RelationKind.MATERIALIZED_VIEW})

StatementKey = tuple[str, int]
"""File and 1-based number: what tells the statements of a merged result apart."""


def key_of(statement: StatementLineage) -> StatementKey:
    """The key of a statement."""
    return statement.span.source_name, statement.index


class Numbering:
    """Numbers relations, columns and processes in reading order, in one id space.

    Attributes:
        relations: stored relations, and whatever else an edge touches.
        columns: the columns of each relation; the row set (``None``) only where an edge uses it, last.
        relation_ids: id of each relation.
        names: name of each relation in the document.
        column_ids: id of each column.
        process_ids: id of each statement that writes.
        process_names: name of each statement that writes, such as ``Query Insert-1``.
    """

    def __init__(self, result: LineageResult, edges: tuple[Edge, ...]) -> None:
        self._last_id = 0
        self._files: dict[str, int] = {}
        for statement in result.statements:
            self._files.setdefault(statement.span.source_name, len(self._files))
        self.relations, self.columns = _relations_and_columns(result, edges)
        self.names = _names(self.relations)
        self.relation_ids: dict[RelationId, str] = {}
        self.column_ids: dict[ColumnRef, str] = {}
        for relation in self.relations:
            self.relation_ids[relation.id] = self.next_id()
            for name in self.columns[relation.id]:
                self.column_ids[ColumnRef(relation.id, name)] = self.next_id()
        self.process_ids: dict[StatementKey, str] = {}
        self.process_names: dict[StatementKey, str] = {}
        self._number_processes(result)

    def _number_processes(self, result: LineageResult) -> None:
        counts: Counter[str] = Counter()
        for statement in result.statements:
            if any(relation in self.relation_ids and relation.scope is None for relation in statement.writes):
                title = process_name_of(statement.kind).title
                counts[title] += 1
                self.process_ids[key_of(statement)] = self.next_id()
                self.process_names[key_of(statement)] = f"{title}-{counts[title]}"

    def next_id(self) -> str:
        """A new id."""
        self._last_id += 1
        return str(self._last_id)

    def coordinates(self, span: Span | None) -> list[dict[str, Any]]:
        """Start and end of a span; -1 for what stands nowhere in the text."""
        if span is None:
            return [{"x": -1, "y": -1, "hashCode": "0"}, {"x": -1, "y": -1, "hashCode": "0"}]
        file = str(self._files.get(span.source_name, 0))
        return [
            {"x": span.start_line, "y": span.start_column, "hashCode": file},
            {"x": span.end_line, "y": span.end_column, "hashCode": file},
        ]


def _relations_and_columns(
    result: LineageResult, edges: tuple[Edge, ...]
) -> tuple[list[Relation], dict[RelationId, tuple[str | None, ...]]]:
    met: dict[RelationId, dict[str | None, None]] = {}
    for edge in edges:
        for end in (edge.source, edge.target):
            met.setdefault(end.relation, {})[end.name] = None
    relations = [item for item in result.relations if item.kind in _STORED or item.id in met]
    known = {relation.id for relation in relations}
    relations += [Relation(name, RelationKind.TABLE) for name in met if name not in known]
    columns: dict[RelationId, tuple[str | None, ...]] = {}
    for relation in relations:
        names: dict[str | None, None] = dict.fromkeys(relation.columns)
        names.update(met.get(relation.id, {}))
        columns[relation.id] = tuple(sorted(names, key=lambda name: name is None))  # sort keeps the order
    return relations, columns


def _names(relations: list[Relation]) -> dict[RelationId, str]:
    """Qualified names; result sets as SQLFlow calls them, counted through the document."""
    names: dict[RelationId, str] = {}
    result_sets = ctes = 0
    for relation in relations:
        if relation.kind is RelationKind.CTE:
            ctes += 1
            names[relation.id] = f"CTE-{relation.id.name}-{ctes}"
        elif relation.kind in (RelationKind.RESULT, RelationKind.SUBQUERY):
            result_sets += 1
            names[relation.id] = f"RS-{result_sets}"
        else:
            names[relation.id] = str(relation.id)
    return names
