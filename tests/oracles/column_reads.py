"""Which columns of the sample tables a view on a query reads, by our edges."""

from __future__ import annotations

from collections.abc import Iterable

from sample_tables import TABLES, catalog

from airflow_provider_sqlflow.engine import Edge, LineageResult, analyze

Columns = set[tuple[str, str]]
"""Table and column."""


def view_lineage(text: str, dialect: str) -> LineageResult:
    """The lineage of a view on a query, which no diagnostic may spoil."""
    result = analyze(f"CREATE VIEW v AS {text}", dialect=dialect, catalog=catalog())
    assert not result.diagnostics, f"{result.diagnostics}\n{text}"
    return result


def columns_read(edges: Iterable[Edge]) -> Columns:
    """The columns of tables that edges start from."""
    return {
        (edge.source.relation.name, edge.source.name)
        for edge in edges
        if edge.source.name is not None
        and edge.source.relation.scope is None
        and edge.source.relation.name in TABLES
    }
