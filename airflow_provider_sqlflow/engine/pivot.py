"""PIVOT and UNPIVOT."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import (
    CONDITIONAL,
    GROUP_BY,
    IDENTITY,
    Column,
    Input,
    Node,
)
from airflow_provider_sqlflow.engine.model import RelationKind
from airflow_provider_sqlflow.engine.reader import Reader, identifier_of
from airflow_provider_sqlflow.engine.scope import Scope, Source


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
            self.rename(node, self.alias_columns(alias))
        return node

    def pivot_statement(self, pivot: Any, scope: Scope, node: Node) -> None:
        """DuckDB's ``PIVOT t ON c USING sum(v) GROUP BY g`` and ``UNPIVOT t ON a, b INTO NAME n VALUE v``."""
        self.link_rows(scope, node)
        if pivot.args.get("unpivot"):
            self._unpivot_statement(pivot, scope, node)
            return
        place = self.quoter.extent(pivot)
        values = [self.walker.inputs(item, scope, IDENTITY, place) for item in pivot.args.get("using") or ()]
        group = pivot.args.get("group")
        for key in (group.args.get("expressions") if isinstance(group, exp.Expr) else None) or ():
            name = self.session.column_name(identifier_of(key), self.base)
            node.add(name.key, name.text, self.walker.inputs(key, scope, IDENTITY, self.quoter.extent(key)))
            self.decide(key, scope, node, GROUP_BY)
        for field in pivot.args.get("expressions") or ():
            target = field.args.get("this") if isinstance(field, exp.In) else field
            deciding = self.walker.inputs(target, scope, CONDITIONAL, place)
            listed = field.args.get("expressions") or () if isinstance(field, exp.In) else ()
            for value in listed:
                key = self.rules.column_key(value.name, True)
                node.add(key, value.name, [*(values[0] if values else []), *deciding])
            if not listed:  # one column for each value in the data: their names are not known
                node.add("*", "*", [*(values[0] if values else []), *deciding])

    def _unpivot_statement(self, pivot: Any, scope: Scope, node: Node) -> None:
        place = self.quoter.extent(pivot)
        folded = [
            self.walker.inputs(item, scope, IDENTITY, place) for item in pivot.args.get("expressions") or ()
        ]
        consumed = {item.column for inputs in folded for item in inputs}
        for source in scope.sources:
            for key, column in list(source.node.columns.items()):
                if column not in consumed:
                    node.add(key, column.name or "", [Input(column, IDENTITY, place)])
            if source.node.has_unknown_columns:
                node.stars.append((source.node, place))
        into = pivot.args.get("into")
        if isinstance(into, exp.Expr):
            name = self.session.column_name(identifier_of(into.args["this"]), self.base)
            node.add(name.key, name.text, [])
            for item in into.args.get("expressions") or ():
                value = self.session.column_name(identifier_of(item), self.base)
                node.add(value.key, value.text, [one for inputs in folded for one in inputs])

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
            name = self.session.column_name(identifier_of(identifier), self.base)
            node.add(name.key, name.text, inputs)


def _identifiers(items: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for item in items:
        if isinstance(item, exp.Tuple):
            flat.extend(item.args.get("expressions") or ())
        else:
            flat.append(item)
    return [identifier_of(item) for item in flat]
