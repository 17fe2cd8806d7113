"""Folding: a chain with the objects that the options hide taken out of it.

- A way with one ``fdr`` step is ``fdr``, else ``fdd``.
- Of several ways between two columns one that is ``fdd`` makes them ``fdd``.
- The folded relation has the effect of its last step.

(Reference sqlflow-lineage-model, section 6.1.) Statements fold in order: a temporary table passes on what
was in it when it was read. Columns keep what lies behind them, so depth costs nothing; rows do not,
because filters pile up along a chain and copying them at every step would cost its square.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    RelationId,
    StatementKind,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import DIRECT_FLOW, INDIRECT_FLOW, JOIN, Flow

_CREATES = frozenset({StatementKind.CREATE_TABLE, StatementKind.CREATE_VIEW})

Ends = dict[ColumnRef, Flow]
"""What lies behind a hidden column: visible sources, each with the step that tells why."""


class Folder:
    """Folds the flows of one document.

    Args:
        entities: tells what is visible.
    """

    def __init__(self, entities: Entities) -> None:
        self._entities = entities
        self._into: dict[ColumnRef, list[Flow]] = {}
        self._ends: dict[ColumnRef, Ends] = {}
        self._written: dict[RelationId, dict[ColumnRef, None]] = {}

    def fold(self, statement: StatementLineage, flows: Iterable[Flow]) -> Iterator[Flow]:
        """The visible flows of a statement; call it for each statement in order."""
        kept: list[Flow] = []
        fresh: dict[RelationId, None] = {}
        for flow in flows:
            target = flow.target.relation
            if flow.type == JOIN or self._entities.is_visible(target):
                kept.append(flow)
            if flow.type == JOIN or self._entities.is_end(target):
                continue
            if statement.kind in _CREATES and target not in fresh:
                self._forget(target)
            fresh[target] = None
            self._into.setdefault(flow.target, []).append(flow)
            self._written.setdefault(target, {})[flow.target] = None
            self._ends.pop(flow.target, None)
        for relation in fresh:
            for ref in self._written.get(relation, ()):
                self._ends.pop(ref, None)
        found: dict[tuple[ColumnRef, ColumnRef], Flow] = {}
        joins: list[Flow] = []
        for flow in kept:
            if flow.type == JOIN:
                joins.extend(self._folded_join(flow))
                continue
            for source, why in self._behind(flow):
                folded = _joined(flow, why, source)
                known = found.get((source, flow.target))
                if known is None or (known.type != DIRECT_FLOW and folded.type == DIRECT_FLOW):
                    found[source, flow.target] = folded
        yield from found.values()
        yield from joins
        self._drop_statement(fresh)

    def _behind(self, flow: Flow) -> Iterator[tuple[ColumnRef, Flow | None]]:
        if self._entities.is_end(flow.source.relation):
            yield flow.source, None
        else:
            yield from self.ends(flow.source).items()

    def _folded_join(self, flow: Flow) -> Iterator[Flow]:
        """A comparison of columns of queries compares the columns that they copy."""
        for left in self._copied(flow.source):
            for right in self._copied(flow.target):
                if left.relation != right.relation:
                    yield replace(flow, source=left, target=right)

    def _copied(self, ref: ColumnRef) -> list[ColumnRef]:
        if self._entities.is_end(ref.relation):
            return [ref]
        return [source for source, why in self.ends(ref).items() if why.type == DIRECT_FLOW]

    def ends(self, ref: ColumnRef) -> Ends:
        """The visible sources behind a hidden column or row set."""
        known = self._ends.get(ref)
        if known is not None:
            return known
        ends: Ends = {}
        seen: set[tuple[ColumnRef, bool]] = set()
        todo: list[tuple[ColumnRef, Flow | None]] = [(ref, None)]
        while todo:
            current, outer = todo.pop()
            mark = (current, outer is not None and outer.type == INDIRECT_FLOW)
            if mark in seen:
                continue
            seen.add(mark)
            for flow in reversed(self._into.get(current, ())):
                step = flow if outer is None else _joined(outer, flow, flow.source)
                if self._entities.is_end(flow.source.relation):
                    _keep(ends, flow.source, step)
                elif flow.source in self._ends:
                    for source, why in self._ends[flow.source].items():
                        _keep(ends, source, _joined(step, why, source))
                else:
                    todo.append((flow.source, step))
        if ref.name is not None:
            self._ends[ref] = ends
        return ends

    def _forget(self, relation: RelationId) -> None:
        """A relation that is made anew holds nothing of before."""
        for ref in self._written.pop(relation, ()):
            self._into.pop(ref, None)
            self._ends.pop(ref, None)

    def _drop_statement(self, relations: Iterable[RelationId]) -> None:
        """What lives in one statement only is not asked for again."""
        temporary = [one for one in relations if self._entities.of(one).level is Level.TEMPORARY]
        for relation in temporary:
            for ref in self._written.get(relation, ()):
                self._settle(ref)
        for relation in relations:
            if relation not in temporary:
                self._forget(relation)

    def _settle(self, ref: ColumnRef) -> None:
        """Keep the ends of a temporary table's column in place of its way through the statement."""
        flows = [replace(why, source=source, target=ref) for source, why in self.ends(ref).items()]
        self._into[ref] = flows


def _keep(ends: Ends, source: ColumnRef, why: Flow) -> None:
    known = ends.get(source)
    if known is None or (known.type != DIRECT_FLOW and why.type == DIRECT_FLOW):
        ends[source] = why


def _joined(outer: Flow, inner: Flow | None, source: ColumnRef) -> Flow:
    """Two steps as one: target, effect and statement of the outer one, text of the one that says most."""
    if inner is None:
        return outer
    is_copy = outer.edge is None or outer.edge.subtype is Subtype.IDENTITY or _links_rows(outer)
    told = inner if (outer.type == DIRECT_FLOW and inner.type != DIRECT_FLOW) or is_copy else outer
    both_direct = outer.type == DIRECT_FLOW and inner.type == DIRECT_FLOW
    return replace(
        outer,
        source=source,
        type=DIRECT_FLOW if both_direct else INDIRECT_FLOW,
        edge=told.edge or outer.edge,
        clause=told.clause,
    )


def _links_rows(flow: Flow) -> bool:
    return flow.source.name is None and flow.type == INDIRECT_FLOW
