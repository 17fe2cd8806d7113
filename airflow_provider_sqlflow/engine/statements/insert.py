"""INSERT in its forms: with and without column list, OVERWRITE, partitions, several tables."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.function_sources import read_path
from airflow_provider_sqlflow.engine.graph import FILTER, Column, Node
from airflow_provider_sqlflow.engine.model import RelationKind, StatementKind
from airflow_provider_sqlflow.engine.scope import Scope, Source
from airflow_provider_sqlflow.engine.select_list import select_all
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.statements.assignments import assignments
from airflow_provider_sqlflow.engine.statements.columns import map_columns, unloaded
from airflow_provider_sqlflow.engine.statements.context import Statement
from airflow_provider_sqlflow.engine.statements.update import write_output
from airflow_provider_sqlflow.engine.statements.views import insert_into_query


def read_insert(statement: Statement, tree: Any, ctes: dict[str, Node] | None = None) -> None:
    """``INSERT INTO t [(columns)] query``."""
    statement.kind = StatementKind.INSERT
    table = tree.args["this"].args["this"] if isinstance(tree.args["this"], exp.Schema) else tree.args["this"]
    if isinstance(table, exp.Subquery) and isinstance(tree.args.get("expression"), (exp.Query, exp.Values)):
        insert_into_query(statement, table, tree.args["expression"], _listed(statement, tree))
        return
    target = target_of(statement, tree.args["this"])
    if target is None:
        return
    ctes = statement.reader.read_ctes(tree, None, ctes or {})
    query = tree.args.get("expression") or tree.args.get("source")
    listed = _listed(statement, tree)
    if isinstance(query, exp.Table):
        query = select_all(query)  # INSERT INTO t TABLE s
    if not isinstance(query, exp.Query) and not isinstance(query, exp.Values):
        statement.write(target, [], None, [])
        return
    node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    statement.reader.read(query, node, None, ctes)
    by_name = bool(tree.args.get("by_name"))
    values = map_columns(statement, target, node, listed, _partition(statement, tree), by_name)
    conflict = tree.args.get("conflict")
    if target.kind is RelationKind.PATH:
        values = unloaded(node)
    if isinstance(tree.args.get("where"), exp.Expr):  # Databricks: REPLACE WHERE condition
        replaced = statement.reader.scope(node, None, {})
        replaced.add(Source(target, None, (target.id.name,)))
        statement.reader.decide(tree.args["where"], replaced, node, FILTER)
    statement.write(target, values, node.rows, [node])
    write_output(statement, tree, target, values, node.rows)
    if conflict is not None:
        _on_conflict(statement, tree, target, conflict, values)


def target_of(statement: Statement, this: Any) -> Node | None:
    """The relation an INSERT names, or a directory."""
    if isinstance(this, exp.Directory):
        path = this.args["this"]
        name = Name(path.name, path.name, -1, -1)
        return statement.session.relation([name], RelationKind.PATH)
    parts = statement.parts(this)
    if not parts:
        table = this.args.get("this") if isinstance(this, exp.Schema) else this
        path = read_path(table.args.get("this") if isinstance(table, exp.Table) else table)
        if path is not None:  # ClickHouse: INSERT INTO FUNCTION s3('…')
            return statement.session.relation([Name(path, path, -1, -1)], RelationKind.PATH)
        statement.warn("unsupported_target", "the target of this statement is not read")
        return None
    return statement.session.relation(parts)


def _listed(statement: Statement, tree: Any) -> list[Name]:
    this = tree.args["this"]
    columns = list(this.args.get("expressions") or ()) if isinstance(this, exp.Schema) else []
    if not columns:
        columns = list(tree.args.get("columns") or ())
    return statement.names(columns)


def _partition(statement: Statement, tree: Any) -> tuple[list[Name], list[Name]]:
    """Columns of PARTITION (…): those with a value, and those the query gives last."""
    partition = tree.args.get("partition")
    if not isinstance(partition, exp.Expr):
        this = tree.args["this"]
        table = this.args.get("this") if isinstance(this, exp.Schema) else this
        partition = table.args.get("partition") if isinstance(table, exp.Table) else None
    static: list[Name] = []
    dynamic: list[Name] = []
    for item in (partition.args.get("expressions") if isinstance(partition, exp.Expr) else None) or ():
        if isinstance(item, exp.EQ):
            static += statement.names([item.args["this"]])
        else:
            dynamic += statement.names([item])
    return static, dynamic


def _on_conflict(
    statement: Statement, tree: Any, target: Node, conflict: Any, values: list[tuple[Name, Column]]
) -> None:
    """``ON CONFLICT DO UPDATE SET a = excluded.a``: excluded is the row that was to be inserted."""
    reader = statement.reader
    given = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    for name, value in values:
        given.add(name.key, name.text, value.inputs)
    for key, column in target.columns.items():
        if key not in given.columns:
            given.add(key, column.name or "", [])  # its default
    given.complete()
    owner = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    scope = reader.scope(owner, None, {})
    table = tree.args["this"].args["this"] if isinstance(tree.args["this"], exp.Schema) else tree.args["this"]
    reader.add_source(table, scope)
    rules = statement.session.rules
    for word in ("excluded", "new", "values"):
        scope.by_name.setdefault(rules.relation_key(word, False), []).append(
            Source(given, None, (rules.relation_key(word, False),), is_visible=False)
        )
    _add_selected(statement, tree, conflict, scope)
    pairs = [
        (names[-1], value)
        for names, value in assignments(statement, conflict.args.get("expressions") or (), scope, target)
    ]
    if isinstance(conflict.args.get("where"), exp.Expr):
        reader.decide(conflict.args["where"], scope, owner, FILTER)
    if pairs:
        statement.write(target, pairs, owner.rows, [owner])


def _add_selected(statement: Statement, tree: Any, conflict: Any, scope: Scope) -> None:
    """MySQL: ON DUPLICATE KEY UPDATE may name the relations of the SELECT."""
    query = tree.args.get("expression")
    if not conflict.args.get("duplicate") or not isinstance(query, exp.Select) or query.args.get("with_"):
        return
    joined = [join.args["this"] for join in query.args.get("joins") or ()]
    from_ = query.args.get("from_")
    tables = [item for item in (from_ and from_.args["this"], *joined) if isinstance(item, exp.Table)]
    selected = statement.reader.scope(Node(scope.owner.id, RelationKind.SUBQUERY, is_derived=True), None, {})
    for table in tables:
        statement.reader.add_source(table, selected)
    for key, sources in selected.by_name.items():
        scope.by_name.setdefault(key, []).extend(sources)


def read_multi_insert(statement: Statement, tree: Any) -> None:
    """``INSERT ALL … SELECT`` and Hive's ``FROM t INSERT … INSERT …``."""
    statement.kind = StatementKind.INSERT
    reader = statement.reader
    ctes = reader.read_ctes(tree, None, {})
    source = tree.args.get("source")
    shared = reader.new_node("source", RelationKind.SUBQUERY)
    scope = reader.scope(shared, None, ctes)
    if isinstance(source, exp.Query) and not isinstance(source, exp.Subquery):
        reader.read(source, shared, None, ctes)
        scope.add(Source(shared, None, ()))
    elif isinstance(source, exp.Expr):
        reader.add_source(source, scope)
    before: list[Any] = []  # conditions of earlier branches: FIRST and ELSE skip what they took
    is_first = str(tree.args.get("kind") or "").upper() == "FIRST"
    for item in tree.args.get("expressions") or ():
        insert = item.args["this"] if isinstance(item, exp.ConditionalInsert) else item
        target = target_of(statement, insert.args["this"])
        if target is None:
            continue
        node = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
        branch = reader.scope(node, None, ctes)
        for relation in scope.sources:
            branch.add(relation)
        reader.project_branch(insert.args.get("expression"), branch, node)
        condition = item.args.get("expression") if isinstance(item, exp.ConditionalInsert) else None
        is_else = isinstance(item, exp.ConditionalInsert) and bool(item.args.get("else_"))
        for one in [*(before if is_first or is_else else ()), condition]:
            if isinstance(one, exp.Expr):
                reader.decide(one, branch, node, FILTER)
        if isinstance(condition, exp.Expr):
            before.append(condition)
        node.complete()
        values = map_columns(
            statement, target, node, _listed(statement, insert), _partition(statement, insert)
        )
        statement.write(target, values, node.rows, [node])
