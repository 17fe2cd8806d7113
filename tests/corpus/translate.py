"""Runs a corpus case and translates our edges into the corpus's conventions (its README).

The corpus counts columns of CASE conditions, function arguments and window clauses as direct, folds
tables written and then read by a script, and writes ``null`` for a column of an unknown table.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_sqlflow.engine import (
    Diagnostic,
    Effect,
    InMemoryCatalog,
    LineageResult,
    RelationId,
    RelationKind,
    Subtype,
    analyze,
)
from airflow_provider_sqlflow.engine import Edge as Edge_

Edge = tuple[str | None, str, str, str]
_VALUE_SUBTYPES = {Subtype.CONDITIONAL, Subtype.WINDOW}


def run(case: dict[str, Any]) -> LineageResult:
    catalog = InMemoryCatalog(case["schemas"]) if case["schemas"] else None
    return analyze(case["sql"], dialect=case["dialect"], catalog=catalog)


def name(relation: RelationId) -> str:
    return ".".join(part for part in (relation.database, relation.schema, relation.name) if part).lower()


def wanted(text: str | None) -> str | None:
    return None if text is None else text.removeprefix("<default>.").lower()


def column_edges(result: LineageResult) -> set[Edge]:
    """Direct edges, end to end."""
    kinds = result.kinds()
    orphans = [item for item in result.diagnostics if item.code == "orphan_column"]
    edges: set[Edge] = set()
    for edge in result.edges():
        if edge.target.name is None or kinds.get(edge.target.relation) is RelationKind.RESULT:
            continue
        is_value = edge.effect is Effect.DIRECT or edge.subtype in _VALUE_SUBTYPES
        if not is_value or (edge.source.name is None and edge.subtype is not Subtype.AGGREGATION):
            continue
        source: str | None = name(edge.source.relation)
        if edge.span and _holds_orphan(edge, orphans):
            source = None
        edges.add(
            (source, (edge.source.name or "*").lower(), name(edge.target.relation), edge.target.name.lower())
        )
    return chained(edges)


def _holds_orphan(edge: Edge_, orphans: list[Diagnostic]) -> bool:
    """Whether the edge's column is one that was attributed by rule because its table is not known."""
    return any(item.message.startswith(f"{edge.source.name!r} ") for item in orphans)


def chained(edges: set[Edge]) -> set[Edge]:
    """Edges through relations that are written and read become edges end to end."""
    written = {(target, column) for _, _, target, column in edges}
    targets = {target for target, _ in written}
    sources = {source for source, _, _, _ in edges}
    middle = (targets & {source for source in sources if source}) - {None}
    found: set[Edge] = set()
    for target, column in sorted(written):
        if target in middle and any(source == target for source, _, other, _ in edges if other != target):
            continue
        todo, seen = [(target, column)], set()
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            for source, source_column, other, other_column in edges:
                if (other, other_column) != node:
                    continue
                if (
                    source in middle
                    and (source, source_column) in written
                    and (source, source_column) != node
                ):
                    todo.append((source, source_column))
                else:
                    found.add((source, source_column, target, column))
    return found


def tables(result: LineageResult) -> tuple[set[str], set[str]]:
    """Tables read and written, those in the middle of a script left out."""
    sources = {name(item) for item in result.sources}
    targets = {name(item) for item in result.targets}
    read_edges = {(name(edge.source), name(edge.target)) for edge in result.relation_edges()}
    if len(result.statements) > 1:
        middle = {
            item
            for item in sources & targets
            if any(s == item and t != item for s, t in read_edges)
            and any(t == item and s != item for s, t in read_edges)
        }
        return sources - middle, targets - middle
    return sources, targets


def holds(case: dict[str, Any]) -> tuple[bool, str]:
    """Whether the case's expectation holds, and what differs."""
    result = run(case)
    expect = case["expect"]
    if case["level"] == "column":
        got = column_edges(result)
        want = {(wanted(s), c.lower(), wanted(t) or "", d.lower()) for s, c, t, d in expect["columns"]}
        return got == want, f"missing {sorted(want - got, key=str)} extra {sorted(got - want, key=str)}"
    sources, targets = tables(result)
    optional = {wanted(item) for item in case["optional_sources"] or ()}
    want_sources = {wanted(item) for item in expect["sources"]} - optional
    want_targets = {wanted(item) for item in expect["targets"]}
    fits = sources - optional == want_sources and targets == want_targets
    found = f"sources {sorted(sources)}, targets {sorted(targets)}"
    return fits, f"{found}; wanted {sorted(map(str, want_sources))}, {sorted(map(str, want_targets))}"
