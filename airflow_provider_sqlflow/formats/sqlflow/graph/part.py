"""The part of a result that is connected with an object, for exports that are made of results.

What :func:`~airflow_provider_sqlflow.formats.sqlflow.graph.selection.select` is for documents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult, RelationId
from airflow_provider_sqlflow.formats.sqlflow.graph.names import folded, split_table
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection

Step = TypeVar("Step", bound=Any)
"""An edge: of columns or of relations."""


def part_of(result: LineageResult, selection: Selection) -> LineageResult:
    """The selected objects with everything upstream and downstream of them.

    Args:
        result: the lineage.
        selection: an object by its names; everything leaves the result as it is.
    """
    if selection.is_everything:
        return result
    is_named = _matcher(selection)

    def begins(ref: ColumnRef) -> bool:
        is_column = not selection.column or folded(ref.name or "") == folded(selection.column)
        return is_column and is_named(ref.relation)

    edges = _connected(result.folded_edges, begins)
    steps = set(_connected(result.edges(intermediates=True), begins))
    relation_edges = _connected(result.folded_relation_edges, is_named)
    ends = [end.relation for edge in (*edges, *steps) for end in (edge.source, edge.target)]
    known = {*ends, *(end for edge in relation_edges for end in (edge.source, edge.target))}
    return replace(
        result,
        statements=tuple(
            replace(each, edges=tuple(edge for edge in each.edges if edge in steps))
            for each in result.statements
        ),
        relations=tuple(each for each in result.relations if each.id in known or is_named(each.id)),
        folded_edges=edges,
        folded_relation_edges=relation_edges,
        keys=(),
    )


def _matcher(selection: Selection) -> Callable[[RelationId], bool]:
    """Whether a relation has the selection's names; what is empty matches any."""
    wishes = (
        split_table(selection.database, selection.schema, selection.table),
        (folded(selection.database), folded(selection.schema), folded(selection.table)),
    )

    def is_named(relation: RelationId) -> bool:
        names = [folded(part or "") for part in (relation.database, relation.schema, relation.name)]
        return any(
            all(not wish or wish == name for wish, name in zip(wanted, names, strict=True))
            for wanted in wishes
        )

    return is_named


def _connected(edges: Sequence[Step], begins: Callable[[Any], bool]) -> tuple[Step, ...]:
    """The edges that lead to or from the ends that ``begins`` accepts, in their order."""
    forward = _reached(((edge.source, edge.target) for edge in edges), begins)
    backward = _reached(((edge.target, edge.source) for edge in edges), begins)
    return tuple(edge for edge in edges if edge.source in forward or edge.target in backward)


def _reached(pairs: Iterable[tuple[Hashable, Hashable]], begins: Callable[[Any], bool]) -> set[Hashable]:
    steps: dict[Hashable, list[Hashable]] = defaultdict(list)
    for start, end in pairs:
        steps[start].append(end)
    found = {start for start in steps if begins(start)}
    waiting = list(found)
    while waiting:
        for end in steps.get(waiting.pop(), ()):
            if end not in found:
                found.add(end)
                waiting.append(end)
    return found
