"""Queries into nodes: SELECT, set operations, CTEs, and everything that may stand in FROM."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.expressions import Walker
from airflow_provider_sqlflow.engine.graph import (
    AGGREGATION,
    CONDITIONAL,
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
from airflow_provider_sqlflow.engine.model import RelationId, RelationKind, Severity
from airflow_provider_sqlflow.engine.quote import Quoter
from airflow_provider_sqlflow.engine.scope import Scope, Source
from airflow_provider_sqlflow.engine.session import Name, Session, table_parts
from airflow_provider_sqlflow.engine.split import RawStatement

Ctes = dict[str, Node]
_FILE_FORMATS = frozenset({"parquet", "csv", "json", "delta", "orc", "text", "avro", "binaryfile"})
_SPARK_LIKE = frozenset({"spark", "spark2", "databricks", "duckdb"})
_SEMI = frozenset({"SEMI", "ANTI"})


class QueryReader:
    """Reads the queries of one statement; the nodes it makes are kept in ``nodes`` in order."""

    def __init__(self, session: Session, statement: RawStatement, index: int) -> None:
        self.session = session
        self.rules = session.rules
        self.base = statement.base
        self.quoter = Quoter(session.source, statement)
        self.walker = Walker(session, statement.base, self._subquery_node)
        self.index = index
        self.nodes: list[Node] = []
        self.pending_writes: list[tuple[Any, Ctes]] = []  # data-modifying CTEs, read by the statement

    # Nodes ----------------------------------------------------------------------------------------

    def new_node(self, name: str, kind: RelationKind, start: int = -1, end: int = -1) -> Node:
        """A node of this statement with a name that is unique in the result."""
        relation = RelationId(None, None, name, f"{self.index}.{len(self.nodes) + 1}")
        node = Node(relation, kind, is_derived=True)
        self.nodes.append(node)
        place = (start, end) if start >= 0 else None
        self.session.mentions[relation] = (node, place)
        return node

    def scope(self, owner: Node, parent: Scope | None, ctes: Ctes) -> Scope:
        """An empty name space whose reads are noted on ``owner``."""
        return Scope(self.session, owner, parent, ctes)

    def _subquery_node(self, query: Any, scope: Scope) -> Node:
        node = self.new_node(f"subquery_{len(self.nodes) + 1}", RelationKind.SUBQUERY)
        self.read(query, node, scope, scope.ctes)
        return node

    # Queries --------------------------------------------------------------------------------------

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
            self._link_rows(scope, node)
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
        renamed = self._alias_columns(alias)
        node = self.new_node(name.text, RelationKind.CTE, name.start, name.end)
        body = cte.args["this"]
        if not isinstance(body, (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge)):
            # ClickHouse: WITH expression AS name. The name is a column alias, not a relation.
            scope = self.scope(node, parent, ctes)
            node.add(name.key, name.text, self.walker.inputs(body, scope, IDENTITY, self.quoter.extent(body)))
            node.complete()
            return
        is_self = (
            _mentions(body, identifier.name) if is_recursive or isinstance(body, exp.SetOperation) else False
        )
        if is_self and isinstance(_unwrap(body), exp.SetOperation):
            self._recursive_cte(_unwrap(body), node, name, renamed, parent, ctes)
        else:
            self.read(body, node, parent, ctes)
            self._rename(node, renamed)
        ctes[name.key] = node

    def _recursive_cte(
        self, body: Any, node: Node, name: Name, renamed: list[Name], parent: Scope | None, ctes: Ctes
    ) -> None:
        """Anchor first: it gives the columns that the recursive branch then reads."""
        ctes = self.read_ctes(body, parent, dict(ctes))
        anchor, *rest = _branches(body)
        self._fill(anchor, node, parent, ctes)
        self._rename(node, renamed)
        ctes[name.key] = node
        for column in node.columns.values():
            column.leaves = None
        for branch in rest:
            part = Node(node.id, RelationKind.CTE, is_derived=True)
            self._fill(branch, part, parent, ctes)
            self._merge_branch(node, part, by_name=False)
        node.complete_cycle()

    def _alias_columns(self, alias: Any) -> list[Name]:
        if alias is None:
            return []
        return [
            self.session.column_name(
                column.args["this"] if isinstance(column, exp.ColumnDef) else column, self.base
            )
            for column in alias.args.get("columns") or ()
        ]

    def _rename(self, node: Node, names: list[Name]) -> None:
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
                below, place = node.stars[0]
                node.add(name.key, name.text, [Input(below.star_column(), TRANSFORMATION, place)])
            else:
                node.add(name.key, name.text, list(node.any_inputs or ()))
        for column in columns[len(names) :]:
            node.columns.setdefault(self.rules.column_key(column.name or "", False), column)
        if len(names) >= len(columns):
            node.stars = []
        node.complete()

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
        for branch, operation in reversed(branches):
            part = Node(node.id, RelationKind.SUBQUERY, is_derived=True)
            self._fill(branch, part, parent, ctes)
            if isinstance(operation, exp.Except):
                self._subtract(node, part, self.quoter.extent(branch))
            else:
                self._merge_branch(node, part, bool(operation.args.get("by_name")))
            if operation.args.get("distinct") or not isinstance(operation, exp.Union):
                self._group_all(node)
        self._order_by(query, self.scope(node, parent, ctes), node)

    def _merge_branch(self, node: Node, part: Node, by_name: bool) -> None:
        """Add a branch's inputs to the columns of the first branch."""
        node.reads.update(part.reads)
        (node.rows.inputs or []).extend(part.rows.inputs or ())
        node.stars.extend(part.stars)
        columns = list(node.columns.values())
        for number, (key, column) in enumerate(part.columns.items()):
            target = (
                node.columns.get(key) if by_name else (columns[number] if number < len(columns) else None)
            )
            if target is None:
                if by_name or (part.stars and not node.columns) or node.stars:
                    target = node.columns.get(key) or node.add(key, column.name or "", [])
                else:
                    continue
            if target.inputs is not None:
                target.inputs = [*target.inputs, *(column.inputs or ())]

    def _subtract(self, node: Node, part: Node, place: Place) -> None:
        """EXCEPT: the right side's values decide which rows stay; they do not flow."""
        node.reads.update(part.reads)
        rows = node.rows.inputs
        if rows is None:
            return
        rows.extend(part.rows.inputs or ())
        for column in part.columns.values():
            rows.extend(
                Input(item.column, FILTER if item.kind < JOIN else item.kind, place)
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
        for lateral in args.get("laterals") or ():
            self.add_source(lateral, scope)
        for join in args.get("joins") or ():
            self.add_join(join, scope)
        for window in args.get("windows") or ():
            scope.windows[window.name.lower()] = window
        for projection in args.get("expressions") or ():
            self._projection(projection, scope, node)
        if not args.get("expressions"):
            self._project_star(None, scope, node, self.quoter.whole)  # DuckDB: FROM t
        self._link_rows(scope, node)
        self._conditions(args, scope, node)
        distinct = args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            if on is None:
                self._group_all(node)
            else:
                self.decide(on, scope, node, GROUP_BY)
        self._order_by(query, scope, node)

    def _conditions(self, args: dict[str, Any], scope: Scope, node: Node) -> None:
        for key, kind in (("prewhere", FILTER), ("where", FILTER), ("connect", FILTER)):
            if args.get(key) is not None:
                self.decide(args[key], scope, node, kind)
        scope.early_aliases = True
        group = args.get("group")
        if group is not None:
            self._group(group, scope, node)
        for key in ("having", "qualify"):
            if args.get(key) is not None:
                self.decide(args[key], scope, node, FILTER)
        match = args.get("match")
        if match is not None:
            self.decide(match, scope, node, FILTER)

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
                if not any(item.kind & 15 == AGGREGATION for item in column.inputs or ()):
                    self._add_row_inputs(column.inputs or [], node, GROUP_BY)

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
                elif isinstance(value, exp.Column) and not value.args.get("table"):
                    name = self.session.column_name(value.args["this"], self.base)
                    known = node.columns.get(name.key)
                    if known is not None:
                        self._add_row_inputs(known.inputs or [], node, SORT)
                    elif scope.sources:
                        self.decide(value, scope, node, SORT)
                elif isinstance(value, exp.Expr) and scope.sources:
                    self.decide(value, scope, node, SORT)

    def _by_position(self, literal: Any, columns: list[Column], node: Node, kind: int) -> None:
        number = int(literal.name) if literal.name.isdigit() else 0
        if 0 < number <= len(columns):
            self._add_row_inputs(columns[number - 1].inputs or [], node, kind)

    def _add_row_inputs(self, inputs: list[Input], node: Node, kind: int) -> None:
        """What feeds an output column also decides the rows."""
        rows = node.rows.inputs
        if rows is None:
            return
        for item in inputs:
            if item.column.name is not None:
                rows.append(Input(item.column, kind, item.place))

    def decide(self, expression: Any, scope: Scope, node: Node, kind: int) -> None:
        """A condition on the rows of a node."""
        rows = node.rows.inputs
        if rows is not None:
            self.walker.visit(expression, scope, kind, self.quoter.clause(expression), rows)

    def _link_rows(self, scope: Scope, node: Node) -> None:
        """The rows of a query are made of the rows of its relations."""
        rows = node.rows.inputs
        if rows is None:
            return
        for source in scope.sources:
            node.reads[source.node] = None
            rows.append(Input(source.node.rows, ROWS, self.quoter.whole))

    def project_branch(self, query: Any, scope: Scope, node: Node) -> None:
        """A branch of a multi-table insert: its select list or VALUES over the shared source."""
        if isinstance(query, exp.Select):
            for projection in query.args.get("expressions") or ():
                self._projection(projection, scope, node)
            self._link_rows(scope, node)
            self._conditions(query.args, scope, node)
        elif isinstance(query, exp.Values):
            self._values(query, node, scope)
            self._link_rows(scope, node)
        else:
            self._project_star(None, scope, node, self.quoter.whole)
            self._link_rows(scope, node)

    # Select list ----------------------------------------------------------------------------------

    def _projection(self, projection: Any, scope: Scope, node: Node) -> None:
        value = projection.args.get("this") if isinstance(projection, exp.Alias) else projection
        if isinstance(projection, exp.Star):
            self._project_star(projection, scope, node, self.quoter.extent(projection))
            return
        if isinstance(projection, exp.Column) and isinstance(projection.args.get("this"), exp.Star):
            self._project_qualified_star(projection, scope, node)
            return
        if isinstance(projection, exp.Aliases):
            self._project_many(projection, scope, node)
            return
        if isinstance(value, exp.Columns):
            self._project_star(None, scope, node, self.quoter.extent(projection))
            return
        place = self.quoter.item(projection)
        inputs = self.walker.inputs(value, scope, IDENTITY, place)
        name = self._output_name(projection, value, place)
        column = node.add(name.key, name.text, inputs)
        if isinstance(projection, exp.Alias):
            scope.aliases.setdefault(name.key, column)
            column.leaves = None
            self._fold_early(column)

    def _fold_early(self, column: Column) -> None:
        """An alias may be read by its neighbours before the node is complete."""
        if all(item.column.leaves is not None or item.column.name is None for item in column.inputs or ()):
            column.fold()

    def _project_many(self, projection: Any, scope: Scope, node: Node) -> None:
        """``expr AS (a, b)``: Hive's stack(), posexplode()."""
        place = self.quoter.clause(projection)
        inputs = self.walker.inputs(projection.args["this"], scope, TRANSFORMATION, place)
        for identifier in projection.args.get("expressions") or ():
            name = self.session.column_name(identifier, self.base)
            node.add(name.key, name.text, inputs)

    def _output_name(self, projection: Any, value: Any, place: Place) -> Name:
        if isinstance(projection, exp.Alias):
            return self.session.column_name(projection.args["alias"], self.base)
        if isinstance(value, exp.Column):
            return self.session.column_name(value.args["this"], self.base)
        if isinstance(value, exp.Dot) and isinstance(value.args.get("expression"), exp.Identifier):
            return self.session.column_name(value.args["expression"], self.base)
        is_cast = isinstance(value, (exp.Cast, exp.TryCast)) and isinstance(value.args["this"], exp.Column)
        if is_cast and "::" in self.quoter.text(place):
            return self.session.column_name(value.args["this"].args["this"], self.base)
        if place == self.quoter.whole:
            text = projection.sql(dialect=self.rules.name)  # nothing in it has a position
        else:
            text = " ".join(self.quoter.text(place).split())
        return Name(text, self.rules.column_key(text, True), *place)

    def _project_qualified_star(self, projection: Any, scope: Scope, node: Node) -> None:
        names = self.walker.names_of_table(projection)
        place = self.quoter.extent(projection)
        source = scope.find_source(names)
        if source is None:
            columns = scope.resolve([self.session.column_name(projection.args["table"], self.base)])
            for column, _ in columns:  # struct.*: the fields are not known
                node.add("*", "*", [Input(column, TRANSFORMATION, place)])
            return
        self._expand(source.node, projection.args["this"], scope, node, place, ())

    def _project_star(self, star: Any, scope: Scope, node: Node, place: Place) -> None:
        merged: list[str] = []
        for key, columns in scope.merged.items():
            if star is None or not _star_list(star, "except_"):
                inputs = [Input(column, IDENTITY, place) for column in columns]
                node.add(key, columns[0].name or key, inputs)
                merged.append(key)
        for source in scope.sources:
            if source.is_visible:
                self._expand(source.node, star, scope, node, place, merged)

    def _expand(self, below: Node, star: Any, scope: Scope, node: Node, place: Place, skip: Any) -> None:
        """``*`` of one relation, with EXCEPT, REPLACE and RENAME."""
        excluded = {self._star_key(item) for item in _star_list(star, "except_")}
        replaced = {self._star_key(item.args["alias"]): item for item in _star_list(star, "replace")}
        renamed = {self._star_key(item.args["this"]): item for item in _star_list(star, "rename")}
        for key, column in list(below.columns.items()):
            plain = key.split("\0")[0]
            if plain in excluded or plain in skip:
                continue
            name, inputs = column.name or "", [Input(column, IDENTITY, place)]
            if plain in replaced:
                expression = replaced[plain]
                value = expression.args["this"]
                inputs = self.walker.inputs(value, scope, IDENTITY, self.quoter.extent(expression))
            if plain in renamed:
                fresh = self.session.column_name(renamed[plain].args["alias"], self.base)
                plain, name = fresh.key, fresh.text
            node.add(plain, name, inputs)
        if below.has_unknown_columns:
            node.stars.append((below, place))
            for key, item in {**replaced, **renamed}.items():
                if key not in below.columns:
                    fresh = self.session.column_name(item.args["alias"], self.base)
                    found = self.walker.inputs(item.args["this"], scope, IDENTITY, self.quoter.extent(item))
                    node.add(fresh.key, fresh.text, found)

    def _star_key(self, item: Any) -> str:
        """The compared name of a column in EXCEPT / REPLACE / RENAME."""
        return self.session.column_name(_identifier(item), self.base).key

    # FROM -----------------------------------------------------------------------------------------

    def add_join(self, join: Any, scope: Scope) -> None:
        """A JOIN: its relation comes into scope, its condition decides rows."""
        args = join.args
        before = len(scope.sources)
        is_hidden = (
            str(args.get("kind") or "").upper() in _SEMI or str(args.get("side") or "").upper() in _SEMI
        )
        self.add_source(args["this"], scope, is_visible=not is_hidden)
        for key in ("on", "match_condition"):
            if args.get(key) is not None:
                self.decide(args[key], scope, scope.owner, JOIN)
        if args.get("using"):
            names = [self.session.column_name(_identifier(item), self.base) for item in args["using"]]
            self._merge_columns(names, before, scope, join)
        elif str(args.get("method") or "").upper() == "NATURAL":
            self._natural(before, scope, join)

    def _natural(self, before: int, scope: Scope, join: Any) -> None:
        left = [source.node for source in scope.sources[:before]]
        right = [source.node for source in scope.sources[before:]]
        names: list[Name] = []
        for node in right:
            for key, column in node.columns.items():
                if any(key in other.columns for other in left):
                    names.append(Name(column.name or "", key, -1, -1))
        self._merge_columns(names, before, scope, join)

    def _merge_columns(self, names: list[Name], before: int, scope: Scope, join: Any) -> None:
        """Columns of USING and NATURAL: one in the output, both decide the join."""
        side = str(join.args.get("side") or "").upper()
        rows = scope.owner.rows.inputs
        for name in names:
            left = scope.merged.get(name.key) or self._one_of(scope.sources[:before], name)
            right = self._one_of(scope.sources[before:], name)
            place = (name.start, name.end) if name.start >= 0 else self.quoter.extent(join.args["this"])
            if rows is not None:
                rows.extend(Input(column, JOIN, place) for column in [*left, *right])
            if side == "FULL":
                scope.merged[name.key] = [*left, *right]
            else:
                scope.merged[name.key] = (right if side == "RIGHT" else left) or [*left, *right]
            if not scope.merged[name.key]:
                del scope.merged[name.key]

    def _one_of(self, sources: list[Source], name: Name) -> list[Column]:
        for source in sources:
            column = source.node.columns.get(name.key)
            if column is not None:
                return [column]
        for source in sources:
            column = source.node.find(name.key, name.text)
            if column is not None:
                return [column]
        return []

    def add_source(self, item: Any, scope: Scope, is_visible: bool = True) -> None:
        """Something in FROM."""
        args = item.args
        if isinstance(item, exp.Table) and isinstance(
            args.get("this"), (exp.Identifier, exp.Dot, exp.Var, exp.Literal)
        ):
            self._table(item, scope, is_visible)
        elif isinstance(item, exp.Subquery):
            self._subquery(item, scope, is_visible)
        elif isinstance(item, exp.Lateral):
            self._lateral(item, scope, is_visible)
        elif isinstance(item, exp.Unnest):
            self._unnest(item, scope, is_visible)
        elif isinstance(item, exp.Values):
            node = self._new_source_node(item, "values")
            self._values(item, node, self.scope(node, scope, scope.ctes))
            self._finish_source(item, node, scope, is_visible)
        elif isinstance(item, exp.Join):
            self.add_join(item, scope)
        elif isinstance(item, exp.Query):
            node = self._new_source_node(item, "subquery")
            self.read(item, node, None, scope.ctes)
            self._finish_source(item, node, scope, is_visible)
        elif isinstance(item, exp.Tuple):
            for part in item.args.get("expressions") or ():
                self.add_source(part, scope, is_visible)
        else:
            self._function(item, scope, is_visible)
        for join in args.get("joins") or ():
            self.add_join(join, scope)
        for lateral in args.get("laterals") or ():
            self.add_source(lateral, scope)

    def _table(self, item: Any, scope: Scope, is_visible: bool) -> None:
        parts = table_parts(self.session, item, self.base)
        if not parts:
            return
        node = scope.ctes.get(parts[-1].key) if len(parts) == 1 else None
        if node is None:
            correlated = self._correlated_array(parts, scope, item)
            if correlated is not None:
                self._finish_source(item, correlated, scope, is_visible)
                return
            if len(parts) == 2 and parts[0].key.lower() in _FILE_FORMATS and self.rules.name in _SPARK_LIKE:
                node = self.session.relation(parts[1:], RelationKind.PATH)  # parquet.`path/to/file`
            else:
                node = self.session.relation(parts)
        qualifier = tuple(part.key for part in parts)
        self._finish_source(item, node, scope, is_visible, qualifier)

    def _correlated_array(self, parts: list[Name], scope: Scope, item: Any) -> Node | None:
        """BigQuery: ``FROM t, t.items`` reads an array of ``t``."""
        if self.rules.name != "bigquery" or len(parts) < 2 or not scope.sources:
            return None
        owner = scope.find_source(parts[:1])
        if owner is None:
            return None
        column = owner.node.find(parts[1].key, parts[1].text)
        if column is None:
            return None
        node = self._new_source_node(item, parts[-1].text)
        place = (parts[0].start, parts[-1].end)
        node.any_inputs = [Input(column, TRANSFORMATION, place)]
        return node

    def _subquery(self, item: Any, scope: Scope, is_visible: bool) -> None:
        inner = item.args["this"]
        if not item.args.get("alias") and _is_parenthesised_join(inner):
            self.add_source(inner, scope, is_visible)
            return
        node = self._new_source_node(item, "subquery")
        ctes = self.read_ctes(item, scope, scope.ctes)
        if isinstance(inner, exp.Query) or not isinstance(inner, exp.Expr):
            self.read(inner, node, None, ctes)
        else:
            self.read(inner, node, scope, ctes)
        self._finish_source(item, node, scope, is_visible)

    def _lateral(self, item: Any, scope: Scope, is_visible: bool) -> None:
        inner = item.args["this"]
        node = self._new_source_node(item, "lateral")
        if isinstance(inner, exp.Query):
            self.read(inner, node, scope, scope.ctes)
        else:
            self._function_columns(inner, node, scope)
        self._finish_source(item, node, scope, is_visible)

    def _unnest(self, item: Any, scope: Scope, is_visible: bool) -> None:
        node = self._new_source_node(item, "unnest")
        place = self.quoter.extent(item)
        per_item = [
            self.walker.inputs(expression, scope, TRANSFORMATION, place)
            for expression in item.args.get("expressions") or ()
        ]
        alias = item.args.get("alias")
        names = self._alias_columns(alias)
        offset = item.args.get("offset")
        if (
            alias is not None
            and alias.args.get("this") is not None
            and self.rules.name != "bigquery"
            and not names
        ):
            name = self.session.relation_name(alias.args["this"], self.base)
            node.add(
                self.rules.column_key(name.text, False), name.text, [one for part in per_item for one in part]
            )
        for number, name in enumerate(names):
            if isinstance(offset, exp.Expr) and number >= len(per_item) > 0:
                inputs: list[Input] = []
            else:
                inputs = (
                    per_item[number]
                    if number < len(per_item) and len(per_item) > 1
                    else [one for part in per_item for one in part]
                )
            node.add(name.key, name.text, inputs)
        if isinstance(offset, exp.Identifier):
            name = self.session.column_name(offset, self.base)
            node.add(name.key, name.text, [])
        node.any_inputs = [one for part in per_item for one in part]
        node.complete()
        self._finish_source(item, node, scope, is_visible, is_named=True)

    def _function(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """A table function: its columns come from its arguments."""
        inner = item.args.get("this") if isinstance(item, exp.Table) else item
        node = self._new_source_node(item, "function")
        node.kind = RelationKind.FUNCTION
        self._function_columns(inner, node, scope)
        self._finish_source(item, node, scope, is_visible)

    def _function_columns(self, inner: Any, node: Node, scope: Scope) -> None:
        place = self.quoter.extent(inner) if isinstance(inner, exp.Expr) else self.quoter.whole
        inputs: list[Input] = []
        if isinstance(inner, exp.Expr):
            inputs = self.walker.inputs(inner, scope, TRANSFORMATION, place)
        node.any_inputs = inputs

    def _new_source_node(self, item: Any, default: str) -> Node:
        alias = item.args.get("alias")
        identifier = alias.args.get("this") if isinstance(alias, exp.TableAlias) else None
        number = len(self.nodes) + 1
        if identifier is None:
            return self.new_node(f"{default}_{number}", RelationKind.SUBQUERY)
        name = self.session.relation_name(identifier, self.base)
        return self.new_node(name.text, RelationKind.SUBQUERY, name.start, name.end)

    def _finish_source(
        self,
        item: Any,
        node: Node,
        scope: Scope,
        is_visible: bool,
        qualifier: tuple[str, ...] = (),
        is_named: bool = False,
    ) -> None:
        """Pivots, alias and column list of something in FROM; then it comes into scope."""
        for pivot in item.args.get("pivots") or ():
            node = self._pivot(pivot, node, qualifier)
        alias = item.args.get("alias")
        name: Name | None = None
        if isinstance(alias, exp.TableAlias):
            identifier = alias.args.get("this")
            names = self._alias_columns(alias)
            if names and not is_named:
                node = self._with_columns(node, names, item)
            if identifier is not None:
                name = self.session.relation_name(identifier, self.base)
                qualifier = (name.key,)
                if node.any_inputs is not None and not node.columns:
                    # UNNEST(a) AS x, explode(a) x: the alias is the value as well.
                    key = self.rules.column_key(name.text, False)
                    node.add(key, name.text, list(node.any_inputs))
                    node.complete()
        for pivot in (alias.args.get("pivots") if isinstance(alias, exp.TableAlias) else None) or ():
            node = self._pivot(pivot, node, qualifier)
        scope.add(Source(node, name, qualifier, is_visible))

    def _with_columns(self, node: Node, names: list[Name], item: Any) -> Node:
        """``t AS x(a, b)``: the same rows under other column names."""
        if node.is_derived and node in self.nodes[-1:]:
            self._rename(node, names)
            return node
        fresh = self._new_source_node(item, "alias")
        place = self.quoter.extent(item)
        fresh.reads[node] = None
        fresh.rows.inputs = [Input(node.rows, ROWS, place)]
        for column in list(node.columns.values()):
            fresh.add(
                self.rules.column_key(column.name or "", True),
                column.name or "",
                [Input(column, IDENTITY, place)],
            )
        if node.has_unknown_columns:
            fresh.stars.append((node, place))
        fresh.complete()
        self._rename(fresh, names)
        return fresh

    # PIVOT ----------------------------------------------------------------------------------------

    def _pivot(self, pivot: Any, below: Node, qualifier: tuple[str, ...]) -> Node:
        node = self.new_node(f"pivot_{len(self.nodes) + 1}", RelationKind.SUBQUERY)
        scope = self.scope(node, None, {})
        scope.add(Source(below, None, qualifier))
        self._link_rows(scope, node)
        if pivot.args.get("unpivot"):
            self._unpivot_columns(pivot, below, scope, node)
        else:
            self._pivot_columns(pivot, below, scope, node)
        alias = pivot.args.get("alias")
        node.complete()
        if isinstance(alias, exp.TableAlias):
            self._rename(node, self._alias_columns(alias))
            identifier = alias.args.get("this")
            if identifier is not None:
                self._pivot_alias = self.session.relation_name(identifier, self.base)
        return node

    def _pivot_columns(self, pivot: Any, below: Node, scope: Scope, node: Node) -> None:
        place = self.quoter.extent(pivot)
        aggregates = pivot.args.get("expressions") or ()
        fields = pivot.args.get("fields") or ()
        values = [self.walker.inputs(item, scope, IDENTITY, place) for item in aggregates]
        deciding: list[Input] = []
        for field in fields:
            target = field.args.get("this") if isinstance(field, exp.In) else field
            if isinstance(target, exp.Expr):
                deciding += self.walker.inputs(target, scope, CONDITIONAL, place)
        used = {item.column for part in [*values, deciding] for item in part}
        for key, column in list(below.columns.items()):
            if column not in used:
                node.add(key, column.name or "", [Input(column, IDENTITY, place)])
        if below.has_unknown_columns:
            node.stars.append((below, place))
        for number, identifier in enumerate(pivot.args.get("columns") or ()):
            name = self.session.column_name(identifier, self.base)
            inputs = values[number % len(values)] if values else []
            node.add(name.key, name.text, [*inputs, *deciding])
        rows = node.rows.inputs
        if rows is not None:
            rows.extend(
                Input(column, GROUP_BY, place) for column in below.columns.values() if column not in used
            )

    def _unpivot_columns(self, pivot: Any, below: Node, scope: Scope, node: Node) -> None:
        place = self.quoter.extent(pivot)
        consumed: set[Column] = set()
        outputs: list[tuple[Any, list[Input]]] = []
        value_names = list(pivot.args.get("expressions") or ())
        for field in pivot.args.get("fields") or ():
            if not isinstance(field, exp.In):
                continue
            groups: list[list[Input]] = []
            for item in field.args.get("expressions") or ():
                value = item.args["this"] if isinstance(item, (exp.Alias, exp.PivotAlias)) else item
                parts = value.args.get("expressions") if isinstance(value, exp.Tuple) else [value]
                groups.append([])
                for part in parts or ():
                    groups[-1] += self.walker.inputs(part, scope, IDENTITY, place)
            consumed.update(item.column for group in groups for item in group)
            for number, value_name in enumerate(_identifiers(value_names)):
                inputs = [
                    item
                    for group in groups
                    for item in (group if len(_identifiers(value_names)) == 1 else group[number : number + 1])
                ]
                outputs.append((value_name, inputs))
            outputs.append((field.args.get("this"), []))
        for key, column in list(below.columns.items()):
            if column not in consumed:
                node.add(key, column.name or "", [Input(column, IDENTITY, place)])
        if below.has_unknown_columns:
            node.stars.append((below, place))
        for identifier, inputs in outputs:
            name = self.session.column_name(_identifier(identifier), self.base)
            node.add(name.key, name.text, inputs)

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
        names = self._alias_columns(item.args.get("alias"))
        for number, inputs in enumerate(columns):
            if number < len(names):
                node.add(names[number].key, names[number].text, inputs)
            else:
                text = f"column{number + 1}"
                node.add(self.rules.column_key(text, False), text, inputs)
        node.complete()

    def _returning(self, query: Any, node: Node, parent: Scope | None, ctes: Ctes) -> None:
        """A data-modifying CTE: what RETURNING gives. The write itself is read by its statement."""
        target = query.args.get("this")
        if isinstance(target, exp.Schema):
            target = target.args["this"]
        scope = self.scope(node, parent, ctes)
        if isinstance(target, exp.Table):
            self.add_source(target, scope)
        returning = query.args.get("returning")
        for projection in (returning.args.get("expressions") if returning is not None else None) or ():
            self._projection(projection, scope, node)
        self.pending_writes.append((query, ctes))


def _is_parenthesised_join(inner: Any) -> bool:
    """``FROM ((a JOIN b ON …))``: brackets that group joins and make no name space."""
    while isinstance(inner, exp.Subquery) and not inner.args.get("alias"):
        if inner.args.get("joins"):
            return True
        inner = inner.args["this"]
    return isinstance(inner, exp.Table)


def _unwrap(query: Any) -> Any:
    while isinstance(query, (exp.Subquery, exp.Paren)) and not query.args.get("with_"):
        query = query.args["this"]
    return query


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


def _star_list(star: Any, key: str) -> list[Any]:
    if not isinstance(star, exp.Star):
        return []
    value = star.args.get(key)
    return list(value) if isinstance(value, list) else []


def _identifier(item: Any) -> Any:
    while (
        not isinstance(item, exp.Identifier)
        and isinstance(item, exp.Expr)
        and isinstance(item.args.get("this"), exp.Expr)
    ):
        item = item.args["this"]
    return item


def _identifiers(items: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for item in items:
        if isinstance(item, exp.Tuple):
            flat.extend(item.args.get("expressions") or ())
        else:
            flat.append(item)
    return [_identifier(item) for item in flat]
