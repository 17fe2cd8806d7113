"""Merged lineage as the engine's result, so that every export format writes it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from airflow_provider_sqlflow.engine import (
    ColumnRef,
    Edge,
    Effect,
    LineageResult,
    Relation,
    RelationEdge,
    RelationId,
    RelationKind,
    Subtype,
    merge_results,
    result_from_json,
)
from airflow_provider_sqlflow.jobs.lineage.index import chunks
from airflow_provider_sqlflow.jobs.lineage.model import LineageGraph, LineageNode, LineageState, LineageTable
from airflow_provider_sqlflow.jobs.lineage.state import select_files
from airflow_provider_sqlflow.jobs.store.packing import unpack
from airflow_provider_sqlflow.jobs.store.tables import job, result, run_file, source_text

_BATCH = 32
"""Documents fetched at once: they can be large."""


def merged_result(connection: Connection, state: LineageState) -> LineageResult:
    """The lineage of all files that count, oldest job first; a result that several jobs share, once."""
    return merge_results(result_from_json(document) for document in _documents(connection, state))


def merged_texts(connection: Connection, state: LineageState) -> dict[str, str]:
    """The SQL behind :func:`merged_result` by file name; of two files with one name, the newer job's."""
    files = select_files(state, run_file.c.path, source_text.c.text)
    files = files.join(source_text, source_text.c.id == run_file.c.text_id)
    rows = connection.execute(files.order_by(job.c.number, run_file.c.position))
    return {path: unpack(text) for path, text in rows}


def _documents(connection: Connection, state: LineageState) -> Iterator[str]:
    files = select_files(state, run_file.c.result_id).order_by(job.c.number, run_file.c.position)
    for chunk in chunks(dict.fromkeys(connection.execute(files).scalars()), _BATCH):
        query = select(result.c.id, result.c.document).where(result.c.id.in_(chunk))
        found = {row.id: row.document for row in connection.execute(query)}
        yield from (unpack(found[result_id]) for result_id in chunk)


def graph_result(graph: LineageGraph) -> LineageResult:
    """The nodes and edges of an answer. There are no statements, texts or places: those stay in the jobs.

    Between tables, the edges are :meth:`LineageResult.relation_edges`.
    """
    columns: dict[LineageTable, list[str]] = {}
    for node in (*graph.nodes, *graph.start):
        known = columns.setdefault(node.table, [])
        if node.column is not None and node.column not in known:
            known.append(node.column)
    relations = tuple(
        Relation(_id(table), RelationKind(table.kind), tuple(names)) for table, names in columns.items()
    )
    return LineageResult(
        relations=relations,
        folded_edges=tuple(
            Edge(
                _ref(edge.source),
                _ref(edge.target),
                Effect.DIRECT if edge.is_direct else Effect.INDIRECT,
                Subtype(edge.subtype),
            )
            for edge in graph.edges
            if not edge.source.is_table
        ),
        folded_relation_edges=tuple(
            dict.fromkeys(
                RelationEdge(_id(edge.source.table), _id(edge.target.table)) for edge in graph.edges
            )
        ),
    )


def _id(table: LineageTable) -> RelationId:
    return RelationId(table.database, table.schema, table.name)


def _ref(node: LineageNode) -> ColumnRef:
    return ColumnRef(_id(node.table), node.column)
