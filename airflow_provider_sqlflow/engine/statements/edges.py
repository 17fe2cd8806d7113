"""The edges of one statement, as the result shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_provider_sqlflow.engine.graph import (
    DESCRIPTIONS,
    IDENTITY,
    JOIN,
    ROWS,
    Column,
    Input,
    Node,
    Place,
    combine,
)
from airflow_provider_sqlflow.engine.model import Edge
from airflow_provider_sqlflow.engine.text import SourceText
from airflow_provider_sqlflow.engine.values import maker

_make_edge = maker(Edge)

Step = tuple[Any, ...]
"""Source, target (columns) and kind of an edge; the type is as loose as a place's, and for its reason."""


class Edges:
    """Makes the edges of a statement; most of the chain's are folded edges as well and made once."""

    __slots__ = ("_index", "_known", "_source", "_whole")

    def __init__(self, source: SourceText, index: int, whole: Place) -> None:
        self._source = source
        self._index = index
        self._whole = whole
        self._known: dict[Step, Edge] = {}

    def of(self, step: Step, place: Place | None) -> Edge:
        """The edge of a step that the text at ``place`` says, by default the whole statement."""
        place = place or self._whole
        known: Step = (step, place)
        edge = self._known.get(known)
        if edge is None:
            source, target, kind = step
            effect, subtype, masking = DESCRIPTIONS[kind]
            expression, span = self._source.quote(place)
            edge = _make_edge(source.ref, target.ref, effect, subtype, expression, span, self._index, masking)
            self._known[known] = edge
        return edge


class Chain:
    """Collects the single steps of a statement; equal steps into one column are listed once."""

    __slots__ = ("_edges", "found")

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self.found: list[Edge] = []

    def add_node(self, node: Node) -> None:
        """All steps into a node's columns and rows."""
        for column in node.columns.values():
            self.link(column.inputs, column)
        for column in node.found.values():
            self.link(column.inputs, column)
        if node.stars or (node.is_derived and node.star is not None):
            self.link(node.star_column().inputs, node.star_column())
        self.link(node.rows.inputs, node.rows)

    def link(self, inputs: list[Input] | None, target: Column) -> None:
        """All steps into one column."""
        if not inputs:
            return
        found, edge_of = self.found, self._edges.of
        for item in inputs if len(inputs) == 1 else _distinct(inputs):
            source, kind = item.column, item.kind
            if source.is_derived:
                if source.relation.scope is None and source.name is not None:
                    self.link(_behind(item), target)
                    continue
                is_itself = source.name == target.name and source.relation == target.relation
                if is_itself and not _is_recursive(source):
                    continue  # a column of itself: a branch or another version of the same relation
            elif kind & 15 >= ROWS:
                continue  # that a base relation's rows are read is a relation edge, not a column edge
            if kind == IDENTITY and source.name is None:
                kind = JOIN
            found.append(edge_of((source, target, kind), item.place))


def _behind(item: Input) -> list[Input]:
    """What an input is made of: a query's column under the name of the relation that its result goes into.

    An alias in the select list of an INSERT, a row that OUTPUT or RETURNING hands on.
    """
    found: list[Input] = []
    seen = {item.column}
    todo = [item]
    while todo:
        current = todo.pop()
        for below in reversed(current.column.inputs or ()):
            column = below.column
            step = Input(column, combine(current.kind, below.kind), item.place)
            if not column.is_derived or column.relation.scope is not None or column.name is None:
                found.append(step)
            elif column not in seen:
                seen.add(column)
                todo.append(step)
    return found


def without_aliases(inputs: list[Input] | None, target: Node) -> list[Input] | None:
    """The inputs of a value; for an alias of the list written to a temporary table, what that is made of."""
    relation = target.id
    if not target.is_derived or all(item.column.relation is not relation for item in inputs or ()):
        return inputs
    found: list[Input] = []
    for item in inputs or ():
        column = item.column
        if column.name is None or not column.is_derived or column.relation is not relation:
            found.append(item)
            continue
        for below in without_aliases(column.inputs, target) or ():
            found.append(Input(below.column, combine(item.kind, below.kind), item.place))
    return found


def _distinct(inputs: list[Input]) -> Iterable[Input]:
    """Without doubles; branches of a set operation read one column each its own way."""
    return {(item.column, item.kind, item.place): item for item in inputs}.values()


def _is_recursive(column: Column) -> bool:
    """Whether a column that feeds itself is one of a recursive query; rows and versions of tables are not."""
    return column.name is not None and column.relation.scope not in (None, "session")
