"""What a script comes to: the lineage of its statements as that of the whole.

Temporary tables that the script has read are folded away, and names follow its renames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import (
    Diagnostic,
    Edge,
    LineageResult,
    Relation,
    RelationEdge,
    RelationId,
    RelationKind,
    StatementLineage,
)
from airflow_provider_sqlflow.engine.session import Session
from airflow_provider_sqlflow.engine.statements.context import Outcome
from airflow_provider_sqlflow.engine.statements.keys import declared_keys
from airflow_provider_sqlflow.engine.values import maker

_TEMPORARY = RelationKind.TEMP_TABLE
_make_relation = maker(Relation)


def script_result(session: Session, outcomes: list[Outcome], dialect: str) -> LineageResult:
    """The result of a script of which all statements are read."""
    statements = tuple([outcome.lineage for outcome in outcomes])
    relations = tuple(_relations(session, _unread(session, statements)))
    folded = {item.id for item in relations if item.kind is _TEMPORARY and item.is_intermediate}
    renames = _followed_renames(session, statements)
    edges: list[Edge] = []
    relation_edges: dict[RelationEdge, None] = {}
    for outcome in outcomes:
        if not folded and not renames:
            edges.extend(outcome.lineage.folded)
            relation_edges.update(dict.fromkeys(outcome.relation_edges))
            continue
        for edge in outcome.lineage.folded:
            if edge.target.relation not in folded:
                moved = _follow(edge, renames)
                if moved is not None:
                    edges.append(moved)
        for item in outcome.relation_edges:
            if item.target not in folded:
                target = renames.get(item.target, item.target)
                if not (target != item.target and item.source == target) and item.source not in renames:
                    relation_edges[replace(item, target=target)] = None
    return LineageResult(
        statements=statements,
        relations=relations,
        diagnostics=tuple(_in_reading_order(session.diagnostics)),
        folded_edges=tuple(edges),
        folded_relation_edges=tuple(relation_edges),
        dialect=dialect,
        source_name=session.source.name,
        renames=tuple(renames.items()),
        keys=declared_keys(session),
    )


def _unread(session: Session, statements: tuple[StatementLineage, ...]) -> frozenset[RelationId]:
    """The temporary tables that are there when the script ends and that it has only written."""
    left = {node.id for node in session.temporary.values()} - session.caches
    if left:
        for statement in statements:
            left.difference_update([one for one in statement.reads if statement.writes != (one,)])
    return frozenset(left)


def _relations(session: Session, unread: frozenset[RelationId]) -> Iterator[Relation]:
    source, types_of = session.source, session.types
    for identity, (node, place) in session.mentions.items():
        columns = dict.fromkeys([column.name or "" for column in node.columns.values()], "")
        for column in node.found.values():
            columns[column.name or ""] = ""
        for key, type_ in types_of[identity].items() if identity in types_of else ():
            typed = node.columns.get(key) or node.found.get(key)
            if typed is not None:
                columns[typed.name or ""] = type_
        span = source.span(*place) if place is not None else None
        names, types = tuple(columns), tuple(columns.values())
        yield _make_relation(identity, node.kind, names, span, types, identity in unread)


def _followed_renames(
    session: Session, statements: tuple[StatementLineage, ...]
) -> dict[RelationId, RelationId]:
    """Renames of relations that this script wrote before: their last name counts."""
    followed: dict[RelationId, RelationId] = {}
    for old, new, index in session.renames:
        written = any(old in statement.writes for statement in statements if statement.index < index)
        if written or old in followed.values():
            for key, value in followed.items():
                if value == old:
                    followed[key] = new
            followed[old] = new
    return {old: new for old, new in followed.items() if old != new}


def _follow(edge: Edge, renames: dict[RelationId, RelationId]) -> Edge | None:
    """An edge under the relations' last names; ``None`` for the rename itself."""
    if edge.source.name is None and edge.target.name is None and edge.source.relation in renames:
        return None
    target = renames.get(edge.target.relation)
    return edge if target is None else replace(edge, target=replace(edge.target, relation=target))


def _in_reading_order(items: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(items, key=lambda item: (item.span.start_line, item.span.start_column))
