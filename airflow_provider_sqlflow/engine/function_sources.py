"""Arrays and functions in FROM: what has columns only because something is unfolded or called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import IDENTITY, ROWS, TRANSFORMATION, Input, Node, Place
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.scope import Scope, Source
from airflow_provider_sqlflow.engine.session import Name, table_parts
from airflow_provider_sqlflow.engine.structs import read_stack
from airflow_provider_sqlflow.engine.table_functions import (
    declared_columns,
    function_name,
    likely_names,
    likely_of_array,
    names_itself,
    output_names,
    predicted_table,
    reads_last_result,
    remote_table,
    table_argument,
    unwrapped,
)
from airflow_provider_sqlflow.engine.using import UsingReader


class FunctionReader(UsingReader):
    """Brings arrays and table functions into scope."""

    def _unnest(self, item: Any, scope: Scope, is_visible: bool) -> None:
        node = self._new_source_node(item, "unnest")
        place = self.quoter.call(item.args.get("expressions") or (), item)
        per_item = [
            self.walker.inputs(expression, scope, TRANSFORMATION, place)
            for expression in item.args.get("expressions") or ()
        ]
        alias = item.args.get("alias")
        names = self.alias_columns(alias)
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
        every = [one for part in per_item for one in part]
        for number, name in enumerate(names):
            is_single = len(per_item) < 2 or number >= len(per_item)
            node.add(name.key, name.text, every if is_single else per_item[number])
        if isinstance(offset, exp.Identifier):  # the position is the array's, too
            name = self.session.column_name(offset, self.base)
            node.add(name.key, name.text, every)
        node.any_inputs = every
        self.unfold(every, scope)
        if alias is None:
            node.likely = likely_of_array(self.rules.name)
        node.complete()
        self._finish_source(item, node, scope, is_visible, self._own_name("unnest", node), is_named=True)

    def _array_join(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """ClickHouse's ``ARRAY JOIN tags AS tag``: one column, the array's elements."""
        value = item.args["this"] if isinstance(item, exp.Alias) else item
        identifier = item.args["alias"] if isinstance(item, exp.Alias) else item.args["this"]
        name = self.session.column_name(identifier, self.base)
        node = self.new_node(name.text, RelationKind.SUBQUERY, name.start, name.end)
        inputs = self.walker.inputs(value, scope, TRANSFORMATION, self.quoter.extent(value))
        node.add(name.key, name.text, inputs)
        node.complete()
        self.unfold(inputs, scope)
        scope.add(Source(node, None, (), is_visible))

    def _indexed_array(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """Redshift's ``FROM t, t.items AS i AT n``: an array's elements and their positions."""
        inner = item.args["this"]
        value = inner.args["this"] if isinstance(inner, exp.Alias) else inner
        node = self._new_source_node(item, "array")
        inputs = self.walker.inputs(value, scope, TRANSFORMATION, self.quoter.extent(value))
        node.any_inputs = inputs
        self.unfold(inputs, scope)
        qualifier: tuple[str, ...] = ()
        if isinstance(inner, exp.Alias):
            name = self.session.column_name(inner.args["alias"], self.base)
            node.add(name.key, name.text, inputs)
            qualifier = (self.session.relation_name(inner.args["alias"], self.base).key,)
        position = self.session.column_name(item.args["expression"], self.base)
        node.add(position.key, position.text, inputs)
        node.complete()
        scope.add(Source(node, None, qualifier, is_visible))

    def _pivot_source(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """Redshift's ``UNPIVOT o.props AS v AT k``: keys and values of an object."""
        target = item.args["this"]
        names = []
        if isinstance(target, exp.AtIndex):
            names.append(target.args["expression"])
            target = target.args["this"]
        if isinstance(target, exp.Alias):
            names.append(target.args["alias"])
            target = target.args["this"]
        node = self.new_node("unpivot", RelationKind.SUBQUERY)
        inputs = self.walker.inputs(target, scope, TRANSFORMATION, self.quoter.extent(target))
        self.unfold(inputs, scope)
        for identifier in names:
            name = self.session.column_name(identifier, self.base)
            node.add(name.key, name.text, inputs)
        node.complete()
        scope.add(Source(node, None, (), is_visible))

    def _function(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """A table function: its columns come from its arguments."""
        inner = item.args.get("this") if isinstance(item, exp.Table) else item
        inner = unwrapped(inner)
        remote = remote_table(inner, self.rules.name)
        if remote:
            parts = [self.session.relation_name(one, self.base) for one in remote]
            self._finish_source(item, self.session.relation(parts), scope, is_visible)
            return
        last = self.session.last_result if reads_last_result(inner) else None
        if last is not None:
            self._finish_source(item, last, scope, is_visible)
            return
        path = read_path(inner)
        if path is not None:
            name = Name(path, path, -1, -1)
            self._finish_source(item, self.session.relation([name], RelationKind.PATH), scope, is_visible)
            return
        if isinstance(item, exp.Table) and item.args.get("rows_from"):
            self._rows_from(item, scope, is_visible)
            return
        if isinstance(inner, exp.SemanticView):  # Snowflake: what it measures are columns of the view
            node = self.session.relation(table_parts(self.session, inner.args["this"], self.base))
            self._finish_source(item, node, scope, is_visible)
            return
        node = self._new_source_node(item, "function")
        node.kind = RelationKind.FUNCTION
        self._function_columns(inner, node, scope)
        is_unknown = (
            isinstance(inner, exp.Anonymous) and not node.reads and inner.name.lower() not in _GENERATORS
        )
        qualifier = self._own_name(function_name(inner), node) if not item.args.get("alias") else ()
        if not node.any_inputs and not node.columns and is_unknown:
            # Somebody's function over constants: what it reads is not known, so it is the source.
            self.nodes.remove(node)
            del self.session.mentions[node.id]
            node = self.session.relation(self._function_name(item, inner), RelationKind.FUNCTION)
        self._finish_source(item, node, scope, is_visible, qualifier)

    def _own_name(self, function: str, node: Node) -> tuple[str, ...]:
        """A function without an alias: its name is that of the relation and of a single value."""
        if not function or not names_itself(self.rules.name):
            return ()
        if node.any_inputs and not node.columns:
            node.add(self.rules.column_key(function, False), function, list(node.any_inputs))
            node.complete()
        return (self.rules.relation_key(function, False),)

    def _function_name(self, item: Any, inner: Any) -> list[Name]:
        parts = [
            self.session.relation_name(part, self.base)
            for key in ("catalog", "db")
            if isinstance(part := item.args.get(key), exp.Identifier)
        ]
        text = str(inner.args["this"])
        return [*parts, Name(text, self.rules.relation_key(text, False), -1, -1)]

    def _rows_from(self, item: Any, scope: Scope, is_visible: bool) -> None:
        """PostgreSQL's ``ROWS FROM (f(), g()) AS r(a, b)``: a column for each function."""
        node = self._new_source_node(item, "rows_from")
        for number, function in enumerate(item.args["rows_from"]):
            if isinstance(function, exp.Table):
                function = function.args["this"]
            inputs = self.walker.inputs(function, scope, TRANSFORMATION, self.quoter.extent(function))
            self.unfold(inputs, scope)
            node.add(f"column{number + 1}", f"column{number + 1}", inputs)
        node.complete()
        self._finish_source(item, node, scope, is_visible)

    def _function_columns(self, inner: Any, node: Node, scope: Scope, names: Sequence[Name] = ()) -> None:
        place = self.quoter.extent(inner) if isinstance(inner, exp.Expr) else self.quoter.whole
        stacked = read_stack(self.walker, inner, scope, place, len(names))
        if stacked:
            for number, found in enumerate(stacked):
                node.add(f"col{number}", f"col{number}", found)
            node.complete()
            return
        call = inner.args.get("this") if isinstance(inner, exp.TableFromRows) else inner
        if self._takes_tables(call, node, place) or self._is_prediction(call, node, scope, place):
            return
        inputs: list[Input] = []
        if isinstance(inner, exp.Expr):
            inputs = self.walker.inputs(inner, scope, TRANSFORMATION, place)
            if names_itself(self.rules.name) or inner.find(exp.Query) is None:  # not of a row for each row
                self.unfold(inputs, scope)
        for identifier in declared_columns(call):
            name = self.session.column_name(identifier, self.base)
            node.add(name.key, name.text, inputs)
        if not node.columns:
            for text in output_names(call, self.rules.name):
                node.add(self.rules.column_key(text, False), text, inputs)
        if node.columns:
            node.complete()
        else:
            node.any_inputs = inputs
            node.likely = likely_names(call, self.rules.name)

    def _takes_tables(self, call: Any, node: Node, place: Place) -> bool:
        """Whether a function takes tables, ``f(input => TABLE(t))``: their columns pass through it."""
        for argument in call.args.get("expressions") or () if isinstance(call, exp.Anonymous) else ():
            parts = table_argument(argument)
            if parts:
                read = self.session.relation([self.session.relation_name(one, self.base) for one in parts])
                node.reads[read] = None
                for key, column in read.columns.items():
                    node.add(key, column.name or "", [Input(column, IDENTITY, place)])
                if read.has_unknown_columns:
                    node.stars.append((read, place))
        node.complete()
        return bool(node.reads)

    def _is_prediction(self, call: Any, node: Node, scope: Scope, place: Place) -> bool:
        """Whether a function of a model adds columns to those of a table or query: ``ML.PREDICT``."""
        argument = predicted_table(call) if self.rules.name == "bigquery" else None
        if argument is None:
            return False
        inner = self.scope(node, scope, scope.ctes)
        self.add_source(argument, inner)
        added = self.new_node("prediction", RelationKind.FUNCTION)
        added.any_inputs = []
        for source in inner.sources:
            read = source.node
            node.reads[read] = None
            for key, column in read.columns.items():
                node.add(key, column.name or "", [Input(column, IDENTITY, place)])
                added.any_inputs.append(Input(column, TRANSFORMATION, place))
            if read.has_unknown_columns:
                node.stars.append((read, place))
        if added.any_inputs:
            node.stars.append((added, place))
        self.link_rows(inner, node)
        node.complete()
        return True

    def add_source(self, item: Any, scope: Scope, is_visible: bool = True) -> None:
        """Something in FROM, with the joins and laterals that hang on it."""
        raise NotImplementedError  # FromReader knows all that may stand there

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
        pivot_name: Name | None = None
        for pivot in item.args.get("pivots") or ():
            node = self._pivot(pivot, node, qualifier)
            renamed = pivot.args.get("alias")
            if isinstance(renamed, exp.TableAlias) and renamed.args.get("this") is not None:
                pivot_name = self.session.relation_name(renamed.args["this"], self.base)
        alias = item.args.get("alias")
        name: Name | None = None
        if isinstance(alias, exp.TableAlias):
            identifier = alias.args.get("this")
            names = self.alias_columns(alias)
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
        if pivot_name is not None:
            name, qualifier = pivot_name, (pivot_name.key,)
        scope.add(Source(node, name, qualifier, is_visible))

    def _with_columns(self, node: Node, names: list[Name], item: Any) -> Node:
        """``t AS x(a, b)``: the same rows under other column names."""
        if node.is_derived and node in self.nodes[-1:]:
            self.rename(node, names)
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
        self.rename(fresh, names)
        return fresh


# Table functions that make rows of nothing but their arguments.
_GENERATORS = frozenset(
    {
        "numbers", "numbers_mt", "zeros", "range", "generate_series", "generate_subscripts", "generator",
        "sequence",
        "generaterandom", "rowgenerator", "table_generator", "pg_sleep", "view", "values", "repeat_row",
    }
)  # fmt: skip
_FILE_FUNCTIONS = frozenset(
    {
        "read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_json", "read_json_auto",
        "read_ndjson",
        "read_files", "s3", "gcs", "url", "file", "hdfs", "iceberg_scan", "delta_scan", "s3cluster",
        "openrowset",
    }
)  # fmt: skip


def read_path(inner: Any) -> str | None:
    """The file that a table function reads: ``read_csv('a.csv')``, ``s3('s3://…')``."""
    if not isinstance(inner, exp.Func):
        return None
    name = inner.name if isinstance(inner, exp.Anonymous) else inner.sql_name()
    if name.lower() not in _FILE_FUNCTIONS:
        return None
    if name.lower() == "openrowset" and len(inner.args.get("expressions") or ()) != 1:
        return None  # OPENROWSET('provider', 'connection', 'query')
    first = inner.args.get("this") if not isinstance(inner, exp.Anonymous) else None
    first = first or next(iter(inner.args.get("expressions") or ()), None)
    return str(first.name) if isinstance(first, exp.Literal) and first.is_string else None
