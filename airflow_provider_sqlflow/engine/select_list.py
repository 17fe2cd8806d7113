"""Select lists: expressions, aliases, and the forms of ``*``."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.from_clause import FromReader
from airflow_provider_sqlflow.engine.graph import (
    AGGREGATION,
    IDENTITY,
    TRANSFORMATION,
    Column,
    Input,
    Node,
    Place,
)
from airflow_provider_sqlflow.engine.reader import identifier_of
from airflow_provider_sqlflow.engine.scope import Scope
from airflow_provider_sqlflow.engine.session import Name, Struct
from airflow_provider_sqlflow.engine.structs import read_stack, read_struct

_STRUCTS = (exp.Struct, exp.Cast, exp.Paren)


def select_all(relation: Any) -> exp.Select:
    """``SELECT * FROM relation``, made of nodes without positions: they stand nowhere in the text."""
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=relation))


class SelectListReader(FromReader):
    """Turns select items into the columns of a node."""

    def _projection(self, projection: Any, scope: Scope, node: Node) -> None:
        value = projection.args.get("this") if isinstance(projection, exp.Alias) else projection
        if isinstance(projection, exp.Star):
            place = self.quoter.extent(projection)
            is_written = "*" in self.quoter.text(place)  # not so for DuckDB's FROM t
            self._project_star(projection, scope, node, place if is_written else self.quoter.whole)
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
        if isinstance(value, exp.QueryTransform):
            self._project_script(value, scope, node)
            return
        if (
            self.rules.name in ("duckdb", "clickhouse")
            and isinstance(value, exp.Func)
            and value.find(exp.Columns)
        ):
            self._project_columns(value, scope, node)
            return
        place = self.quoter.item(projection)
        if isinstance(value, exp.Stack) and (columns := read_stack(self.walker, value, scope, place)):
            for number, found in enumerate(columns):
                node.add(f"col{number}", f"col{number}", found)
            return
        struct = read_struct(self.walker, value, scope, place) if isinstance(value, _STRUCTS) else None
        inputs = struct[1] if struct else self.walker.inputs(value, scope, IDENTITY, place)
        name = self._output_name(projection, value, place)
        column = node.add(name.key, name.text, inputs)
        if struct:
            self.session.structs[column] = Struct(node, struct[0], len(struct[1]))
        if isinstance(projection, exp.Alias):
            scope.aliases.setdefault(name.key, column)
            column.leaves = None
            self._fold_early(column)

    def _fold_early(self, column: Column) -> None:
        """An alias may be read by its neighbours before the node is complete."""
        if all(item.column.is_folded or item.column.name is None for item in column.inputs or ()):
            column.fold()

    def _project_columns(self, value: Any, scope: Scope, node: Node) -> None:
        """DuckDB's ``max(COLUMNS(*))``: the function over each column."""
        place = self.quoter.item(value)
        kind = AGGREGATION if isinstance(value, exp.AggFunc) else TRANSFORMATION
        for source in scope.sources:
            for key, column in source.node.columns.items():
                node.add(key, column.name or "", [Input(column, kind, place)])
            if source.node.has_unknown_columns:
                node.add("*", "*", [Input(source.node.star_column(), kind, place)])

    def _project_script(self, value: Any, scope: Scope, node: Node) -> None:
        """Hive's ``TRANSFORM (a, b) USING 'script' AS (x, y)``."""
        place = self.quoter.item(value)
        inputs: list[Input] = []
        for part in value.args.get("expressions") or ():
            self.walker.visit(part, scope, TRANSFORMATION, place, inputs)
        schema = value.args.get("schema")
        for item in (schema.args.get("expressions") if isinstance(schema, exp.Expr) else None) or ():
            name = self.session.column_name(identifier_of(item), self.base)
            node.add(name.key, name.text, inputs)

    def _project_many(self, projection: Any, scope: Scope, node: Node) -> None:
        """``expr AS (a, b)``: Hive's stack(), posexplode()."""
        place = self.quoter.clause(projection)
        value = projection.args["this"]
        identifiers = projection.args.get("expressions") or ()
        stacked = read_stack(self.walker, value, scope, place, len(identifiers))
        inputs = [] if stacked else self.walker.inputs(value, scope, TRANSFORMATION, place)
        for number, identifier in enumerate(identifiers):
            name = self.session.column_name(identifier, self.base)
            node.add(name.key, name.text, stacked[number] if number < len(stacked) else inputs)

    def _output_name(self, projection: Any, value: Any, place: Place) -> Name:
        if isinstance(projection, exp.Alias):
            return self.session.column_name(projection.args["alias"], self.base)
        if isinstance(value, exp.Column) and isinstance(value.args["this"], exp.Parameter):
            text = f"${value.this.name}"
            return Name(text, text, -1, -1)
        if isinstance(value, exp.Column) and isinstance(value.args["this"], exp.Identifier):
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
                inputs = [Input(column, kind, place) for column, kind in columns]
                node.add(key, columns[0][0].name or key, inputs)
                merged.append(key)
        for source in scope.sources:
            if source.is_visible:
                self._expand(source.node, star, scope, node, place, merged)

    def _expand(self, below: Node, star: Any, scope: Scope, node: Node, place: Place, skip: Any) -> None:
        """``*`` of one relation, with EXCEPT, REPLACE and RENAME."""
        excluded = {self._star_key(item) for item in _star_list(star, "except_")}
        replaced = {self._star_key(item.args["alias"]): item for item in _star_list(star, "replace")}
        renamed = {self._star_key(item.args["this"]): item for item in _star_list(star, "rename")}
        wanted = _star_pattern(star)
        for key, column in list(below.columns.items()):
            plain = key.split("\0")[0]
            if plain in excluded or plain in skip:
                continue
            if wanted is not None and not wanted.fullmatch(column.name or ""):
                continue
            name, inputs = column.name or "", [Input(column, IDENTITY, place)]
            if plain in replaced:
                expression = replaced[plain]
                value = expression.args["this"]
                inputs = self.walker.inputs(value, scope, IDENTITY, self.quoter.extent(value))
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
        return self.session.column_name(identifier_of(item), self.base).key


def _star_list(star: Any, key: str) -> list[Any]:
    if not isinstance(star, exp.Star):
        return []
    value = star.args.get(key)
    return list(value) if isinstance(value, list) else []


def _star_pattern(star: Any) -> re.Pattern[str] | None:
    """Snowflake's ``* ILIKE 'pattern'``: which column names it takes."""
    pattern = star.args.get("ilike") if isinstance(star, exp.Star) else None
    if not isinstance(pattern, exp.Literal):
        return None
    words = re.escape(pattern.name).replace("%", ".*").replace("_", ".")
    return re.compile(words, re.IGNORECASE | re.DOTALL)
