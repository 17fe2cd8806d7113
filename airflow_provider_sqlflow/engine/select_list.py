"""Select lists: expressions, aliases, and the forms of ``*``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlglot import exp

from airflow_provider_sqlflow.engine.forward_aliases import definition_order
from airflow_provider_sqlflow.engine.from_clause import FromReader
from airflow_provider_sqlflow.engine.graph import (
    AGGREGATION,
    IDENTITY,
    JOIN,
    TRANSFORMATION,
    Column,
    Input,
    Node,
    Place,
)
from airflow_provider_sqlflow.engine.reader import identifier_of
from airflow_provider_sqlflow.engine.scope import Scope, Source
from airflow_provider_sqlflow.engine.session import Struct
from airflow_provider_sqlflow.engine.structs import read_stack, read_struct
from airflow_provider_sqlflow.engine.table_functions import makes_rows
from airflow_provider_sqlflow.engine.using import StarItem

_STRUCTS = (exp.Struct, exp.Cast, exp.Paren)
_UNFOLDING = (exp.UDTF, exp.ExplodingGenerateSeries)


class StarOptions(NamedTuple):
    """EXCEPT, REPLACE, RENAME and ILIKE behind a ``*``; an excluded column may name its relation."""

    excluded: dict[str, list[Source | None]]
    replaced: dict[str, Any]
    renamed: dict[str, Any]
    pattern: re.Pattern[str] | None

    @property
    def changes(self) -> dict[str, Any]:
        """REPLACE and RENAME together."""
        return {**self.replaced, **self.renamed}

    def takes(self, key: str, text: str, source: Source | None) -> bool:
        """Whether a column is one of them; ``source`` is ``None`` for one of no single relation."""
        owners = self.excluded.get(key)
        if owners is not None and (None in owners or source in owners):
            return False
        return self.pattern is None or self.pattern.fullmatch(text) is not None


def select_all(relation: Any) -> exp.Select:
    """``SELECT * FROM relation``, made of nodes without positions: they stand nowhere in the text."""
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=relation))


class SelectListReader(FromReader):
    """Turns select items into the columns of a node."""

    def _project_list(self, projections: Sequence[Any], scope: Scope, node: Node) -> None:
        """A whole select list; the columns of the node are in its order."""
        order = definition_order(projections) if self.rules.name == "clickhouse" else None
        if order is None:
            for projection in projections:
                self._projection(projection, scope, node)
            return
        added: dict[int, list[str]] = {}
        for number in order:
            before = set(node.columns)
            self._projection(projections[number], scope, node)
            added[number] = [key for key in node.columns if key not in before]
        node.columns = {key: node.columns[key] for number in sorted(added) for key in added[number]}

    def _projection(self, projection: Any, scope: Scope, node: Node) -> None:
        is_aliased = isinstance(projection, exp.Alias)
        value = projection.args.get("this") if is_aliased else projection
        is_plain = isinstance(value, exp.Column) and not isinstance(value.args.get("this"), exp.Star)
        if not is_plain and self._project_special(projection, value, scope, node):
            return
        place = self.quoter.item(projection)
        struct = read_struct(self.walker, value, scope, place) if isinstance(value, _STRUCTS) else None
        inputs = struct[1] if struct else self.walker.inputs(value, scope, IDENTITY, place)
        if isinstance(value, _UNFOLDING) or makes_rows(value, self.rules.name):
            self.unfold(inputs, scope)
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
        elif isinstance(projection, exp.Dot) and isinstance(projection.args.get("expression"), exp.Star):
            self._project_fields(projection, scope, node)
        elif isinstance(projection, exp.Aliases):
            self._project_many(projection, scope, node)
        elif isinstance(value, exp.Columns):
            options = self._columns_options(value, scope)
            self._project_star(None, scope, node, self.quoter.extent(projection), options)
        elif isinstance(value, (exp.Like, exp.ILike)) and isinstance(value.args["this"], exp.Star):
            pattern = _like_pattern(value.args["expression"])
            options = StarOptions({}, {}, {}, pattern)
            self._project_star(None, scope, node, self.quoter.extent(projection), options)
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
        options = self._columns_options(value.find(exp.Columns), scope)
        for source in scope.sources:
            for key, column in source.node.columns.items():
                if options is None or options.takes(key, column.name or "", source):
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
        if isinstance(value, _UNFOLDING):
            self.unfold(inputs, scope)
        for number, identifier in enumerate(identifiers):
            name = self.session.column_name(identifier, self.base)
            node.add(name.key, name.text, stacked[number] if number < len(stacked) else inputs)

    def _output_name(self, projection: Any, value: Any, place: Place) -> tuple[str, str]:
        """The name of an item's column, as it compares and as it is shown."""
        identifier = None
        if isinstance(projection, exp.Alias):
            return self.session.column_spelling(projection.args["alias"], self.base)
        while isinstance(value, exp.Paren):
            value = value.args["this"]
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
        options = self._star_options(projection.args["this"], scope)
        if source is not None:
            self._expand(source, options, scope, node, place)
            return
        path = [
            self.session.column_name(projection.args[key], self.base)
            for key in ("catalog", "db", "table")
            if projection.args.get(key) is not None
        ]
        for column, _ in scope.resolve(path):
            self._expand_struct(column, options, scope, node, place)

    def _project_fields(self, projection: Any, scope: Scope, node: Node) -> None:
        """``(expression).*``: the columns of the rows that the expression names, else fields not known."""
        value = projection.args["this"]
        place = self.quoter.item(projection)
        inputs = self.walker.inputs(value, scope, TRANSFORMATION, place)
        names = [self.walker.names(item) for item in value.find_all(exp.Column)]
        rows = [name for name in names if len(name) == 1 and scope.names_relation(name[0])]
        fields: dict[str, list[Input]] = {}
        for item in inputs if rows else ():
            if item.kind & 15 < JOIN and item.column.name not in (None, "*"):
                fields.setdefault(str(item.column.name), []).append(item)
        around = [item for item in inputs if item.kind & 15 >= JOIN]
        if not fields:
            node.add("*", "*", inputs)
        options = self._star_options(projection.args["expression"], scope)
        for text, flowing in fields.items():
            key = self.rules.column_key(text, True)
            self._expand_column(key, text, [*flowing, *around], None, options, scope, node)

    def _expand_struct(
        self, column: Column, options: StarOptions | None, scope: Scope, node: Node, place: Place
    ) -> None:
        """``value.*``: the fields of a struct that the script builds; those of others are not known."""
        fields = scope.fields_of(column)
        if not fields:
            node.add("*", "*", [Input(column, TRANSFORMATION, place)])
        for name in fields:
            field = scope.field_of(column, [name])
            self._expand_column(
                name.key, name.text, [Input(field, IDENTITY, place)], None, options, scope, node
            )

    def _columns_options(self, columns: Any, scope: Scope) -> StarOptions | None:
        """DuckDB's ``COLUMNS(* EXCLUDE a)`` and ``COLUMNS('expression')``; a function takes all of them."""
        inner = columns.args.get("this")
        if not (isinstance(inner, exp.Literal) and inner.is_string):
            return self._star_options(inner, scope)
        try:
            pattern = re.compile(f".*(?:{inner.name}).*", re.DOTALL)
        except re.error:
            return None
        return StarOptions({}, {}, {}, pattern)

    def _project_star(
        self, star: Any, scope: Scope, node: Node, place: Place, options: StarOptions | None = None
    ) -> None:
        options = options or self._star_options(star, scope)
        if not scope.merging_joins:
            for source in scope.sources:
                if source.is_visible:
                    self._expand(source, options, scope, node, place)
            return
        for item in self._star_items(scope):
            if item.source is None:
                inputs = [Input(column, kind, place) for column, kind in item.columns]
                text = item.columns[0][0].name or item.key
                self._expand_column(item.key, text, inputs, None, options, scope, node)
            elif item.source.is_visible:
                self._expand(item.source, options, scope, node, place, item)

    def _expand(
        self,
        source: Source,
        options: StarOptions | None,
        scope: Scope,
        node: Node,
        place: Place,
        item: StarItem | None = None,
    ) -> None:
        """``*`` of one relation."""
        below = source.node
        for key, column in list(below.columns.items()):
            plain = key.split("\0")[0]
            inputs = [Input(column, IDENTITY, place)]
            if options is None and item is None:
                node.add(plain, column.name or "", inputs)
                continue
            if item is not None:
                if plain in item.hidden:
                    continue
                if plain in item.replaced:
                    inputs = [Input(one, kind, place) for one, kind in item.replaced[plain]]
            self._expand_column(plain, column.name or "", inputs, source, options, scope, node)
        if below.has_unknown_columns:
            node.stars.append((below, place))
            for key, change in options.changes.items() if options is not None else ():
                if key not in below.columns:
                    fresh = self.session.column_name(change.args["alias"], self.base)
                    found = self.walker.inputs(
                        change.args["this"], scope, IDENTITY, self.quoter.extent(change)
                    )
                    node.add(fresh.key, fresh.text, found)

    def _expand_column(
        self,
        key: str,
        text: str,
        inputs: list[Input],
        source: Source | None,
        options: StarOptions | None,
        scope: Scope,
        node: Node,
    ) -> None:
        """One column of ``*``, with EXCEPT, REPLACE and RENAME."""
        if options is not None:
            if not options.takes(key, text, source):
                return
            if key in options.replaced:
                value = options.replaced[key].args["this"]
                inputs = self.walker.inputs(value, scope, IDENTITY, self.quoter.extent(value))
            if key in options.renamed:
                fresh = self.session.column_name(options.renamed[key].args["alias"], self.base)
                key, text = fresh.key, fresh.text
        node.add(key, text, inputs)

    def _star_options(self, star: Any, scope: Scope) -> StarOptions | None:
        """What stands behind a ``*``; ``None`` when nothing does."""
        if not isinstance(star, exp.Star) or not star.args:
            return None
        excluded: dict[str, list[Source | None]] = {}
        for item in _star_list(star, "except_"):
            qualifier = self.walker.names_of_table(item) if isinstance(item, exp.Column) else []
            owner = scope.find_source(qualifier) if qualifier else None
            excluded.setdefault(self._star_key(item), []).append(owner)
        return StarOptions(
            excluded,
            {self._star_key(item.args["alias"]): item for item in _star_list(star, "replace")},
            {self._star_key(item.args["this"]): item for item in _star_list(star, "rename")},
            _star_pattern(star),
        )

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
    return _like_pattern(star.args.get("ilike") if isinstance(star, exp.Star) else None)


def _like_pattern(pattern: Any) -> re.Pattern[str] | None:
    if not isinstance(pattern, exp.Literal):
        return None
    words = re.escape(pattern.name).replace("%", ".*").replace("_", ".")
    return re.compile(words, re.IGNORECASE | re.DOTALL)
