"""Answers about lineage across jobs as text for people and as JSON.

The tree shows what lies upstream (``<-``, or ``<~`` for what only decides) or downstream (``->``, ``~>``) of
the root. A node is opened where it first appears; ``(above)`` marks it elsewhere, ``...`` where a limit ended
the way. What acts on all columns of a table stands below its ``[rows]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from airflow_provider_sqlflow.cli.rendering import as_json, plural, table
from airflow_provider_sqlflow.formats.palette import printable
from airflow_provider_sqlflow.jobs.lineage.model import (
    Direction,
    EdgeMaker,
    LineageEdge,
    LineageGraph,
    LineageNode,
    LineagePath,
    TablePage,
)

_INDENT = "  "
_STAR = "*"


class _Branch(NamedTuple):
    arrow: str
    node: LineageNode
    note: str


def graph_text(graph: LineageGraph) -> str:
    """The answer as a tree, a node a line."""
    return "\n".join(_Tree(graph).lines())


class _Tree:
    def __init__(self, graph: LineageGraph) -> None:
        self._start = graph.start
        self._ends = set(graph.ends)
        self._is_upstream = graph.direction is Direction.UPSTREAM
        self._branches: dict[LineageNode, list[_Branch]] = {}
        self._columns: dict[object, dict[LineageNode, None]] = {}
        for edge in graph.edges:
            near, far = (edge.target, edge.source) if self._is_upstream else (edge.source, edge.target)
            branch = _Branch(self._arrow(edge.is_direct or far.is_table), far, _note(edge))
            self._branches.setdefault(near, []).append(branch)
            if not near.is_table:
                self._columns.setdefault(near.table, {})[near] = None

    def lines(self) -> Iterator[str]:
        """The tree from its roots; no recursion, for ways may be long."""
        opened: set[LineageNode] = set()
        todo = [(0, "", root, "") for root in reversed(self._start)]
        while todo:
            depth, arrow, node, note = todo.pop()
            below = self._below(node)
            mark = "..." if node in self._ends else "(above)" if below and node in opened else ""
            label = " ".join(filter(None, (arrow, _shown(node))))
            yield f"{_INDENT * depth}{'  '.join(filter(None, (label, note, mark)))}"
            if node not in opened:
                opened.add(node)
                todo.extend((depth + 1, *branch) for branch in reversed(below))

    def _below(self, node: LineageNode) -> list[_Branch]:
        own = self._branches.get(node, [])
        others = (other for other in self._columns.get(node.table, ()) if other != node)
        if node.is_table:
            stand_beside = [_Branch("", other, "") for other in others]
        elif node.column == _STAR or (node.column is None and not self._is_upstream):
            stand_beside = [
                _Branch(self._arrow(node.column == _STAR), other, "")
                for other in others
                if other.column is not None or self._is_upstream
            ]
        elif node.column is not None and self._is_upstream:
            stand_beside = [
                _Branch(self._arrow(False), other, "") for other in others if other.column is None
            ]
        else:
            stand_beside = []
        return [*own, *stand_beside]

    def _arrow(self, is_direct: bool) -> str:
        if self._is_upstream:
            return "<-" if is_direct else "<~"
        return "->" if is_direct else "~>"


def path_text(path: LineagePath) -> str:
    """A way from left to right, an edge a line."""
    if not path.edges:
        return "the two are the same"
    here = path.edges[0].source
    lines = [_shown(here)]
    for edge in path.edges:
        if edge.source != here:  # the row set acts on this column
            lines.append(f"{_INDENT * len(lines)}~> {_shown(edge.source)}")
        arrow = "->" if edge.is_direct or edge.target.is_table else "~>"
        step = "  ".join(filter(None, (_shown(edge.target), _note(edge))))
        lines.append(f"{_INDENT * len(lines)}{arrow} {step}")
        here = edge.target
    return "\n".join(lines)


def tables_text(page: TablePage) -> str:
    """A page of tables, a table a line."""
    rows = [
        (
            _shown(item.table),
            item.table.kind,
            "yes" if item.is_read else "",
            "yes" if item.is_written else "",
            str(item.jobs),
        )
        for item in page.tables
    ]
    shown = table(("table", "kind", "read", "written", "jobs"), rows)
    return f"{shown}\n{len(page.tables)} of {plural(page.total, 'table')}"


def graph_json(graph: LineageGraph) -> str:
    """The answer as JSON: nodes and edges."""
    return as_json(
        {
            "direction": graph.direction.value,
            "start": _nodes(graph.start),
            "nodes": _nodes(graph.nodes),
            "edges": [_edge(edge) for edge in graph.edges],
            "ends": _nodes(graph.ends),
        }
    )


def nodes_json(nodes: Iterable[LineageNode]) -> str:
    """Nodes as JSON."""
    return as_json(_nodes(nodes))


def paths_json(paths: Sequence[LineagePath]) -> str:
    """Ways as JSON: a list of edges each."""
    return as_json([[_edge(edge) for edge in path.edges] for path in paths])


def tables_json(page: TablePage) -> str:
    """A page of tables as JSON."""
    tables = [
        {
            "name": str(item.table),
            "database": item.table.database,
            "schema": item.table.schema,
            "table": item.table.name,
            "kind": item.table.kind,
            "is_read": item.is_read,
            "is_written": item.is_written,
            "jobs": item.jobs,
        }
        for item in page.tables
    ]
    return as_json({"tables": tables, "total": page.total})


def _note(edge: LineageEdge) -> str:
    makers = ", ".join(_maker(maker) for maker in edge.made_by)
    return "  ".join(filter(None, (edge.subtype, f"[{makers}]" if makers else "")))


def _maker(maker: EdgeMaker) -> str:
    return f"{printable(maker.job_name)}: {printable(maker.path)}"


def _shown(named: object) -> str:
    return printable(str(named))


def _edge(edge: LineageEdge) -> dict[str, Any]:
    return {
        "source": _node(edge.source),
        "target": _node(edge.target),
        "effect": None if edge.source.is_table else "DIRECT" if edge.is_direct else "INDIRECT",
        "subtype": edge.subtype or None,
        "made_by": [
            {"job_id": maker.job_id, "job_name": maker.job_name, "run": maker.run, "path": maker.path}
            for maker in edge.made_by
        ],
    }


def _nodes(nodes: Iterable[LineageNode]) -> list[dict[str, Any]]:
    return [_node(node) for node in nodes]


def _node(node: LineageNode) -> dict[str, Any]:
    return {
        "name": str(node),
        "database": node.table.database,
        "schema": node.table.schema,
        "table": node.table.name,
        "kind": node.table.kind,
        "column": node.column,
        "is_table": node.is_table,
    }
