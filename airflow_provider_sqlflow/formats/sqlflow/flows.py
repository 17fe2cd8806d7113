"""The flows of a document: the chain, folded as the options say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Effect,
    LineageResult,
    RelationId,
    RelationKind,
    StatementKind,
    StatementLineage,
)
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.chain import Chain, Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.column_facts import foreign_keys
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities, Level
from airflow_provider_sqlflow.formats.sqlflow.flow import (
    DIRECT_FLOW,
    INDIRECT_FLOW,
    JOIN,
    Flow,
)
from airflow_provider_sqlflow.formats.sqlflow.folding import Folder
from airflow_provider_sqlflow.formats.sqlflow.terms import clause_type_of, effect_type_of, relation_type_of

# SQLFlow counts the columns of loads and streams in ways of its own (chain.py, stages.py).
_OWN_RULES = frozenset({StatementKind.COPY, StatementKind.CREATE_STREAM})


def iter_flows(
    result: LineageResult, options: ExportOptions, entities: Entities, texts: Texts = no_texts
) -> Iterator[Flow]:
    """The relations that the options ask for, in reading order; foreign keys come last.

    Args:
        result: the lineage.
        options: what to show.
        entities: the document's objects; filled on the way.
        texts: the SQL texts, asked for only where the options need the shape of queries.
    """
    yield from _lineage(result, options, entities, texts)
    if options.keys:
        yield from foreign_keys(result)


def _lineage(
    result: LineageResult, options: ExportOptions, entities: Entities, texts: Texts
) -> Iterator[Flow]:
    shown = _shown_types(options)
    if not result.statements:
        yield from (flow for flow in _bare(result, entities) if flow.type in shown)
        return
    chain = Chain(result, options, entities, texts)
    is_full = options.result_sets is ResultSets.ALL
    if is_full and options.functions:
        for _, flows in chain.statements():
            yield from (flow for flow in flows if flow.type in shown)
        return
    folder = Folder(entities)
    renames = {} if is_full else dict(result.renames)
    calls: dict[ColumnRef, list[ColumnRef]] = {}
    for statement, flows in chain.statements():
        folded = list(folder.fold(statement, flows))
        if not is_full:
            folded += _unchained(statement, _reached(folded, calls, entities), entities, options)
        for flow in folded:
            moved = _follow(flow, renames)
            if moved is not None and moved.type in shown:
                yield moved


def _bare(result: LineageResult, entities: Entities) -> Iterator[Flow]:
    """The relations of a result that holds edges alone: an answer about several jobs."""
    for edge in result.edges():
        if all(entities.is_visible(end.relation) for end in (edge.source, edge.target)):
            flow_type = relation_type_of(edge)
            yield Flow(edge.source, edge.target, flow_type, None, edge, clause=clause_type_of(edge))


def _shown_types(options: ExportOptions) -> frozenset[str]:
    types = {
        DIRECT_FLOW: options.direct,
        INDIRECT_FLOW: options.indirect,
        JOIN: options.joins,
    }
    return frozenset(name for name, is_shown in types.items() if is_shown)


def _unchained(
    statement: StatementLineage,
    ends: set[tuple[ColumnRef, ColumnRef]],
    entities: Entities,
    options: ExportOptions,
) -> Iterator[Flow]:
    """What the analysis knows end to end and the chain does not show.

    Rows of tables that a query counts or tests with EXISTS though nothing filters them, and values that
    a nested INSERT or UPDATE hands on (RETURNING, OUTPUT).
    """
    if statement.kind in _OWN_RULES:
        return
    for edge in statement.folded:
        is_link = edge.target.name is None and edge.effect is Effect.DIRECT  # rename, swap
        is_value = edge.source.name is not None
        if is_link or (edge.source, edge.target) in ends or (is_value and not options.count_is_direct):
            continue
        if all(_is_plain(entities, end) for end in (edge.source, edge.target)):
            yield Flow(
                edge.source,
                edge.target,
                relation_type_of(edge),
                effect_type_of(statement),
                edge,
                statement,
                clause_type_of(edge),
            )


def _is_plain(entities: Entities, end: ColumnRef) -> bool:
    """Whether an end is shown under the analysis's own name; stages are taken apart (stages.py)."""
    return entities.is_visible(end.relation) and entities.of(end.relation).kind is not RelationKind.STAGE


def _reached(
    flows: list[Flow], calls: dict[ColumnRef, list[ColumnRef]], entities: Entities
) -> set[tuple[ColumnRef, ColumnRef]]:
    """The pairs of columns that flows join, function objects in between looked through.

    ``calls`` keeps what goes into functions: a temporary table hands their results to later statements.
    """
    for flow in flows:
        if entities.of(flow.target.relation).level is Level.FUNCTION:
            calls.setdefault(flow.target, []).append(flow.source)
    reached: set[tuple[ColumnRef, ColumnRef]] = set()
    for flow in flows:
        todo, seen = [flow.source], {flow.source}
        while todo:
            source = todo.pop()
            reached.add((source, flow.target))
            below = [one for one in calls.get(source, ()) if one not in seen]
            seen.update(below)
            todo.extend(below)
    return reached


def _follow(flow: Flow, renames: dict[RelationId, RelationId]) -> Flow | None:
    """A flow into a relation's last name; ``None`` for the rename itself."""
    if flow.source.name is None and flow.target.name is None and flow.source.relation in renames:
        return None
    new = renames.get(flow.target.relation)
    return flow if new is None else replace(flow, target=ColumnRef(new, flow.target.name))
