"""A file's lineage as rows for the look-up tables. Small and picklable: it comes back from processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult, Relation, RelationId


class RelationRow(NamedTuple):
    """A relation that lives in a database or in files, and what the file does with it."""

    database: str | None
    schema: str | None
    name: str
    kind: str
    is_read: bool
    is_written: bool


class EdgeRow(NamedTuple):
    """A folded edge; ``source`` and ``target`` are positions in :attr:`IndexRows.relations`.

    A column that is ``None`` stands for the relation's rows.
    """

    source: int
    source_column: str | None
    target: int
    target_column: str | None
    is_direct: bool
    subtype: str


ROW_LINK = "ROWS"
"""Subtype under which :attr:`IndexRows.row_links` are kept: between row sets, and not direct."""


@dataclass(frozen=True, slots=True)
class IndexRows:
    """Relations and edges of one file, without doubles, in reading order.

    ``row_links`` are the table-level edges (source, target), which column edges alone do not give:
    ``INSERT INTO t SELECT 1 FROM s`` has none.
    """

    relations: tuple[RelationRow, ...] = ()
    edges: tuple[EdgeRow, ...] = ()
    row_links: tuple[tuple[int, int], ...] = ()


def stored_relations(result: LineageResult) -> tuple[Relation, ...]:
    """The relations that live in a database or in files, in reading order: what jobs count and look up.

    No temporary tables (two files may each have one of a name), subqueries, query results, table functions,
    variables or one-row dummies such as DUAL.
    """
    from airflow_provider_sqlflow.engine import RelationKind

    outside = {RelationKind.RESULT, RelationKind.CONSTANT, RelationKind.FUNCTION, RelationKind.VARIABLE}
    return tuple(item for item in result.relations if not item.kind.is_transient and item.kind not in outside)


def index_rows(result: LineageResult) -> IndexRows:
    """The rows of a result. Edges into a query result that nobody stores are left out."""
    from airflow_provider_sqlflow.engine import Effect

    kept = stored_relations(result)
    reads, writes = set(result.sources), set(result.targets)
    numbers: dict[RelationId, int] = {item.id: number for number, item in enumerate(kept)}
    edges = [
        EdgeRow(
            numbers[edge.source.relation],
            edge.source.name,
            numbers[edge.target.relation],
            edge.target.name,
            edge.effect is Effect.DIRECT,
            edge.subtype.value,
        )
        for edge in result.edges()
        if edge.source.relation in numbers and edge.target.relation in numbers
    ]
    relations = (
        RelationRow(
            item.id.database,
            item.id.schema,
            item.id.name,
            item.kind.value,
            item.id in reads,
            item.id in writes,
        )
        for item in kept
    )
    row_links = [
        (numbers[link.source], numbers[link.target])
        for link in result.relation_edges()
        if link.source in numbers and link.target in numbers
    ]
    # A statement that writes several tables may have column edges between tables that have no edge.
    row_links += [(edge.source, edge.target) for edge in edges if edge.source != edge.target]
    return IndexRows(tuple(relations), tuple(dict.fromkeys(edges)), tuple(dict.fromkeys(row_links)))
