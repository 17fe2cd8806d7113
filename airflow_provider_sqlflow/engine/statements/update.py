"""UPDATE, DELETE and MERGE: writes to a relation that is also in scope."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import FILTER, IDENTITY, JOIN, ROWS, SORT, Column, Input, Node
from airflow_provider_sqlflow.engine.model import RelationKind, StatementKind
from airflow_provider_sqlflow.engine.scope import Scope, Source
from airflow_provider_sqlflow.engine.session import Name, names_of_text
from airflow_provider_sqlflow.engine.statements.assignments import assignments
from airflow_provider_sqlflow.engine.statements.columns import map_columns
from airflow_provider_sqlflow.engine.statements.context import Statement, value_column
from airflow_provider_sqlflow.engine.statements.views import link_view, written_column, written_relation

Pairs = list[tuple[Name, Column]]
_OUTPUT_INTO = re.compile(r"\bOUTPUT\b[^;]*?\bINTO\s+([\w#@.]+)\s*\(", re.IGNORECASE)


def read_update(statement: Statement, tree: Any, ctes: dict[str, Node] | None = None) -> None:
    """``UPDATE t SET … [FROM …] [WHERE …]``, with joins and aliases of every dialect."""
    statement.kind = StatementKind.UPDATE
    reader = statement.reader
    node = Node(reader.new_node("update", RelationKind.SUBQUERY).id, RelationKind.SUBQUERY, is_derived=True)
    reader.nodes.pop()
    scope = reader.scope(node, None, reader.read_ctes(tree, None, ctes or {}))
    this = tree.args["this"]
    from_ = tree.args.get("from_")
    if from_ is not None:
        reader.add_source(from_.args["this"], scope)
    target = _aliased(statement, this, scope) if from_ is not None else None
    if target is None:
        reader.add_source(this, scope)
        # MySQL's UPDATE a JOIN b: the first relation of the list, unless SET says otherwise.
        target = scope.sources[0] if this.args.get("joins") else scope.sources[-1]
    for join in tree.args.get("joins") or ():
        reader.add_join(join, scope)
    node.rows.inputs = [item for item in node.rows.inputs or () if item.kind != ROWS]
    pairs = assignments(statement, tree.args.get("expressions") or (), scope, target.node)
    if tree.args.get("where") is not None:
        reader.decide(tree.args["where"], scope, node, FILTER)
    _sort(statement, tree, scope, node)
    _write_by_target(statement, pairs, scope, target, node)
    write_output(
        statement,
        tree,
        written_relation(target.node),
        [(names[-1], value) for names, value in pairs],
        node.rows,
    )


def _sort(statement: Statement, tree: Any, scope: Scope, node: Node) -> None:
    """MySQL: ORDER BY … LIMIT decides which rows are changed."""
    order = tree.args.get("order")
    for item in (order.args.get("expressions") if isinstance(order, exp.Expr) else None) or ():
        statement.reader.decide(item, scope, node, SORT)


def write_output(
    statement: Statement, tree: Any, target: Node, pairs: list[tuple[Name, Column]], rows: Column | None
) -> None:
    """T-SQL's ``OUTPUT deleted.a, inserted.b INTO t (x, y)``: the changed rows go to another table too."""
    returning = tree.args.get("returning")
    into = returning.args.get("into") if isinstance(returning, exp.Expr) else None
    if not isinstance(into, exp.Expr):
        return
    reader = statement.reader
    listed = statement.names(into.args.get("expressions") or ()) if isinstance(into, exp.Anonymous) else []
    name = str(into.args["this"]) if isinstance(into, exp.Anonymous) else into.name
    if isinstance(into, exp.Func) and not isinstance(into, exp.Anonymous):  # INTO log (v): no logarithm
        named = _OUTPUT_INTO.search(statement.session.source.text, statement.raw.start, statement.raw.end)
        name = named.group(1) if named else name
        columns = sorted(into.find_all(exp.Column), key=lambda column: column.this.meta.get("start") or 0)
        listed = statement.names(columns)
    audit = statement.session.relation(names_of_text(statement.session, name))
    node = Node(audit.id, RelationKind.SUBQUERY, is_derived=True)
    after = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
    for key, value in pairs:
        after.add(key.key, key.text, value.inputs)
    after.stars = [(target, reader.quoter.whole)]
    for key_text, column in target.columns.items():
        if key_text not in after.columns:
            after.add(key_text, column.name or "", [Input(column, IDENTITY, reader.quoter.whole)])
    after.complete()
    scope = reader.scope(node, None, {})
    scope.add(Source(target, None, ("deleted",)))
    scope.add(Source(after, None, ("inserted",)))
    reader.project_items(returning.args.get("expressions") or (), scope, node)
    node.reads[target] = None
    if rows is not None:
        node.rows.inputs = list(rows.inputs or ())
    node.complete()
    statement.write(audit, map_columns(statement, audit, node, listed), node.rows, [node])


def _aliased(statement: Statement, this: Any, scope: Scope) -> Source | None:
    """``UPDATE a SET … FROM t a``: the name is an alias of something in FROM."""
    parts = statement.parts(this)
    if not parts or this.args.get("alias") is not None:
        return None
    for source in scope.sources:
        if source.qualifier[-1:] == (parts[-1].key,) and (
            len(parts) == 1 or source.qualifier == tuple(part.key for part in parts)
        ):
            return source
    return None


def _write_by_target(
    statement: Statement, found: list[tuple[list[Name], Column]], scope: Scope, target: Source, node: Node
) -> None:
    """Group assignments by the relation that their left side names."""
    first = written_relation(target.node)
    by_target: dict[Node, Pairs] = {first: []}
    for names, value in found:
        source = scope.find_source(names[:-1]) if len(names) > 1 else None
        owner = source.node if source is not None and source in scope.sources else target.node
        relation, name = written_column(owner, names[-1])
        by_target.setdefault(relation, []).append((name, value))
    if len(by_target) > 1 and not by_target[first]:
        del by_target[first]
    written = set(by_target)
    link_view(statement, target.node, written, node)
    for source in scope.sources:
        if source.node not in written and source is not target:
            node.reads[source.node] = None
            if node.rows.inputs is not None:
                node.rows.inputs.append(Input(source.node.rows, ROWS, statement.reader.quoter.whole))
    for relation, pairs in by_target.items():
        statement.write(relation, pairs, node.rows, [node])


def read_delete(statement: Statement, tree: Any, ctes: dict[str, Node] | None = None) -> None:
    """``DELETE FROM t [USING …] WHERE …``: nothing flows, the condition decides the rows."""
    statement.kind = StatementKind.DELETE
    reader = statement.reader
    node = Node(reader.new_node("delete", RelationKind.SUBQUERY).id, RelationKind.SUBQUERY, is_derived=True)
    reader.nodes.pop()
    scope = reader.scope(node, None, reader.read_ctes(tree, None, ctes or {}))
    tables = list(tree.args.get("tables") or ())
    this = tree.args.get("this")
    if isinstance(this, exp.Expr):
        reader.add_source(this, scope)
    elif len(tables) == 1:  # Oracle, BigQuery: DELETE t WHERE …
        reader.add_source(tables[0], scope)
    for item in tree.args.get("using") or ():
        reader.add_source(item, scope)
    if not scope.sources:
        return
    # MySQL, T-SQL: DELETE a, b FROM t a JOIN …
    targets = [found for table in tables if (found := _aliased(statement, table, scope)) is not None]
    targets = targets or scope.sources[:1]
    if tree.args.get("where") is not None:
        reader.decide(tree.args["where"], scope, node, FILTER)
    _sort(statement, tree, scope, node)
    written = {written_relation(target.node) for target in targets}
    for target in targets:
        link_view(statement, target.node, written, node)
    for source in scope.sources:
        if source.node not in written and source not in targets:
            node.reads[source.node] = None
            if node.rows.inputs is not None:
                node.rows.inputs.append(Input(source.node.rows, ROWS, reader.quoter.whole))
    for target in targets:
        statement.write(written_relation(target.node), [], node.rows, [node])
    write_output(statement, tree, written_relation(targets[0].node), [], node.rows)


def read_merge(
    statement: Statement, tree: Any, ctes: dict[str, Node] | None = None, conditions: Iterable[Any] = ()
) -> None:
    """``MERGE INTO t USING s ON … WHEN …``, all branches."""
    statement.kind = StatementKind.MERGE
    reader = statement.reader
    node = Node(reader.new_node("merge", RelationKind.SUBQUERY).id, RelationKind.SUBQUERY, is_derived=True)
    reader.nodes.pop()
    scope = reader.scope(node, None, reader.read_ctes(tree, None, ctes or {}))
    reader.add_source(tree.args["this"], scope)
    target = scope.sources[0]
    reader.add_source(tree.args["using"], scope)
    source = scope.sources[-1]
    node.reads[source.node] = None
    node.rows.inputs = [Input(source.node.rows, ROWS, reader.quoter.whole)]
    if isinstance(tree.args.get("on"), exp.Expr):
        reader.decide(tree.args["on"], scope, node, JOIN)
    for condition in conditions:
        reader.decide(condition, scope, node, FILTER)
    whens = tree.args.get("whens")
    branches = list((whens.args.get("expressions") if isinstance(whens, exp.Expr) else whens) or ())
    pairs: Pairs = []
    for when in branches:
        condition = when.args.get("condition")
        if isinstance(condition, exp.Expr):
            reader.decide(condition, scope, node, FILTER)
        pairs += _branch(statement, when.args.get("then"), scope, target, source)
    statement.write(written_relation(target.node), pairs, node.rows, [node])
    write_output(statement, tree, written_relation(target.node), pairs, node.rows)


def _branch(statement: Statement, then: Any, scope: Scope, target: Source, source: Source) -> Pairs:
    if isinstance(then, exp.Update):
        expressions = then.args.get("expressions")
        if not isinstance(expressions, list) or not expressions or isinstance(expressions[0], exp.Star):
            return _all_columns(statement, target, source)  # UPDATE SET *
        return [
            (names[-1], value) for names, value in assignments(statement, expressions, scope, target.node)
        ]
    if not isinstance(then, exp.Insert):
        return []
    columns, values = then.args.get("this"), then.args.get("expression")
    if (columns is None and values is None) or isinstance(columns, exp.Star) or _is_row(then):
        return _all_columns(statement, target, source)  # INSERT *, INSERT ROW
    names = statement.names(columns.args.get("expressions") or ()) if isinstance(columns, exp.Expr) else []
    if not names:
        names = [Name(column.name or "", key, -1, -1) for key, column in target.node.columns.items()]
    items = list(values.args.get("expressions") or ()) if isinstance(values, exp.Tuple) else []
    if not items and isinstance(values, exp.Values):
        first = (values.args.get("expressions") or [None])[0]
        items = list(first.args.get("expressions") or ()) if isinstance(first, exp.Tuple) else []
    # What is inserted is of the source: a bare name means its column, also where the target has one.
    inner = statement.reader.scope(scope.owner, scope.parent, scope.ctes)
    inner.add(source)
    pairs: Pairs = []
    for number, item in enumerate(items):
        inputs = statement.reader.walker.inputs(item, inner, IDENTITY, statement.reader.quoter.extent(item))
        name = names[number] if number < len(names) else None
        if name is None and isinstance(item, exp.Column):
            name = statement.reader.walker.names(item)[-1]
        if name is not None:
            pairs.append((name, value_column(scope.owner, name.text, inputs)))
    return pairs


def _is_row(then: Any) -> bool:
    this = then.args.get("this")
    return isinstance(this, (exp.Var, exp.Column, exp.Identifier)) and this.name.upper() == "ROW"


def _all_columns(statement: Statement, target: Source, source: Source) -> Pairs:
    place = statement.reader.quoter.whole
    pairs: Pairs = []
    for key, column in source.node.columns.items():
        if target.node.has_unknown_columns or key in target.node.columns:
            value = value_column(source.node, column.name or "", [Input(column, IDENTITY, place)])
            pairs.append((Name(column.name or "", key, -1, -1), value))
    if source.node.has_unknown_columns:
        star = value_column(source.node, "*", [Input(source.node.star_column(), IDENTITY, place)])
        pairs.append((Name("*", "*", -1, -1), star))
    return pairs
