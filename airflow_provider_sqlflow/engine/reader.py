"""What every reader of queries shares: making nodes, renaming columns, noting what decides rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.expressions import Walker
from airflow_provider_sqlflow.engine.graph import (
    FILTER,
    JOIN,
    ROWS,
    TRANSFORMATION,
    Column,
    Input,
    Node,
)
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.orphans import share_operands
from airflow_provider_sqlflow.engine.quote import Quoter
from airflow_provider_sqlflow.engine.scope import Scope
from airflow_provider_sqlflow.engine.session import Name, Session, make_relation_id
from airflow_provider_sqlflow.engine.split import RawStatement

Ctes = dict[str, Node]
Written = tuple[Node, list[tuple[Name, Column]], Column | None]


class Reader:
    """Reads the queries of one statement; the nodes it makes are kept in ``nodes`` in order."""

    def __init__(self, session: Session, statement: RawStatement, index: int) -> None:
        self.session = session
        self.rules = session.rules
        self.base = statement.base
        self.quoter = Quoter(session.source, statement)
        self.walker = Walker(session, statement.base, self._subquery_node)
        self.index = index
        self.nodes: list[Node] = []
        self.named_expressions: dict[str, tuple[Name, Any]] = {}  # ClickHouse: WITH expression AS name
        # Reads a data-modifying CTE: target, columns written, rows. Set by the statement.
        self.write_nested: Callable[[Any, Ctes], Written | None] | None = None

    def release(self) -> None:
        """Forget who calls back: nothing is read any more."""
        self.write_nested = None
        self.walker.release()

    def read(self, query: Any, node: Node, parent: Scope | None, ctes: Ctes) -> None:
        """Fill ``node`` with the columns of a query."""
        raise NotImplementedError  # QueryReader is the one that is made

    def read_ctes(self, query: Any, parent: Scope | None, ctes: Ctes) -> Ctes:
        """The CTEs of a WITH, added to those around."""
        raise NotImplementedError

    def _values(self, item: Any, node: Node, scope: Scope) -> None:
        raise NotImplementedError

    def new_node(self, name: str, kind: RelationKind, start: int = -1, end: int = -1) -> Node:
        """A node of this statement with a name that is unique in the result."""
        relation = make_relation_id(None, None, name, f"{self.index}.{len(self.nodes) + 1}")
        node = Node(relation, kind, is_derived=True)
        self.nodes.append(node)
        place = (start, end) if start >= 0 else None
        self.session.mentions[relation] = (node, place)
        return node

    def scope(self, owner: Node, parent: Scope | None, ctes: Ctes) -> Scope:
        """An empty name space whose reads are noted on ``owner``."""
        self.session.watch.check()
        return Scope(self.session, owner, parent, ctes)

    def _subquery_node(self, query: Any, scope: Scope) -> Node:
        node = self.new_node(f"subquery_{len(self.nodes) + 1}", RelationKind.SUBQUERY)
        self.read(query, node, scope, scope.ctes)
        return node

    def alias_columns(self, alias: Any) -> list[Name]:
        """The column list of an alias: ``t AS x(a, b)``."""
        if alias is None:
            return []
        return [
            self.session.column_name(
                column.args["this"] if isinstance(column, exp.ColumnDef) else column, self.base
            )
            for column in alias.args.get("columns") or ()
        ]

    def rename(self, node: Node, names: list[Name]) -> None:
        """Give a node's columns the names of a column list, by position."""
        if not names:
            return
        columns = list(node.columns.values())
        node.columns = {}
        for number, name in enumerate(names):
            if number < len(columns):
                column = columns[number]
                fresh = node.add(name.key, name.text, column.inputs)
                fresh.leaves = column.leaves
            elif node.stars:
                firsts = [stars[0] for stars in node.branches()]
                inputs = [Input(below.star_column(), TRANSFORMATION, place) for below, place in firsts]
                node.add(name.key, name.text, inputs)
            else:
                node.add(name.key, name.text, list(node.any_inputs or ()))
        for column in columns[len(names) :]:
            node.columns.setdefault(self.rules.column_key(column.name or "", False), column)
        if len(names) >= len(columns):
            node.stars, node.starts = [], []
        node.complete()

    def decide(self, expression: Any, scope: Scope, node: Node, kind: int) -> None:
        """A condition on the rows of a node."""
        rows = node.rows.inputs
        if rows is not None:
            if kind in (FILTER, JOIN):
                share_operands(expression, scope)
            self.walker.visit(expression, scope, kind, self.quoter.clause(expression), rows)

    def add_row_inputs(self, inputs: list[Input], node: Node, kind: int) -> None:
        """What feeds an output column also decides the rows."""
        rows = node.rows.inputs
        if rows is None:
            return
        for item in inputs:
            if item.column.name is not None:
                rows.append(Input(item.column, kind, item.place))
            elif item.kind & 15 >= JOIN:
                rows.append(item)  # what decides a scalar subquery's value decides here, too

    def unfold(self, inputs: list[Input], scope: Scope) -> None:
        """What is unfolded into rows, an array or a function's arguments, decides how many there are."""
        if inputs:
            self.add_row_inputs(inputs, scope.owner, JOIN)

    def link_rows(self, scope: Scope, node: Node) -> None:
        """The rows of a query are made of the rows of its relations."""
        rows = node.rows.inputs
        if rows is None:
            return
        for source in scope.sources:
            node.reads[source.node] = None
            rows.append(Input(source.node.rows, ROWS, self.quoter.whole))


def identifier_of(item: Any) -> Any:
    """The identifier inside a column, alias or bracket."""
    while (
        not isinstance(item, exp.Identifier)
        and isinstance(item, exp.Expr)
        and isinstance(item.args.get("this"), exp.Expr)
    ):
        item = item.args["this"]
    return item
