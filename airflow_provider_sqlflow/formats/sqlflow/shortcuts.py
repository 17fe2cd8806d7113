"""Chains of edges through result sets, functions and statements as edges between what is stored.

Rules: reference sqlflow-lineage-model, section 6.1. A chain with one indirect step is indirect; of several
chains between the same two columns a direct one wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import ColumnRef, Edge, Effect, RelationId, RelationKind, Subtype

_STRENGTH = (Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION)
_Action = tuple[Effect, Subtype]


def fold_edges(chain: Iterable[Edge], kinds: Mapping[RelationId, RelationKind]) -> list[Edge]:
    """Edges from base relations to base relations and query results, in the order of their last step.

    A query result that another relation reads is a step like any other.
    """
    edges = list(chain)
    read = {edge.source.relation for edge in edges}

    def is_step(relation: RelationId) -> bool:
        kind = kinds.get(relation, RelationKind.TABLE)
        return kind.is_transient or (kind is RelationKind.RESULT and relation in read)

    incoming: dict[ColumnRef, list[Edge]] = {}
    for edge in edges:
        if is_step(edge.target.relation):
            incoming.setdefault(edge.target, []).append(edge)
    folded: dict[tuple[ColumnRef, ColumnRef, int], Edge] = {}
    for edge in edges:
        if is_step(edge.target.relation):
            continue
        for source, (effect, subtype) in _origins(edge, incoming, is_step):
            key = (source, edge.target, edge.statement)
            kept = folded.get(key)
            if kept is None or (kept.effect is Effect.INDIRECT and effect is Effect.DIRECT):
                folded[key] = replace(edge, source=source, effect=effect, subtype=subtype)
    return list(folded.values())


def _origins(
    edge: Edge, incoming: Mapping[ColumnRef, list[Edge]], is_step: Callable[[RelationId], bool]
) -> Iterator[tuple[ColumnRef, _Action]]:
    """Where an edge's chain begins, and how it acts; chains may run in circles (recursive queries)."""
    ahead: list[tuple[ColumnRef, _Action]] = [(edge.source, (edge.effect, edge.subtype))]
    seen = set(ahead)
    while ahead:
        column, action = ahead.pop()
        if not is_step(column.relation):
            yield column, action
            continue
        for step in reversed(incoming.get(column, ())):
            further = (step.source, _joined(action, (step.effect, step.subtype)))
            if further not in seen:
                seen.add(further)
                ahead.append(further)


def _joined(outer: _Action, inner: _Action) -> _Action:
    if outer[0] is Effect.INDIRECT:
        return outer
    if inner[0] is Effect.INDIRECT:
        return inner
    return Effect.DIRECT, max(outer[1], inner[1], key=_STRENGTH.index)
