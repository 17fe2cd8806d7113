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
from airflow_provider_sqlflow.engine.session import Struct
from airflow_provider_sqlflow.engine.structs import read_stack, read_struct

_STRUCTS = (exp.Struct, exp.Cast, exp.Paren)


def select_all(relation: Any) -> exp.Select:
    """``SELECT * FROM relation``, made of nodes without positions: they stand nowhere in the text."""
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=relation))


class SelectListReader(FromReader):
    """Turns select items into the columns of a node."""

    def _projection(self, projection: Any, scope: Scope, node: Node) -> None:
        is_aliased = isinstance(projection, exp.Alias)
        value = projection.args.get("this") if is_aliased else projection
        is_plain = isinstance(value, exp.Column) and not isinstance(value.args.get("this"), exp.Star)
        if not is_plain and self._project_special(projection, value, scope, node):
            return
        place = self.quoter.item(projection)
        struct = read_struct(self.walker, value, scope, place) if isinstance(value, _STRUCTS) else None
        inputs = struct[1] if struct else self.walker.inputs(value, scope, IDENTITY, place)
        key, text = self._output_name(projection, value, place)
        column = node.add(key, text, inputs)
        if struct:
            self.session.structs[column] = Struct(node, struct[0], len(struct[1]))
        if is_aliased:
            scope.aliases.setdefault(key, column)
            self._fold_early(column, inputs)

    def _project_special(self, projection: Any, value: Any, scope: Scope, node: Node) -> bool:
        """Items that are several columns, or none by the text; false for all others."""
        if isinstance(projection, exp.Star):
            place = self.quoter.extent(projection)
            is_written = "*" in self.quoter.text(place)  # not so for DuckDB's FROM t
            self._project_star(projection, scope, node, place if is_written else self.quoter.whole)
        elif isinstance(projection, exp.Column):
            self._project_qualified_star(projection, scope, node)
        elif isinstance(projection, exp.Aliases):
            self._project_many(projection, scope, node)
        elif isinstance(value, exp.Columns):
            self._project_star(None, scope, node, self.quoter.extent(projection))
        elif isinstance(value, exp.QueryTransform):
            self._project_script(value, scope, node)
        elif (
            self.rules.name in ("duckdb", "clickhouse")
            and isinstance(value, exp.Func)
            and value.find(exp.Columns)
        ):
            self._project_columns(value, scope, node)
        elif isinstance(value, exp.Stack):
            columns = read_stack(self.walker, value, scope, self.quoter.item(projection))
            for number, found in enumerate(columns):
                node.add(f"col{number}", f"col{number}", found)
            return bool(columns)
        else:
            return False
        return True

    def _fold_early(self, column: Column, inputs: list[Input]) -> None:
        """An alias may be read by its neighbours before the node is complete."""
        for item in inputs:
            source = item.column
            if source.leaves is None and source.inputs is not None and source.name is not None:
                return
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

    def _output_name(self, projection: Any, value: Any, place: Place) -> tuple[str, str]:
        """The name of an item's column, as it compares and as it is shown."""
        identifier = None
        if isinstance(projection, exp.Alias):
            return self.session.column_spelling(projection.args["alias"], self.base)
        if isinstance(value, exp.Column):
            if isinstance(value.args["this"], exp.Parameter):
                text = f"${value.this.name}"
                return text, text
            identifier = value.args["this"]
        elif isinstance(value, exp.Dot):
            identifier = value.args.get("expression")
        elif (
            isinstance(value, (exp.Cast, exp.TryCast))
            and isinstance(value.args["this"], exp.Column)
            and "::" in self.quoter.text(place)
        ):
            identifier = value.args["this"].args["this"]
        if isinstance(identifier, exp.Identifier):
            return self.session.column_spelling(identifier, self.base)
        if place == self.quoter.whole:
            text = projection.sql(dialect=self.rules.name)  # nothing in it has a position
        else:
            text = " ".join(self.quoter.text(place).split())
        return self.rules.column_key(text, True), text

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
