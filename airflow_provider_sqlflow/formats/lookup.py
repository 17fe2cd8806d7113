"""Small questions that several formats ask of one result.

An edge knows the number of its statement, and numbers repeat from file to file. In a merged result
the file comes from the edge's span, or from the relation that the statement writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    RelationId,
    RelationKind,
    StatementLineage,
)
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets


def shown_edges(result: LineageResult, options: ExportOptions) -> Iterator[Edge]:
    """The edges that the options ask for: which effects, and whether steps in between are kept."""
    kinds = result.kinds() if options.result_sets is ResultSets.NONE else {}
    effects = {Effect.DIRECT: options.direct, Effect.INDIRECT: options.indirect}
    for edge in result.edges(intermediates=options.result_sets is ResultSets.ALL):
        if effects[edge.effect] and kinds.get(edge.target.relation) is not RelationKind.RESULT:
            yield edge


class Joint(Protocol):
    """Anything that leads from one column or row set to another."""

    @property
    def source(self) -> ColumnRef:
        """Where it begins."""

    @property
    def target(self) -> ColumnRef:
        """Where it ends."""


class StatementLookup:
    """Finds the statement of an edge in constant time."""

    def __init__(self, result: LineageResult) -> None:
        self._by_place: dict[tuple[str, int], StatementLineage] = {}
        self._by_target: dict[tuple[int, RelationId], StatementLineage] = {}
        self._last_names = dict(result.renames)
        for statement in result.statements:
            self._by_place.setdefault((statement.span.source_name, statement.index), statement)
            for relation in statement.writes:
                self._by_target.setdefault((statement.index, self._last_name(relation)), statement)
        self._source_name = result.source_name

    def _last_name(self, relation: RelationId) -> RelationId:
        """The name that folded edges use: that at the end of the script."""
        return self._last_names.get(relation, relation)

    def find(self, edge: Edge) -> StatementLineage | None:
        """The statement that made the edge, or ``None`` where the result does not hold it."""
        source_name = edge.span.source_name if edge.span else self._source_name
        target = self._last_name(edge.target.relation)
        here = self._by_place.get((source_name, edge.statement))
        if here is not None and any(self._last_name(relation) == target for relation in here.writes):
            return here
        # A folded edge may stand for text in one file and a statement of another one.
        return self._by_target.get((edge.statement, target), here)


class RelationNames:
    """How a person reads a relation's name: qualified, and bare SELECTs told apart by place."""

    def __init__(self, result: LineageResult) -> None:
        self.kinds = result.kinds()
        self._spans = {relation.id: relation.span for relation in result.relations}

    def kind(self, relation: RelationId) -> RelationKind:
        """The relation's kind; what the result does not list counts as a table."""
        return self.kinds.get(relation, RelationKind.TABLE)

    def label(self, relation: RelationId) -> str:
        """``schema.table``, or ``result of a.sql:3`` for a query nobody stores."""
        if self.kind(relation) is not RelationKind.RESULT:
            return str(relation)
        span = self._spans.get(relation)
        return f"result of {span.source_name}:{span.start_line}" if span else str(relation)


def used_columns(result: LineageResult, edges: Iterable[Joint]) -> dict[RelationId, tuple[str, ...]]:
    """The columns of each relation that an edge joins: known ones first, then others met in edges.

    Relations stand in reading order of the edges; row sets are not columns.
    """
    declared = {relation.id: relation.columns for relation in result.relations}
    columns: dict[RelationId, dict[str, None]] = {}
    for edge in edges:
        for end in (edge.source, edge.target):
            names = columns.get(end.relation)
            if names is None:
                names = columns[end.relation] = dict.fromkeys(declared.get(end.relation, ()))
            if end.name is not None:
                names.setdefault(end.name, None)
    return {relation: tuple(names) for relation, names in columns.items()}
