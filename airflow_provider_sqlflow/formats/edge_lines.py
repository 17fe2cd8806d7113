"""Column edges as JSON lines: everything an edge knows, for scripts and data frames.

One edge a line, folded unless the options ask for every step. ``"column": null`` is the whole row set of
the relation, ``"*"`` every column of a relation whose columns are unknown. Keys are always present and
always in this order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_sqlflow.engine.model import ColumnRef, Edge, LineageResult, StatementLineage
from airflow_provider_sqlflow.formats.lookup import RelationNames, StatementLookup, shown_edges
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions


def iter_edges(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The lines, each with its line break. ``title`` has no place in this format."""
    names = RelationNames(result)
    statements = StatementLookup(result)
    for edge in shown_edges(result, options):
        yield json.dumps(_edge(edge, names, statements.find(edge)), ensure_ascii=False) + "\n"


def _edge(edge: Edge, names: RelationNames, statement: StatementLineage | None) -> dict[str, Any]:
    span = edge.span
    return {
        "source": _end(edge.source, names),
        "target": _end(edge.target, names),
        "effect": edge.effect.value,
        "subtype": edge.subtype.value,
        "masking": edge.masking,
        "expression": edge.expression,
        "statement": edge.statement,
        "statement_kind": statement.kind.value if statement else None,
        "file": span.source_name if span else None,
        "line": span.start_line if span else None,
        "column": span.start_column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
    }


def _end(end: ColumnRef, names: RelationNames) -> dict[str, Any]:
    relation = end.relation
    return {
        "database": relation.database,
        "schema": relation.schema,
        "relation": relation.name,
        "scope": relation.scope,
        "kind": names.kind(relation).value,
        "column": end.name,
    }
