"""SQL text in, lineage out: no I/O, no clock, no globals.

>>> from airflow_provider_sqlflow.engine import analyze
>>> result = analyze("INSERT INTO daily (total) SELECT sum(amount) FROM orders", dialect="postgres")
>>> [f"{edge.source} -> {edge.target} {edge.subtype.value}" for edge in result.edges()]
['orders.amount -> daily.total AGGREGATION']
"""

from airflow_provider_sqlflow.engine.analyze import (
    Script,
    ScriptReading,
    analyze,
    declared_columns,
    iter_scripts,
    read_script,
)
from airflow_provider_sqlflow.engine.catalog import Catalog, InMemoryCatalog, LayeredCatalog
from airflow_provider_sqlflow.engine.document import result_from_json, result_to_json
from airflow_provider_sqlflow.engine.merge import merge_results
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Diagnostic,
    Edge,
    Effect,
    Key,
    KeyKind,
    LineageResult,
    Relation,
    RelationEdge,
    RelationId,
    RelationKind,
    Severity,
    Span,
    StatementKind,
    StatementLineage,
    Subtype,
)

__all__ = [
    "Catalog",
    "ColumnRef",
    "Diagnostic",
    "Edge",
    "Effect",
    "InMemoryCatalog",
    "Key",
    "KeyKind",
    "LayeredCatalog",
    "LineageResult",
    "Relation",
    "RelationEdge",
    "RelationId",
    "RelationKind",
    "Script",
    "ScriptReading",
    "Severity",
    "Span",
    "StatementKind",
    "StatementLineage",
    "Subtype",
    "analyze",
    "declared_columns",
    "iter_scripts",
    "merge_results",
    "read_script",
    "result_from_json",
    "result_to_json",
]
