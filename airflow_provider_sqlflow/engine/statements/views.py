"""Writes through a query: updatable views of Oracle, common table expressions of T-SQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow_provider_sqlflow.engine.graph import IDENTITY, ROWS, Column, Input, Node
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.columns import map_columns
from airflow_provider_sqlflow.engine.statements.context import Statement, base_relations


def is_view(node: Node) -> bool:
    """Whether writes to a node go to the relations behind it; a temporary table keeps its own rows."""
    return node.is_derived and node.kind is not RelationKind.TEMP_TABLE


def written_relation(node: Node) -> Node:
    """The relation behind an updatable query: the first that it reads."""
    while is_view(node):
        below = [one for one in node.reads if not one.is_derived or one.reads]
        if not below:
            return node
        node = below[0]
    return node


def written_column(node: Node, name: Name) -> tuple[Node, Name]:
    """The relation and column that a write to a column of ``node`` reaches."""
    if not is_view(node):
        return node, name
    targets = {base.id: base for base in base_relations(node, through_temporary=False)}
    column = node.find(name.key, name.text)
    while column is not None and column.relation not in targets:
        inputs = column.inputs or ()
        column = inputs[0].column if len(inputs) == 1 and inputs[0].kind == IDENTITY else None
    if column is None or column.name is None:
        return written_relation(node), name
    target = targets[column.relation]
    return target, Name(column.name, _key(target, column), name.start, name.end)


def _key(node: Node, column: Column) -> str:
    for key, one in (*node.columns.items(), *node.found.items()):
        if one is column:
            return key
    return column.name or ""


def link_view(statement: Statement, view: Node, written: Collection[Node], node: Node) -> None:
    """What a view joins and filters decides which rows are changed; its other relations are read."""
    if not is_view(view):
        return
    node.reads.update(
        (base, None) for base in base_relations(view, through_temporary=False) if base not in written
    )
    if node.rows.inputs is not None:
        node.rows.inputs.append(Input(view.rows, ROWS, statement.reader.quoter.whole))


def insert_into_query(statement: Statement, query: Any, source: Any, listed: list[Name]) -> None:
    """``INSERT INTO (SELECT a, b FROM t) (a, b) SELECT …``."""
    view = statement.reader.new_node("target", RelationKind.SUBQUERY)
    statement.reader.read(query, view, None, {})
    target = written_relation(view)
    node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    statement.reader.read(source, node, None, {})
    values = [
        (written_column(view, name)[1], value) for name, value in map_columns(statement, view, node, listed)
    ]
    statement.write(target, values, node.rows, [node])
