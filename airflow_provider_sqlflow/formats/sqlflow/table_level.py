"""Lineage between whole tables: the pairs, each with the statement that makes it.

Reference sqlflow-lineage-model, section 8: walk from each table through everything in between to the
final tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_provider_sqlflow.engine.model import LineageResult, RelationId, StatementLineage
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.entities import Entities
from airflow_provider_sqlflow.formats.sqlflow.flows import iter_flows
from airflow_provider_sqlflow.formats.sqlflow.terms import effect_type_of


@dataclass(frozen=True, slots=True)
class TablePair:
    """Rows of one table reach or decide rows of another.

    Attributes:
        source: where they come from.
        target: where they go.
        effect: SQLFlow's effectType, or ``None``.
        statement: the statement that makes it, where known.
    """

    source: RelationId
    target: RelationId
    effect: str | None
    statement: StatementLineage | None


def table_options(options: ExportOptions) -> ExportOptions:
    """Options under which columns are folded to tables: no objects in between."""
    sets = ResultSets.NONE if options.result_sets is ResultSets.NONE else ResultSets.TOP
    return replace(options, result_sets=sets, functions=False, constants=False, joins=False, keys=False)


def table_pairs(
    result: LineageResult, options: ExportOptions, entities: Entities, texts: Texts = no_texts
) -> list[TablePair]:
    """The pairs in reading order, each statement's once.

    Args:
        result: the lineage.
        options: ``direct``, ``indirect``, ``result_sets`` and ``self_lineage`` count.
        entities: the document's objects, made with :func:`table_options`.
        texts: the SQL texts.
    """
    pairs: dict[tuple[RelationId, RelationId, str | None, tuple[str, int] | None], TablePair] = {}
    known: set[tuple[RelationId, RelationId]] = set()

    def add(
        source: RelationId, target: RelationId, effect: str | None, statement: StatementLineage | None
    ) -> None:
        if source == target and not options.self_lineage:
            return
        place = (statement.span.source_name, statement.index) if statement else None
        pairs.setdefault((source, target, effect, place), TablePair(source, target, effect, statement))
        known.add((source, target))

    for flow in iter_flows(result, table_options(options), entities, texts):
        add(flow.source.relation, flow.target.relation, flow.effect, flow.statement)
    if options.direct and options.indirect:
        # Tables of which no column is used, such as both sides of a cross join that is counted.
        for edge in result.relation_edges():
            ends = (edge.source, edge.target)
            if ends not in known and all(_is_plain(entities, end) for end in ends):
                statement = _statement_of(result, edge.target, edge.statement)
                add(*ends, effect_type_of(statement), statement)
    return list(pairs.values())


def _is_plain(entities: Entities, relation: RelationId) -> bool:
    """Whether a relation is an object under its own name: stages are taken apart by the flows."""
    return entities.is_visible(relation) and entities.of(relation).type != "stage"


def _statement_of(result: LineageResult, target: RelationId, index: int) -> StatementLineage | None:
    names = {target, *(old for old, new in result.renames if new == target)}
    for statement in result.statements:
        if statement.index == index and names.intersection(statement.writes):
            return statement
    return None
