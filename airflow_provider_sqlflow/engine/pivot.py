"""PIVOT and UNPIVOT."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import (
    CONDITIONAL,
    FILTER,
    GROUP_BY,
    IDENTITY,
    TRANSFORMATION,
    Column,
    Input,
    Node,
    Place,
)
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.reader import Reader, identifier_of
from airflow_provider_sqlflow.engine.scope import Scope, Source
from airflow_provider_sqlflow.engine.session import Name

# Elsewhere UNPIVOT gives the name first. Manuals: BigQuery "UNPIVOT operator", SQL Server "Using PIVOT and
# UNPIVOT"; Snowflake, Oracle, Databricks and Redshift show the name first; DuckDB tried.
_VALUE_BEFORE_NAME = frozenset({"bigquery", "tsql", "fabric"})


class PivotReader(Reader):
    """Pivots of a relation in FROM."""

    def _pivot(self, pivot: Any, below: Node, qualifier: tuple[str, ...]) -> Node:
        node = self.new_node(f"pivot_{len(self.nodes) + 1}", RelationKind.SUBQUERY)
        scope = self.scope(node, None, {})
        scope.add(Source(below, None, qualifier))
        self.link_rows(scope, node)
        if pivot.args.get("unpivot"):
            self._unpivot_columns(pivot, below, scope, node)
        else:
            self._pivot_columns(pivot, below, scope, node)
        alias = pivot.args.get("alias")
        node.complete()
        if isinstance(alias, exp.TableAlias):
            self._rename_behind_star(node, self.alias_columns(alias))
        return node

    def _rename_behind_star(self, node: Node, names: list[Name]) -> None:
        """The columns that a pivot makes are the last ones: names before theirs are for unknown columns."""
        behind = len(names) - len(node.columns)
        if not node.stars or behind < 0:
            self.rename(node, names)
            return
        columns = list(node.columns.values())
        unknown = [Input(below.star_column(), TRANSFORMATION, place) for below, place in node.stars]
        node.columns, node.stars, node.starts = {}, [], []
        for name in names[:behind]:
            node.add(name.key, name.text, list(unknown))
        for name, column in zip(names[behind:], columns, strict=True):
            node.add(name.key, name.text, column.inputs)
        node.complete()

    def pivot_statement(self, pivot: Any, scope: Scope, node: Node) -> None:
        """DuckDB's ``PIVOT t ON c USING sum(v) GROUP BY g`` and ``UNPIVOT t ON a, b INTO NAME n VALUE v``."""
        self.link_rows(scope, node)
        if pivot.args.get("unpivot"):
            self._unpivot_statement(pivot, scope, node)
            return
        place = self.quoter.extent(pivot)
        using = pivot.args.get("using") or ()
        values = [self.walker.inputs(item, scope, IDENTITY, place) for item in using]
        deciding: list[Input] = []
        names: list[str] | None = [""]  # of the combinations of listed values; None: they are in the data
        for field in pivot.args.get("expressions") or ():
            target = field.args.get("this") if isinstance(field, exp.In) else field
            deciding += self.walker.inputs(target, scope, CONDITIONAL, place)
            listed = field.args.get("expressions") or () if isinstance(field, exp.In) else ()
            if names is not None:
                names = [f"{name}_{value.alias_or_name}" for name in names for value in listed] or None
        used = {item.column for part in [*values, deciding] for item in part}
        self._group_columns(pivot, used, scope, node)
        for name in names or ():
            for item, inputs in zip(using, values, strict=True):
                text = name[1:]
                if item.alias or len(using) > 1:
                    text += f"_{item.alias or item.sql(dialect=self.rules.name).lower()}"
                node.add(self.rules.column_key(text, True), text, [*inputs, *deciding])
        if names is None:
            node.add("*", "*", [*(one for inputs in values for one in inputs), *deciding])

    def _group_columns(self, pivot: Any, used: set[Column], scope: Scope, node: Node) -> None:
        """What a pivot groups by: what GROUP BY says, else the columns that it does not use."""
        group = pivot.args.get("group")
        keys = group.args.get("expressions") if isinstance(group, exp.Expr) else None
        for key in keys or ():
            name = self.session.column_name(identifier_of(key), self.base)
            node.add(name.key, name.text, self.walker.inputs(key, scope, IDENTITY, self.quoter.extent(key)))
            self.decide(key, scope, node, GROUP_BY)
        if keys:
            return
        place = self.quoter.extent(pivot)
        for source in scope.sources:
            self._other_columns(source.node, used, node, place)
            rows = node.rows.inputs
            if rows is not None:
                columns = source.node.columns.values()
                rows.extend(Input(column, GROUP_BY, place) for column in columns if column not in used)

    def _other_columns(self, below: Node, used: set[Column], node: Node, place: Place) -> None:
        """The columns that a pivot leaves as they are."""
        for key, column in list(below.columns.items()):
            if column not in used:
                node.add(key, column.name or "", [Input(column, IDENTITY, place)])
        if below.has_unknown_columns:
            node.stars.append((below, place))

    def _unpivot_statement(self, pivot: Any, scope: Scope, node: Node) -> None:
        place = self.quoter.extent(pivot)
        groups = [
            group
            for item in pivot.args.get("expressions") or ()
            for group in self._folded(item, scope, place)
        ]
        used = {one.column for group in groups for part in group for one in part}
        for source in scope.sources:
            self._other_columns(source.node, used, node, place)
        self._drop_nulls(pivot, [one for group in groups for part in group for one in part], node)
        into = pivot.args.get("into")
        identifiers = [into.args["this"], *(into.args.get("expressions") or ())] if into is not None else []
        names = [self.session.column_name(identifier_of(item), self.base) for item in identifiers]
        spelled = [(name.key, name.text) for name in names] or [("name", "name"), ("value", "value")]
        node.add(*spelled[0], [])
        for number, (key, text) in enumerate(spelled[1:]):
            node.add(key, text, _dealt(groups, number, len(spelled) - 1))

    def _drop_nulls(self, pivot: Any, inputs: list[Input], node: Node) -> None:
        """UNPIVOT makes no row of a value that is NULL, unless it is told to."""
        if not pivot.args.get("include_nulls"):
            self.add_row_inputs(inputs, node, FILTER)

    def _folded(self, item: Any, scope: Scope, place: Place) -> list[list[list[Input]]]:
        """What one item of UNPIVOT folds: rows of values, each with its inputs."""
        if isinstance(item, (exp.Alias, exp.PivotAlias)):
            item = item.args["this"]
        if isinstance(item, exp.Columns):
            star = item.args.get("this")
            excluded = star.args.get("except_") if isinstance(star, exp.Star) else None
            left_out = {self.session.column_name(identifier_of(one), self.base).key for one in excluded or ()}
            return [
                [[Input(column, IDENTITY, place)]]
                for source in scope.sources
                for key, column in source.node.columns.items()
                if key not in left_out
            ]
        parts = item.args.get("expressions") if isinstance(item, exp.Tuple) else [item]
        return [[self.walker.inputs(part, scope, IDENTITY, place) for part in parts or ()]]

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
        self._group_columns(pivot, used, scope, node)
        for number, identifier in enumerate(pivot.args.get("columns") or ()):
            name = self.session.column_name(identifier, self.base)
            inputs = values[number % len(values)] if values else []
            node.add(name.key, name.text, [*inputs, *deciding])

    def _unpivot_columns(self, pivot: Any, below: Node, scope: Scope, node: Node) -> None:
        place = self.quoter.extent(pivot)
        used: set[Column] = set()
        outputs: list[tuple[Any, list[Input]]] = []
        value_names = _identifiers(list(pivot.args.get("expressions") or ()))
        for field in pivot.args.get("fields") or ():
            if not isinstance(field, exp.In):
                continue
            items = field.args.get("expressions") or ()
            groups = [group for item in items for group in self._folded(item, scope, place)]
            used.update(one.column for group in groups for part in group for one in part)
            values = [
                (value_name, _dealt(groups, number, len(value_names)))
                for number, value_name in enumerate(value_names)
            ]
            name: tuple[Any, list[Input]] = (field.args.get("this"), [])
            outputs += [*values, name] if self.rules.name in _VALUE_BEFORE_NAME else [name, *values]
        self._other_columns(below, used, node, place)
        self._drop_nulls(pivot, [one for _, inputs in outputs for one in inputs], node)
        for identifier, inputs in outputs:
            output = self.session.column_name(identifier_of(identifier), self.base)
            node.add(output.key, output.text, inputs)


def _dealt(groups: list[list[list[Input]]], number: int, width: int) -> list[Input]:
    """The inputs of one of several value columns: the part of that number of each group."""
    return [
        one
        for group in groups
        for part in (group if width == 1 else group[number : number + 1])
        for one in part
    ]


def _identifiers(items: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for item in items:
        if isinstance(item, exp.Tuple):
            flat.extend(item.args.get("expressions") or ())
        else:
            flat.append(item)
    return [identifier_of(item) for item in flat]
