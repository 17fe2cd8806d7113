"""The flows of a document: the chain, folded as the options say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    RelationId,
    StatementLineage,
    Subtype,
)
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.chain import Chain, Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities
from airflow_provider_sqlflow.formats.sqlflow.flow import (
    DIRECT_FLOW,
    FOREIGN_KEY,
    INDIRECT_FLOW,
    JOIN,
    Flow,
)
from airflow_provider_sqlflow.formats.sqlflow.folding import Folder
from airflow_provider_sqlflow.formats.sqlflow.terms import effect_type_of


def iter_flows(
    result: LineageResult, options: ExportOptions, entities: Entities, texts: Texts = no_texts
) -> Iterator[Flow]:
    """The relations that the options ask for, in reading order.

    Args:
        result: the lineage.
        options: what to show.
        entities: the document's objects; filled on the way.
        texts: the SQL texts, asked for only where the options need the shape of queries.
    """
    shown = _shown_types(options)
    chain = Chain(result, options, entities, texts)
    is_full = options.result_sets is ResultSets.ALL
    if is_full and options.functions:
        for _, flows in chain.statements():
            yield from (flow for flow in flows if flow.type in shown)
        return
    folder = Folder(entities)
    renames = {} if is_full else dict(result.renames)
    for statement, flows in chain.statements():
        folded = list(folder.fold(statement, flows))
        folded += _counted_rows(statement, folded, entities)
        for flow in folded:
            moved = _follow(flow, renames)
            if moved is not None and moved.type in shown:
                yield moved


def _shown_types(options: ExportOptions) -> frozenset[str]:
    types = {
        DIRECT_FLOW: options.direct,
        INDIRECT_FLOW: options.indirect,
        JOIN: options.joins,
        FOREIGN_KEY: options.keys,
    }
    return frozenset(name for name, is_shown in types.items() if is_shown)


def _counted_rows(statement: StatementLineage, flows: list[Flow], entities: Entities) -> Iterator[Flow]:
    """``count(*)`` over a query that nothing filters: the rows are those of the tables below.

    The chain does not link rows that nothing decides; the analysis knows whose rows are counted.
    """
    ends = {(flow.source, flow.target) for flow in flows}
    for edge in statement.folded:
        is_count = edge.effect is Effect.DIRECT and edge.subtype is Subtype.AGGREGATION
        if not is_count or edge.source.name is not None or edge.target.name is None:
            continue
        both_visible = all(entities.is_visible(end.relation) for end in (edge.source, edge.target))
        if both_visible and (edge.source, edge.target) not in ends:
            yield _counted(edge, statement)


def _counted(edge: Edge, statement: StatementLineage) -> Flow:
    return Flow(edge.source, edge.target, INDIRECT_FLOW, effect_type_of(statement), edge, statement)


def _follow(flow: Flow, renames: dict[RelationId, RelationId]) -> Flow | None:
    """A flow into a relation's last name; ``None`` for the rename itself."""
    if flow.source.name is None and flow.target.name is None and flow.source.relation in renames:
        return None
    new = renames.get(flow.target.relation)
    return flow if new is None else replace(flow, target=ColumnRef(new, flow.target.name))
