"""Which columns joins set equal: read from the conditions of folded edges.

A condition's text names columns as the query does, its edges name the stored columns that they come from;
both are matched here. Only equality says that two tables belong together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from airflow_provider_sqlflow.engine.calls import read_comparisons
from airflow_provider_sqlflow.engine.model import ColumnRef, LineageResult, RelationId, Span, Subtype
from airflow_provider_sqlflow.formats.references import match_references

_CONDITIONS = frozenset({Subtype.JOIN, Subtype.FILTER})
_OTHER_COMPARISONS = re.compile(r"[<>]|!=|\blike\b|\bilike\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Join:
    """Two relations whose columns a condition sets equal, pair by pair."""

    left: tuple[ColumnRef, ...]
    right: tuple[ColumnRef, ...]
    condition: str
    span: Span | None


def find_joins(result: LineageResult) -> Iterator[Join]:
    """The joins of a result in reading order, one for each condition and pair of relations."""
    conditions: dict[tuple[Span | None, str, int], list[ColumnRef]] = {}
    for edge in result.edges():
        if edge.subtype in _CONDITIONS and edge.source.name is not None and edge.expression:
            sources = conditions.setdefault((edge.span, edge.expression, edge.statement), [])
            if edge.source not in sources:
                sources.append(edge.source)
    for (span, text, _), sources in conditions.items():
        pairs: dict[tuple[RelationId, RelationId], dict[tuple[ColumnRef, ColumnRef], None]] = {}
        for left, right in _pairs(text, sources, result.dialect):
            pairs.setdefault((left.relation, right.relation), {})[left, right] = None
        for found in pairs.values():
            lefts, rights = zip(*found, strict=True)
            yield Join(lefts, rights, text, span)


def _pairs(text: str, sources: Sequence[ColumnRef], dialect: str) -> Iterator[tuple[ColumnRef, ColumnRef]]:
    """Pairs of columns of different relations, or of one that is joined with itself."""
    comparisons = read_comparisons(text, dialect)
    if not comparisons:
        if text.strip('"`[] ').isidentifier():  # USING: both sides are that column
            for left, right in combinations(sources, 2):
                if left.relation != right.relation:
                    yield left, right
        return
    references = [name for one in comparisons for name in (*one.left, *one.right)]
    meanings = match_references(list(dict.fromkeys(references)), sources)
    for one in comparisons:
        if len(one.left) != 1 or len(one.right) != 1 or not is_equality(one.text):
            continue
        pair = meanings.get(one.left[0]), meanings.get(one.right[0])
        if pair[0] is not None and pair[1] is not None and pair[0] != pair[1]:
            yield pair[0], pair[1]


def is_equality(comparison: str) -> bool:
    """Whether a comparison sets its sides equal; MySQL's ``<=>`` does, too.

    >>> is_equality("a.id = b.id"), is_equality("a.id <= b.id")
    (True, False)
    """
    return _OTHER_COMPARISONS.search(comparison.replace("<=>", "=")) is None
