"""Walks the edges of the store level by level: one query for the edges of all nodes that are equally far.

A node is a relation and a folded column name. What a node stands for decides which edges are its own:

- a column also has the edges of ``*`` (all columns of a relation whose columns are unknown). Where both ends
  of an edge are ``*``, the column keeps its name on the other side;
- the row set of a relation acts on each of its columns: upstream of a column lies what decides its rows,
  downstream of a row set lie all columns. Such edges are indirect, so they play no part where only direct
  ones count;
- ``*`` itself stands for every column.

Between tables, the nodes are relations (with no column name) and the edges are the table-level ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select, true

from airflow_provider_sqlflow.jobs.lineage.index import chunks
from airflow_provider_sqlflow.jobs.lineage.model import (
    Direction,
    LineageNode,
    LineageState,
    LineageTable,
    Reach,
)
from airflow_provider_sqlflow.jobs.lineage.names import ROWS, STAR
from airflow_provider_sqlflow.jobs.lineage.rows import ROW_LINK
from airflow_provider_sqlflow.jobs.lineage.search import table_of
from airflow_provider_sqlflow.jobs.lineage.state import LiveResults
from airflow_provider_sqlflow.jobs.store.tables import column, edge, relation

_CHUNK = 5_000

Node = tuple[int, str]
"""A relation's id and a folded column name; ``ROWS`` is the row set, or the relation between tables."""


class Link(NamedTuple):
    """An edge between nodes, in data-flow order."""

    source: Node
    target: Node
    is_direct: bool
    subtype: str


class Met(NamedTuple):
    """An edge of a node that was asked. It begins at ``near``, which is or acts on that node."""

    asked: Node
    near: Node
    far: Node
    link: Link
    result_id: int


class _Column(NamedTuple):
    id: int
    relation_id: int
    name: str | None
    name_folded: str


class _Stored(NamedTuple):
    far: Node
    is_direct: bool
    subtype: str
    result_id: int


class EdgeReader:
    """Edges of nodes in one direction. Keeps what it has read: a search meets the same columns again.

    Args:
        connection: a transaction that reads.
        state: which results count.
        reach: whether only direct edges count, and whether tables are the nodes.
        direction: which way to go.
    """

    def __init__(
        self, connection: Connection, state: LineageState, reach: Reach, direction: Direction
    ) -> None:
        self._connection = connection
        self._live = LiveResults(connection, state)
        self._reach = reach
        self._is_upstream = direction is Direction.UPSTREAM
        self._columns: dict[int, dict[str, _Column]] = {}
        self._edges: dict[int, list[_Stored]] = {}
        self._tables: dict[int, LineageTable] = {}

    def edges_of(self, nodes: Sequence[Node]) -> Iterator[Met]:
        """The edges of all nodes, node by node."""
        self._read_columns(node[0] for node in nodes)
        asked = {node: self._columns_of(node) for node in nodes}
        self._read_edges(found.id for columns in asked.values() for found in columns)
        for node, columns in asked.items():
            for near in columns:
                for stored in self._edges[near.id]:
                    yield self._met(node, near, stored)

    def columns_of(self, relation_id: int) -> list[Node]:
        """All columns of a relation that have edges, and its row set; the relation between tables."""
        if self._reach.table_level:
            return [(relation_id, ROWS)]
        self._read_columns([relation_id])
        return [(relation_id, name) for name in self._columns[relation_id]]

    def shown(self, nodes: Iterable[Node]) -> dict[Node, LineageNode]:
        """The nodes as people read them."""
        nodes = list(nodes)
        self._read_columns(node[0] for node in nodes)
        missing = dict.fromkeys(node[0] for node in nodes if node[0] not in self._tables)
        for chunk in chunks(missing, _CHUNK):
            query = select(relation).where(relation.c.id.in_(chunk))
            self._tables.update((row.id, table_of(row)) for row in self._connection.execute(query))
        return {node: self._shown(*node) for node in nodes}

    def _shown(self, relation_id: int, name: str) -> LineageNode:
        table = self._tables[relation_id]
        if self._reach.table_level:
            return LineageNode(table, None, is_table=True)
        known = self._columns[relation_id].get(name)
        # A column that only `*` implies has no row of its own.
        return LineageNode(table, None if name == ROWS else known.name if known else name)

    def _columns_of(self, node: Node) -> list[_Column]:
        """The columns whose edges are the node's."""
        relation_id, name = node
        columns = self._columns[relation_id]
        wanted: Iterable[str]
        if self._reach.table_level:
            wanted = columns if self._reach.direct else (ROWS,)
        else:
            rows = () if self._reach.direct else (ROWS,)
            if name == ROWS:
                wanted = (ROWS,) if self._is_upstream or self._reach.direct else columns
            elif name == STAR:
                wanted = [
                    *(other for other in columns if other != ROWS),
                    *(rows if self._is_upstream else ()),
                ]
            else:
                wanted = [name, STAR, *(rows if self._is_upstream else ())]
        return [columns[other] for other in wanted if other in columns]

    def _met(self, node: Node, near: _Column, stored: _Stored) -> Met:
        relation_id, name = node
        here, far = (relation_id, near.name_folded), stored.far
        if self._reach.table_level:
            here, far = (relation_id, ROWS), (far[0], ROWS)
        elif near.name_folded == STAR and name not in (ROWS, STAR):
            here = node
            if far[1] == STAR and stored.is_direct:
                far = (far[0], name)
        source, target = (far, here) if self._is_upstream else (here, far)
        subtype = "" if self._reach.table_level else stored.subtype
        return Met(node, here, far, Link(source, target, stored.is_direct, subtype), stored.result_id)

    def _read_columns(self, relation_ids: Iterable[int]) -> None:
        missing = [number for number in dict.fromkeys(relation_ids) if number not in self._columns]
        for chunk in chunks(missing, _CHUNK):
            self._columns.update((number, {}) for number in chunk)
            query = select(column).where(column.c.relation_id.in_(chunk)).order_by(column.c.id)
            for row in self._connection.execute(query):
                self._columns[row.relation_id][row.name_folded] = _Column(*row)

    def _read_edges(self, column_ids: Iterable[int]) -> None:
        missing = [number for number in dict.fromkeys(column_ids) if number not in self._edges]
        for chunk in chunks(missing, _CHUNK):
            rows = self._connection.execute(self._query(chunk)).all()
            live = self._live.of(row.result_id for row in rows)
            self._edges.update((number, []) for number in chunk)
            for near_id, relation_id, name, is_direct, subtype, result_id in rows:
                if result_id in live:
                    stored = _Stored((relation_id, name), is_direct, subtype, result_id)
                    self._edges[near_id].append(stored)

    def _query(self, column_ids: Sequence[int]) -> Select[Any]:
        near, far = edge.c.target_id, edge.c.source_id
        if not self._is_upstream:
            near, far = far, near
        far_fields = (column.c.relation_id, column.c.name_folded)
        query = select(near, *far_fields, edge.c.is_direct, edge.c.subtype, edge.c.result_id)
        query = query.join(column, column.c.id == far)
        query = query.where(near.in_(column_ids)).order_by(edge.c.result_id, edge.c.position)
        if self._reach.direct:
            return query.where(edge.c.is_direct == true())
        is_row_link = edge.c.subtype == ROW_LINK
        return query.where(is_row_link if self._reach.table_level else ~is_row_link)


class Walk:
    """What was met on the way from some nodes.

    Attributes:
        nodes: by distance in edges; a column stands beside a row set or ``*`` that acts on it.
        links: each edge, with the results that hold it.
        ends: where ``depth`` or ``stop`` ended the way.
        before: for each node that was reached, the edges by which it was on a shortest way.
        members: columns with edges, and the ``*`` that stood for them.
    """

    def __init__(self, reader: EdgeReader, reach: Reach, start: Sequence[Node]) -> None:
        self.nodes: dict[Node, int] = dict.fromkeys(start, 0)
        self.links: dict[Link, dict[int, None]] = {}
        self.ends: dict[Node, None] = {}
        self.before: dict[Node, list[Met]] = {}
        self.members: dict[tuple[Node, Node], None] = {}
        self._reader = reader
        self._reach = reach

    def go(self, is_there: Callable[[Node], bool] = lambda _: False) -> list[Node]:
        """Walk to the end, or to the nearest nodes for which ``is_there`` holds; gives those."""
        level, distance = list(self.nodes), 0
        while level:
            arrived = [node for node in level if is_there(node)]
            if arrived:
                return arrived
            level = self._open(level) if distance else level
            if distance == self._reach.depth:
                self._end_at(level)
                break
            distance += 1
            level = self._step(level, distance)
        return []

    def _step(self, level: list[Node], distance: int) -> list[Node]:
        """Take the edges of one level; gives the nodes that are new."""
        new: list[Node] = []
        for met in self._reader.edges_of(level):
            self.links.setdefault(met.link, {})[met.result_id] = None
            self.nodes.setdefault(met.near, distance - 1)
            if met.asked[1] == STAR and met.near[1] not in (STAR, ROWS):
                self.members[met.near, met.asked] = None
            if met.far not in self.nodes:
                self.nodes[met.far] = distance
                new.append(met.far)
            if self.nodes[met.far] == distance:
                self.before.setdefault(met.far, []).append(met)
        return new

    def _open(self, nodes: list[Node]) -> list[Node]:
        """The nodes beyond which to go."""
        if not self._reach.stop:
            return nodes
        shown = self._reader.shown(nodes)
        closed = [node for node in nodes if self._reach.stops_at(shown[node])]
        self.ends.update(dict.fromkeys(closed))
        return [node for node in nodes if node not in self.ends]

    def _end_at(self, level: list[Node]) -> None:
        """Note which nodes of the level have more beyond."""
        beyond = (met.asked for met in self._reader.edges_of(level) if met.far not in self.nodes)
        self.ends.update(dict.fromkeys(beyond))
