"""Queries into nodes: SELECT, set operations, CTEs, VALUES."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import (
    AGGREGATION,
    FILTER,
    GROUP_BY,
    IDENTITY,
    JOIN,
    ROWS,
    SORT,
    TRANSFORMATION,
    Column,
    Input,
    Node,
    Place,
)
from airflow_provider_sqlflow.engine.model import RelationKind, Severity
from airflow_provider_sqlflow.engine.orphans import share_operands
from airflow_provider_sqlflow.engine.reader import Ctes
from airflow_provider_sqlflow.engine.scope import Scope, Source
from airflow_provider_sqlflow.engine.select_list import SelectListReader
from airflow_provider_sqlflow.engine.session import Name
from airflow_provider_sqlflow.engine.table_functions import values_name

# Elsewhere a CTE may read itself only behind the word RECURSIVE; without it the name is a table's.
_IMPLICITLY_RECURSIVE = frozenset({"", "tsql", "fabric", "oracle", "snowflake", "sqlite", "exasol"})
_OUTPUT_TABLES = frozenset({"tsql", "fabric"})  # OUTPUT names rows ``inserted`` and ``deleted``
_NO_ALIAS_IN_ORDER = frozenset({"postgres", "redshift", "materialize", "risingwave", "tsql", "fabric"})


class QueryReader(SelectListReader):
    """The whole reader; see the classes below it for FROM, pivots and select lists."""

    def read(self, query: Any, node: Node, parent: Scope | None, ctes: Ctes) -> None:
        """Fill ``node`` with the columns of a query."""
        self._fill(query, node, parent, ctes)
        node.complete()

    def _fill(self, query: Any, node: Node, parent: Scope | None, ctes: Ctes) -> None:
        while True:
            ctes = self.read_ctes(query, parent, ctes)
            if isinstance(query, (exp.Subquery, exp.Paren)) and not query.args.get("joins"):
                query = query.args["this"]
                continue
            break
        if isinstance(query, exp.Select):
            self._select(query, node, parent, ctes)
        elif isinstance(query, exp.SetOperation):
            self._set_operation(query, node, parent, ctes)
        elif isinstance(query, exp.Values):
            self._values(query, node, self.scope(node, parent, ctes))
        elif isinstance(query, (exp.Table, exp.Subquery)):
            scope = self.scope(node, parent, ctes)
            self.add_source(query, scope)
            self._project_star(None, scope, node, self.quoter.whole)
            self.link_rows(scope, node)
        elif isinstance(query, exp.Pivot):
            scope = self.scope(node, parent, ctes)
            self.add_source(query.args["this"], scope)
            self.pivot_statement(query, scope, node)
        elif isinstance(query, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
            self._returning(query, node, parent, ctes)
        else:
            self.session.report(
                Severity.WARNING,
                "unsupported_query",
                f"a query of kind {type(query).__name__} is not read",
                *self.quoter.extent(query),
            )
            node.is_open = True

    def read_ctes(self, query: Any, parent: Scope | None, ctes: Ctes) -> Ctes:
        """The CTEs of a WITH, added to those around."""
        with_ = query.args.get("with_")
        if with_ is None:
            return ctes
        ctes = dict(ctes)
        is_recursive = bool(with_.args.get("recursive"))
        for cte in with_.args.get("expressions") or ():
            self._cte(cte, parent, ctes, is_recursive)
        return ctes

    def _cte(self, cte: Any, parent: Scope | None, ctes: Ctes, is_recursive: bool) -> None:
        alias = cte.args.get("alias")
        identifier = alias.args.get("this") if alias is not None else None
        if identifier is None:
            return
        name = self.session.relation_name(identifier, self.base)
        renamed = self.alias_columns(alias)
        node = self.new_node(name.text, RelationKind.CTE, name.start, name.end)
        body = cte.args["this"]
        if not isinstance(body, (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Pivot)):
            # ClickHouse: WITH expression AS name. The name is a value, read where it is used.
            self.nodes.remove(node)
            del self.session.mentions[node.id]
            self.named_expressions[self.rules.column_key(name.text, False)] = (name, body)
            return
        inner = _unwrap(body)
        may_recur = is_recursive or self.rules.name in _IMPLICITLY_RECURSIVE
        if may_recur and isinstance(inner, exp.SetOperation) and _mentions(body, identifier.name):
            self._recursive_cte(inner, node, name, renamed, parent, ctes)
        else:
            self.read(body, node, parent, ctes)
            self.rename(node, renamed)
        ctes[name.key] = node

    def read_recursive(self, query: Any, node: Node, name: Name, columns: list[Name]) -> None:
        """A view that reads itself."""
        body = _unwrap(query)
        if isinstance(body, exp.SetOperation):
            self._recursive_cte(body, node, name, columns, None, {})
        else:
            self.read(body, node, None, {name.key: node})

    def _recursive_cte(
        self, body: Any, node: Node, name: Name, renamed: list[Name], parent: Scope | None, ctes: Ctes
    ) -> None:
        """Anchor first: it gives the columns that the recursive branch then reads."""
        ctes = self.read_ctes(body, parent, dict(ctes))
        anchor, *rest = _branches(body)
        is_distinct = any(
            isinstance(one, exp.SetOperation) and one.args.get("distinct") for one in _spine(body)
        )
        self._fill(anchor, node, parent, ctes)
        self.rename(node, renamed)
        ctes[name.key] = node
        for column in node.columns.values():
            column.leaves = None
        _own_inputs(node)
        for branch in rest:
            part = Node(node.id, RelationKind.CTE, is_derived=True)
            self._fill(branch, part, parent, ctes)
            self._merge_branch(node, part, by_name=False)
        node.complete_cycle()
        if is_distinct:
            self._group_all(node)

    # Set operations -------------------------------------------------------------------------------

    def _set_operation(self, query: Any, node: Node, parent: Scope | None, ctes: Ctes) -> None:
        branches: list[tuple[Any, Any]] = []  # (branch, operation that adds it)
        current = query
        while isinstance(current, exp.SetOperation):
            branches.append((current.args["expression"], current))
            current = current.args["this"]
            if isinstance(current, exp.SetOperation) and current.args.get("with_"):
                break
        self._fill(current, node, parent, ctes)
        _own_inputs(node)
        is_distinct = False
        for branch, operation in branches[::-1]:
            part = Node(node.id, RelationKind.SUBQUERY, is_derived=True)
            self._fill(branch, part, parent, ctes)
            if isinstance(operation, exp.Except):
                self._subtract(node, part, self.quoter.extent(branch))
            else:
                self._merge_branch(node, part, bool(operation.args.get("by_name")))
            is_distinct |= bool(operation.args.get("distinct")) or not isinstance(operation, exp.Union)
        if is_distinct:
            self._group_all(node)
        self._order_by(query, self.scope(node, parent, ctes), node)

    def _merge_branch(self, node: Node, part: Node, by_name: bool) -> None:
        """Add a branch's inputs to the columns of the first branch, whose lists are its own."""
        node.reads.update(part.reads)
        (node.rows.inputs or []).extend(part.rows.inputs or ())
        columns = list(node.columns.items())
        is_by_name = by_name or bool(node.stars) or bool(part.stars)
        matched = set()
        for number, (key, column) in enumerate(part.columns.items()):
            target = node.columns.get(key) if is_by_name else None
            if target is None and not by_name and number < len(columns):
                key, target = columns[number]
            if target is None:
                if not by_name and not node.stars and (node.columns or not part.stars):
                    continue
                above = node.find(key, column.name or "") if node.stars else None
                target = node.add(key, column.name or "", [])
                _add_inputs(target, [Input(above, IDENTITY, self.quoter.whole)] if above is not None else [])
            matched.add(key)
            _add_inputs(target, column.inputs)
        if part.stars:
            for key, column in columns:
                below = part.find(key, column.name or "") if key not in matched else None
                _add_inputs(column, below.inputs if below is not None else None)
            node.starts.append(len(node.stars))
            node.stars.extend(part.stars)
            node.starts.extend(len(node.stars) - len(part.stars) + start for start in part.starts)

    def _subtract(self, node: Node, part: Node, place: Place) -> None:
        """EXCEPT: the right side's values decide which rows stay; they do not flow."""
        node.reads.update(part.reads)
        rows = node.rows.inputs
        if rows is None:
            return
        rows.extend(part.rows.inputs or ())
        rows.extend(Input(below.star_column(), FILTER, place) for below, _ in part.stars)
        for column in part.columns.values():
            rows.extend(
                Input(item.column, FILTER if item.kind & 15 < JOIN else item.kind, place)
                for item in column.inputs or ()
            )

    def _group_all(self, node: Node) -> None:
        """DISTINCT: every value decides which rows are the same."""
        rows = node.rows.inputs
        if rows is None:
            return
        seen = {(item.column, item.kind) for item in rows}
        for column in node.columns.values():
            for item in column.inputs or ():
                if item.column.name is None and item.kind & 15 >= JOIN:
                    rows.append(item)  # what decides a scalar subquery's value
                if item.column.name is None or (item.column, GROUP_BY) in seen:
                    continue
                seen.add((item.column, GROUP_BY))
                rows.append(Input(item.column, GROUP_BY, item.place))
        for below, place in node.stars:
            rows.append(Input(below.star_column(), GROUP_BY, place))

    # SELECT ---------------------------------------------------------------------------------------

    def _select(self, query: Any, node: Node, parent: Scope | None, ctes: Ctes) -> None:
        args = query.args
        scope = self.scope(node, parent, ctes)
        from_ = args.get("from_")
        if from_ is not None:
            self.add_source(from_.args["this"], scope)
        self._add_named_values(scope)
        for lateral in args.get("laterals") or ():
            self.add_source(lateral, scope)
        for join in args.get("joins") or ():
            self.add_join(join, scope)
        for window in args.get("windows") or ():
            scope.windows[window.name.lower()] = window
        if args.get("match") is not None:
            scope = self._match_recognize(args["match"], scope, ctes)
        if args.get("where") is not None:  # before the select list: a name means one thing in the whole query
            share_operands(args["where"], scope)
        self._project_list(args.get("expressions") or (), scope, node)
        if not args.get("expressions") and not self.rules.names_by_function:  # PostgreSQL's may be empty
            self._project_star(None, scope, node, self.quoter.whole)  # DuckDB: FROM t
        self.link_rows(scope, node)
        self._conditions(args, scope, node)
        self._distinct(args.get("distinct"), scope, node)
        self._order_by(query, scope, node)
        self._limit(args.get("limit"), scope, node)
        self._limit(args.get("offset"), scope, node)

    def _add_named_values(self, scope: Scope) -> None:
        """ClickHouse's ``WITH expression AS name``: the name is a value in the whole query.

        A query inside the expression knows the names before it, never its own.
        """
        named = self.named_expressions
        if not named:
            return
        earlier: dict[str, tuple[Name, Any]] = {}
        for key, (name, body) in named.items():
            node = self.new_node(name.text, RelationKind.SUBQUERY, name.start, name.end)
            self.named_expressions = self._used_names(body, earlier) if earlier else {}
            inputs = self.walker.inputs(body, scope, IDENTITY, self.quoter.extent(body))
            scope.named_values[key] = node.add(key, name.text, inputs)
            node.complete()
            earlier[key] = (name, body)
        self.named_expressions = named

    def _used_names(self, body: Any, named: dict[str, tuple[Name, Any]]) -> dict[str, tuple[Name, Any]]:
        """Of some named expressions those that an expression mentions, themselves mentioning others."""
        used: dict[str, tuple[Name, Any]] = {}
        pending = [body]
        while pending:
            for column in pending.pop().find_all(exp.Column):
                key = self.rules.column_key(column.name, False)
                if key in named and key not in used:
                    used[key] = named[key]
                    pending.append(named[key][1])
        return {key: value for key, value in named.items() if key in used}

    def _distinct(self, distinct: Any, scope: Scope, node: Node) -> None:
        if distinct is None:
            return
        on = distinct.args.get("on")
        if on is None:
            self._group_all(node)
        else:
            self.decide(on, scope, node, GROUP_BY)

    def _limit(self, limit: Any, scope: Scope, node: Node) -> None:
        """LIMIT and OFFSET by a subquery, and ClickHouse's LIMIT n BY columns, decide which rows stay."""
        if not isinstance(limit, exp.Expr):
            return
        bound = limit.args.get("expression")
        if isinstance(bound, exp.Query):
            self.decide(bound, scope, node, FILTER)
        for item in limit.args.get("expressions") or ():
            self.decide(item, scope, node, FILTER)

    def _match_recognize(self, match: Any, inner: Scope, ctes: Ctes) -> Scope:
        """MATCH_RECOGNIZE: rows are grouped, sorted and filtered; MEASURES are added to them.

        Pattern variables (``up.price``) name rows of the same relation. Returns the scope in which the
        select list is read.
        """
        alias = match.args.get("alias")
        identifier = alias.args.get("this") if isinstance(alias, exp.TableAlias) else None
        name = self.session.relation_name(identifier, self.base) if identifier is not None else None
        node = self.new_node(name.text if name else "matches", RelationKind.SUBQUERY)
        scope = self.scope(node, inner.parent, ctes)
        place = self.quoter.extent(match)
        for source in inner.sources:
            scope.add(Source(source.node, source.name, source.qualifier))
        self.link_rows(scope, node)
        for source in inner.sources[:1]:
            for word in re.findall(r"\w+", str(match.args.get("pattern") or "")):
                key = self.rules.relation_key(word, False)
                scope.by_name.setdefault(key, []).append(source)
        rows = node.rows.inputs
        if rows is not None:
            for key, kind in (("partition_by", GROUP_BY), ("order", SORT), ("define", FILTER)):
                value = match.args.get(key)
                for item in value if isinstance(value, list) else (value,):
                    if isinstance(item, exp.Expr):
                        self.walker.visit(item, scope, kind, place, rows)
        for source in inner.sources:
            for key, column in source.node.columns.items():
                node.add(key, column.name or "", [Input(column, IDENTITY, place)])
            if source.node.has_unknown_columns:
                node.stars.append((source.node, place))
        for measure in match.args.get("measures") or ():
            self._measure(measure.args["this"], scope, node)
        node.complete()
        outer = self.scope(inner.owner, inner.parent, ctes)
        outer.add(Source(node, name, (name.key,) if name else ()))
        return outer

    def _measure(self, measure: Any, scope: Scope, node: Node) -> None:
        """FIRST and LAST take the value of one row: no aggregation here."""
        value = measure.args["this"] if isinstance(measure, exp.Alias) else measure
        if isinstance(measure, exp.Alias) and isinstance(value, (exp.First, exp.Last)):
            name = self.session.column_name(measure.args["alias"], self.base)
            place = self.quoter.item(measure)
            node.add(name.key, name.text, self.walker.inputs(value.this, scope, TRANSFORMATION, place))
        else:
            self._projection(measure, scope, node)

    def _conditions(self, args: dict[str, Any], scope: Scope, node: Node) -> None:
        for key in ("prewhere", "where"):
            if args.get(key) is not None:
                self.decide(args[key], scope, node, FILTER)
        connect = args.get("connect")
        if connect is not None:
            for key, kind in (("start", FILTER), ("connect", JOIN)):
                if connect.args.get(key) is not None:
                    self.decide(connect.args[key], scope, node, kind)
        scope.early_aliases = True
        group = args.get("group")
        if group is not None:
            self._group(group, scope, node)
        for key in ("having", "qualify"):
            if args.get(key) is not None:
                self.decide(args[key], scope, node, FILTER)

    def _group(self, group: Any, scope: Scope, node: Node) -> None:
        columns = list(node.columns.values())
        for key, value in group.args.items():
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, exp.Literal) and not item.is_string and key == "expressions":
                    self._by_position(item, columns, node, GROUP_BY)
                elif isinstance(item, exp.Expr):
                    self.decide(item, scope, node, GROUP_BY)
        if group.args.get("all") is True:
            for column in columns:
                column.fold()
                if not any(kind & 15 == AGGREGATION for _, kind in column.leaves or ()):
                    self.add_row_inputs(column.inputs or [], node, GROUP_BY)

    def _order_by(self, query: Any, scope: Scope, node: Node) -> None:
        columns = list(node.columns.values())
        scope.early_aliases = True
        for key in ("order", "sort", "cluster", "distribute"):
            order = query.args.get(key)
            if order is None:
                continue
            for ordered in order.args.get("expressions") or ():
                value = ordered.args.get("this") if isinstance(ordered, exp.Ordered) else ordered
                if isinstance(value, exp.Literal) and not value.is_string:
                    self._by_position(value, columns, node, SORT)
                elif isinstance(value, exp.Var) and value.name.upper() == "ALL":
                    for column in columns:
                        self.add_row_inputs(column.inputs or [], node, SORT)
                elif isinstance(value, exp.Column) and not value.args.get("table"):
                    name = self.session.column_name(value.args["this"], self.base)
                    known = node.columns.get(name.key)
                    if known is not None:
                        self.add_row_inputs(known.inputs or [], node, SORT)
                    elif scope.sources:
                        self.decide(value, scope, node, SORT)
                elif isinstance(value, exp.Expr) and scope.sources:
                    # PostgreSQL and T-SQL: inside an expression a name is a column, not an alias.
                    scope.early_aliases = self.rules.name not in _NO_ALIAS_IN_ORDER
                    self.decide(value, scope, node, SORT)
                    scope.early_aliases = True

    def _by_position(self, literal: Any, columns: list[Column], node: Node, kind: int) -> None:
        number = int(literal.name) if literal.name.isdigit() else 0
        if 0 < number <= len(columns):
            self.add_row_inputs(columns[number - 1].inputs or [], node, kind)

    def project_items(self, projections: Any, scope: Scope, node: Node) -> None:
        """The columns of a list that stands outside a SELECT: RETURNING, OUTPUT."""
        for projection in projections:
            self._projection(projection, scope, node)

    def project_branch(self, query: Any, scope: Scope, node: Node) -> None:
        """A branch of a multi-table insert: its select list or VALUES over the shared source."""
        if isinstance(query, exp.Select):
            for projection in query.args.get("expressions") or ():
                self._projection(projection, scope, node)
            self.link_rows(scope, node)
            self._conditions(query.args, scope, node)
        elif isinstance(query, exp.Values):
            for row in (query.args.get("expressions") or ())[:1]:
                self.project_items(
                    row.args.get("expressions") if isinstance(row, exp.Tuple) else [row], scope, node
                )
            self.link_rows(scope, node)
        else:
            self._project_star(None, scope, node, self.quoter.whole)
            self.link_rows(scope, node)

    # VALUES, RETURNING ----------------------------------------------------------------------------

    def _values(self, item: Any, node: Node, scope: Scope) -> None:
        place = self.quoter.whole
        columns: list[list[Input]] = []
        for row in item.args.get("expressions") or ():
            parts = row.args.get("expressions") if isinstance(row, exp.Tuple) else [row]
            for number, part in enumerate(parts or ()):
                if number >= len(columns):
                    columns.append([])
                if not isinstance(part, exp.Literal):
                    self.walker.visit(part, scope, IDENTITY, place, columns[number])
        names = self.alias_columns(item.args.get("alias"))
        for number, inputs in enumerate(columns):
            if number < len(names):
                node.add(names[number].key, names[number].text, inputs)
            else:
                text = values_name(number, self.rules.name)
                node.add(self.rules.column_key(text, False), text, inputs)
        node.complete()

    def _after_write(self, target: Node, pairs: list[tuple[Name, Column]], rows: Column | None) -> Node:
        """The rows of a relation with the values that were written."""
        after = Node(target.id, RelationKind.SUBQUERY, is_derived=True)
        place = self.quoter.whole
        given = {name.key: value for name, value in pairs}
        for key, column in target.columns.items():
            value = given.pop(key, None)
            after.add(
                key,
                column.name or "",
                value.inputs if value is not None else [Input(column, IDENTITY, place)],
            )
        for name, value in pairs:
            if name.key in given:
                after.add(name.key, name.text, value.inputs)
        if target.has_unknown_columns:
            after.stars.append((target, place))
        after.reads[target] = None
        if rows is not None and after.rows.inputs is not None:
            after.rows.inputs.append(Input(rows, ROWS, place))
        after.complete()
        return after

    def _returning(self, query: Any, node: Node, parent: Scope | None, ctes: Ctes) -> None:
        """A data-modifying CTE: its rows are those written, with the values that were written."""
        if self.write_nested is None:
            return
        written = self.write_nested(query, ctes)
        if written is None:
            return
        target = written[0]
        after = self._after_write(*written)
        scope = self.scope(node, parent, ctes)
        self._add_changed(query, target, after, scope)
        self.link_rows(scope, node)
        using = query.args.get("using") if not isinstance(query, exp.Merge) else None
        for item in (query.args.get("from_"), *(using or ())):
            if isinstance(item, exp.Expr):
                self.add_source(
                    item.args["this"] if isinstance(item, exp.From) else item, scope, is_visible=False
                )
        returning = query.args.get("returning")
        for projection in (returning.args.get("expressions") if returning is not None else None) or ():
            self._projection(projection, scope, node)

    def _add_changed(self, query: Any, target: Node, after: Node, scope: Scope) -> None:
        """The rows that were written, under the names by which RETURNING or OUTPUT knows them."""
        table = query.args.get("this")
        if not isinstance(table, exp.Expr):  # DELETE t, without FROM
            table = next(iter(query.args.get("tables") or ()), None)
        alias = table.args.get("alias") if isinstance(table, exp.Expr) else None
        identifier = alias.args.get("this") if isinstance(alias, exp.Expr) else None
        name_text = identifier.name if isinstance(identifier, exp.Identifier) else target.id.name
        scope.add(Source(after, None, (self.rules.relation_key(name_text, False),)))
        if self.rules.name in _OUTPUT_TABLES:
            for word, rows_of in (("inserted", after), ("deleted", target)):
                key = self.rules.relation_key(word, False)
                scope.by_name.setdefault(key, []).append(Source(rows_of, None, (key,)))


def _add_inputs(column: Column, inputs: list[Input] | None) -> None:
    """More sources of a column whose leaves are not known any more."""
    if column.inputs is not None:
        column.inputs.extend(inputs or ())
        column.leaves = None


def _own_inputs(node: Node) -> None:
    """Give each column a list of its own: branches will be added to it, and several may share one."""
    for column in node.columns.values():
        column.inputs = list(column.inputs or ())


def _unwrap(query: Any) -> Any:
    while isinstance(query, (exp.Subquery, exp.Paren)) and not query.args.get("with_"):
        query = query.args["this"]
    return query


def _spine(query: Any) -> list[Any]:
    """The set operations of a query, outermost first."""
    found = []
    while isinstance(query, exp.SetOperation):
        found.append(query)
        query = query.args["this"]
    return found


def _branches(query: Any) -> list[Any]:
    """The branches of nested set operations, left to right."""
    branches: list[Any] = []
    while isinstance(query, exp.SetOperation):
        branches.append(query.args["expression"])
        query = query.args["this"]
    branches.append(query)
    return branches[::-1]


def _mentions(query: Any, name: str) -> bool:
    folded = name.lower()
    return any(
        table.name.lower() == folded and not table.args.get("db") for table in query.find_all(exp.Table)
    )
