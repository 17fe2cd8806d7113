"""Which columns a statement compares: the relations of type ``join``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from airflow_provider_sqlflow.engine.calls import read_comparisons
from airflow_provider_sqlflow.engine.model import ColumnRef, Edge, Span, StatementLineage, Subtype
from airflow_provider_sqlflow.engine.outline import StatementOutline
from airflow_provider_sqlflow.formats.references import match_references
from airflow_provider_sqlflow.formats.sqlflow.flow import JOIN, Condition, Flow
from airflow_provider_sqlflow.formats.sqlflow.terms import clause_type_of, effect_type_of


def join_flows(statement: StatementLineage, outline: StatementOutline | None, dialect: str) -> list[Flow]:
    """The pairs of columns of different relations that conditions of a statement compare.

    Args:
        statement: the statement.
        outline: the shape of its text, for the kind of join; ``None``: not known.
        dialect: of the text.
    """
    conditions: dict[Span | None, list[Edge]] = {}
    for edge in statement.edges:
        is_condition = edge.subtype in (Subtype.JOIN, Subtype.FILTER) and edge.target.name is None
        if is_condition and edge.source.name is not None:
            conditions.setdefault(edge.span, []).append(edge)
    flows: dict[tuple[ColumnRef, ColumnRef, str], Flow] = {}
    for span, edges in conditions.items():
        join_type = outline.joins.get(span, "") if outline is not None and span is not None else ""
        for left, right, text in _pairs(edges, dialect):
            condition = Condition(clause_type_of(edges[0]), join_type, text)
            flows.setdefault(
                (left, right, text),
                Flow(
                    left,
                    right,
                    JOIN,
                    effect_type_of(statement),
                    edges[0],
                    statement,
                    condition.clause,
                    condition=condition,
                ),
            )
    return list(flows.values())


def _pairs(edges: Sequence[Edge], dialect: str) -> Iterable[tuple[ColumnRef, ColumnRef, str]]:
    text = edges[0].expression
    sources = list(dict.fromkeys(edge.source for edge in edges))
    comparisons = read_comparisons(text, dialect)
    if not comparisons and edges[0].subtype is Subtype.JOIN and text.strip('"`[] ').isidentifier():
        for left, right in combinations(sources, 2):  # USING (column): both sides are that column
            if left.relation != right.relation:
                yield left, right, f"{left} = {right}"
        return
    references = dict.fromkeys(name for one in comparisons for name in (*one.left, *one.right))
    names = match_references(list(references), sources)
    for comparison in comparisons:
        for left_name in comparison.left:
            for right_name in comparison.right:
                left_ref, right_ref = names.get(left_name), names.get(right_name)
                if left_ref and right_ref and left_ref.relation != right_ref.relation:
                    yield left_ref, right_ref, comparison.text
