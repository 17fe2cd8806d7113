"""Lineage as a text that a person reads in a terminal.

Targets stand in reading order, below each its columns, below each column where it comes from::

    mart.daily  table
      total
        <- staging.orders.amount   AGGREGATION  sum(amount)  load.sql:3:8
      [rows]
        <~ staging.orders.status   FILTER       status = 1   load.sql:5:7

``<-`` says that the value flows, ``<~`` that it only decides. ``[rows]`` are the rows of a relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    LineageResult,
    RelationId,
)
from airflow_provider_sqlflow.formats.lookup import RelationNames, shown_edges
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.palette import one_line, shorten

ROWS = "[rows]"
MAX_EXPRESSION = 60
MAX_SOURCE = 60


def iter_tree(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The text, line by line."""
    if title:
        yield f"{one_line(title)}\n\n"
    names = RelationNames(result)
    targets = _by_target(shown_edges(result, options))
    if not targets:
        yield "No column lineage found.\n"
    for number, (relation, columns) in enumerate(targets.items()):
        if number:
            yield "\n"
        yield f"{one_line(names.label(relation))}  {names.kind(relation).value}\n"
        for column, edges in columns.items():
            yield f"  {_column(column)}\n"
            yield from _sources(edges, names)
    if result.diagnostics:
        yield "\nDiagnostics\n"
        for diagnostic in result.diagnostics:
            yield f"  {_diagnostic(diagnostic)}\n"


def _by_target(edges: Iterable[Edge]) -> dict[RelationId, dict[str | None, list[Edge]]]:
    targets: dict[RelationId, dict[str | None, list[Edge]]] = {}
    for edge in edges:
        columns = targets.setdefault(edge.target.relation, {})
        columns.setdefault(edge.target.name, []).append(edge)
    for columns in targets.values():
        if None in columns:  # the rows concern every column: they come last
            columns[None] = columns.pop(None)
    return targets


def _sources(edges: list[Edge], names: RelationNames) -> Iterator[str]:
    rows = [
        (
            "<-" if edge.effect is Effect.DIRECT else "<~",
            _end(edge.source, names),
            edge.subtype.value + (" masked" if edge.masking else ""),
            shorten(one_line(edge.expression), MAX_EXPRESSION),
            str(edge.span) if edge.span else "",
        )
        for edge in edges
    ]
    width = min(max(len(row[1]) for row in rows), MAX_SOURCE)
    kind_width = max(len(row[2]) for row in rows)
    text_width = max(len(row[3]) for row in rows)
    for arrow, source, kind, text, place in rows:
        line = f"    {arrow} {source:<{width}}  {kind:<{kind_width}}  {text:<{text_width}}"
        yield f"{line}  {one_line(place)}".rstrip() + "\n"


def _end(end: ColumnRef, names: RelationNames) -> str:
    return f"{one_line(names.label(end.relation))}.{_column(end.name)}"


def _column(name: str | None) -> str:
    return ROWS if name is None else one_line(name)


def _diagnostic(item: Diagnostic) -> str:
    return f"{item.severity.value} {item.code} {one_line(str(item.span))}: {one_line(item.message)}"
