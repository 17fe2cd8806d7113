"""Questions about the merged lineage of all jobs: closure, origins, paths.

Level-by-level reading rather than one recursive statement: depth, stop pattern, ``*`` and row sets need
the nodes in hand, and SQLite has no regular expressions. See ``docs/explanation/lineage-store.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection

from airflow_provider_sqlflow.jobs.lineage.components import source_components
from airflow_provider_sqlflow.jobs.lineage.model import (
    Direction,
    LineageEdge,
    LineageGraph,
    LineageNode,
    LineagePath,
    LineageState,
    Reach,
)
from airflow_provider_sqlflow.jobs.lineage.names import ROWS, STAR
from airflow_provider_sqlflow.jobs.lineage.search import Found
from airflow_provider_sqlflow.jobs.lineage.state import edge_makers
from airflow_provider_sqlflow.jobs.lineage.traversal import EdgeReader, Link, Node, Walk


def closure(
    connection: Connection,
    state: LineageState,
    found: Found,
    direction: Direction,
    reach: Reach,
    *,
    with_makers: bool = False,
) -> LineageGraph:
    """All that lies upstream or downstream of a table or column.

    Args:
        connection: a transaction that reads.
        state: what counts.
        found: where to begin.
        direction: which way to go.
        reach: how far.
        with_makers: tell for each edge which jobs' files make it.
    """
    reader = EdgeReader(connection, state, reach, direction)
    walk = Walk(reader, reach, _start(reader, found))
    walk.go()
    nodes = _met_nodes(walk, found)
    shown = reader.shown([*nodes, *walk.nodes])
    edges = _edges(connection, state, walk.links, shown, with_makers=with_makers)
    return LineageGraph(
        direction,
        (_asked(reader, found, reach),),
        tuple(shown[node] for node in nodes),
        tuple(edges),
        tuple(shown[node] for node in walk.ends),
    )


def origins(
    connection: Connection, state: LineageState, found: Found, reach: Reach
) -> tuple[LineageNode, ...]:
    """The left-most sources: nodes upstream that nothing else feeds, or where ``reach.stop`` ended the way.

    Where a circle feeds itself and nothing else feeds it, all its nodes are origins. A node that nothing
    feeds is its own origin. What decides the rows of an origin does not count as feeding it.
    """
    reader = EdgeReader(connection, state, reach, Direction.UPSTREAM)
    walk = Walk(reader, reach, _start(reader, found))
    walk.go()
    nodes = _met_nodes(walk, found)
    if not nodes:
        return (_asked(reader, found, reach),)
    feeds = [(link.source, link.target) for link in walk.links]
    known = set(nodes)
    members = [pair for pair in walk.members if pair[1] in known]  # `*` is fed by what feeds its columns
    first = source_components(nodes, [*feeds, *members])
    shown = reader.shown(first)
    return tuple(shown[node] for node in first)


def paths(
    connection: Connection,
    state: LineageState,
    source: Found,
    target: Found,
    reach: Reach,
    *,
    limit: int,
    with_makers: bool = False,
) -> tuple[LineagePath, ...]:
    """The shortest ways from one table or column to another, at most ``limit``; none if there is no way.

    A way that ends in the row set of the target's table reaches the target unless only direct edges count.
    """
    reader = EdgeReader(connection, state, reach, Direction.DOWNSTREAM)
    walk = Walk(reader, reach, _start(reader, source))
    ends = {target.column, STAR} if reach.direct else {target.column, STAR, ROWS}

    def is_there(node: Node) -> bool:
        return node[0] == target.relation_id and (target.column is None or node[1] in ends)

    arrived = walk.go(is_there)
    ways = [way for _, way in zip(range(limit), _ways_to(walk, arrived), strict=False)]
    links = {link: walk.links[link] for way in ways for link in way}
    shown = reader.shown(dict.fromkeys(end for link in links for end in (link.source, link.target)))
    edges = dict(zip(links, _edges(connection, state, links, shown, with_makers=with_makers), strict=True))
    return tuple(LineagePath(tuple(edges[link] for link in way)) for way in ways)


def _start(reader: EdgeReader, found: Found) -> Sequence[Node]:
    if found.column is None:
        return reader.columns_of(found.relation_id)
    return [(found.relation_id, found.column)]


def _asked(reader: EdgeReader, found: Found, reach: Reach) -> LineageNode:
    """The question's node; a table stays one, though the way begins at its columns."""
    node = (found.relation_id, ROWS if found.column is None else found.column)
    shown = reader.shown([node])[node]
    return LineageNode(shown.table, None, is_table=True) if found.column is None else shown


def _met_nodes(walk: Walk, found: Found) -> list[Node]:
    """The nodes by distance. Of a table that was asked for, only the columns that edges of the walk touch."""
    touched = {end for link in walk.links for end in (link.source, link.target)}
    if found.column is not None:
        touched.add((found.relation_id, found.column))
    return sorted((node for node in walk.nodes if node in touched), key=walk.nodes.__getitem__)


def _edges(
    connection: Connection,
    state: LineageState,
    links: dict[Link, dict[int, None]],
    shown: dict[Node, LineageNode],
    *,
    with_makers: bool,
) -> Iterator[LineageEdge]:
    results: Iterable[int] = (result_id for found in links.values() for result_id in found)
    makers = edge_makers(connection, state, results) if with_makers else {}
    for link, result_ids in links.items():
        made_by = dict.fromkeys(maker for result_id in result_ids for maker in makers.get(result_id, ()))
        yield LineageEdge(
            shown[link.source], shown[link.target], link.is_direct, link.subtype, tuple(made_by)
        )


def _ways_to(walk: Walk, arrived: Sequence[Node]) -> Iterator[tuple[Link, ...]]:
    """The shortest ways, each once, from a start to a node that was arrived at."""
    seen: set[tuple[Link, ...]] = set()
    todo: list[tuple[Node, tuple[Link, ...]]] = [(node, ()) for node in reversed(arrived)]
    while todo:
        node, way = todo.pop()
        if walk.nodes[node] == 0:
            if way not in seen:  # a column and the row set beside it may begin the same way
                seen.add(way)
                yield way
            continue
        steps = dict.fromkeys((met.asked, met.link) for met in walk.before[node])
        todo.extend((asked, (link, *way)) for asked, link in reversed(steps))
