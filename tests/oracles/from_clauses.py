"""Random FROM clauses: tables, CTEs, derived tables, VALUES, LATERAL, and the joins between them."""

from __future__ import annotations

from collections.abc import Iterable

from expressions import Expressions, Place, Scope, phrase
from sample_tables import INT, TABLES, TEXT
from sqltree import Column, Cte, Item, Name, Node, Phrase, Query, Ref, Select, SetOperation, Source, named

NAMES = ("p", "q", "x", "y", "people", "teams", "sales", "visits", "z", "n")
"""Aliases; those of the tables shadow them."""

Environment = dict[str, Cte]
"""The CTEs that a place sees."""


class FromClauses(Expressions):
    """Makes sources and joins.

    ``is_portable``: only what PostgreSQL reads too. ``is_tight``: every column of every derived relation is
    used, so that nothing is read in vain. ``keeps_rows``: all rows reach the result, so that a column changes
    nothing but values.
    """

    is_portable = False
    is_tight = False
    keeps_rows = False

    def query(self, depth: int, env: Environment, outer: Iterable[Source] = ()) -> Query:
        """A query of any columns."""
        raise NotImplementedError

    def from_clause(
        self, depth: int, env: Environment, outer: Iterable[Source], must: list[Cte], tables_only: bool
    ) -> tuple[Scope, Phrase]:
        """FROM with its joins. ``must`` are CTEs that have to be among the sources."""
        scope = Scope(outer=list(outer))
        first = self._source(depth, env, scope, must, tables_only)
        scope.sources.append(first)
        parts: list[str | Node] = ["FROM", first]
        wanted = max(1 if self.keeps_rows else self.one(1, 1, 2, 2, 3), len(must))
        while len(scope.sources) < wanted:
            source = self._source(depth, env, scope, must[len(scope.sources) :], tables_only)
            parts += self._join(scope, source)
        if self.chance(15):
            source = self._source(depth, env, scope, [], tables_only)
            scope.sources.append(source)
            parts += [",", source]
        return scope, phrase(*parts)

    def _source(
        self, depth: int, env: Environment, scope: Scope, must: list[Cte], tables_only: bool
    ) -> Source:
        free = [name for name in NAMES if name not in {source.alias for source in scope.sources}]
        if must:
            return self._cte_source(must[0], scope, free)
        tables = [name for name in TABLES if name not in env]
        table = self.one(*tables)
        if tables_only or depth == 0 or self.chance(45):
            if env and not tables_only and not self.is_tight and self.chance(60):
                return self._cte_source(self.one(*env.values()), scope, free)
            return self.table(table, table if table in free and self.chance(40) else self.one(*free))
        if self.chance(10):
            return self._values(self.one(*free))
        if env and not self.is_tight and self.chance(50):
            return self._cte_source(self.one(*env.values()), scope, free)
        is_lateral = bool(scope.sources) and self.chance(20)
        query = self.query(depth - 1, env, scope.visible() if is_lateral else scope.around())
        return self._derived(query, self.one(*free), is_lateral)

    def table(self, table: str, alias: str) -> Source:
        columns = tuple(Column(name, kind) for name, kind in TABLES[table].items())
        return Source(table, alias, columns, is_aliased=alias != table)

    def _cte_source(self, cte: Cte, scope: Scope, free: list[str]) -> Source:
        is_free = not any(source.alias == cte.name for source in scope.sources)
        alias = cte.name if is_free and self.chance(50) else self.one(*free)
        return Source(cte, alias, cte.columns, is_aliased=alias != cte.name)

    def _derived(self, query: Query, alias: str, is_lateral: bool) -> Source:
        columns, has_list = query.columns, self.chance(15)
        if has_list:
            columns = named(columns, [f"d{number}" for number in range(1, len(columns) + 1)])
        return Source(query, alias, columns, is_lateral=is_lateral, has_list=has_list)

    def _values(self, alias: str) -> Source:
        columns = (Column("v1", INT, True), Column("v2", TEXT, True))
        row = ("(", self.literal(INT), ",", self.literal(TEXT), ")")
        rows = phrase("VALUES", *row, ",", "(", self.literal(INT), ",", self.literal(TEXT), ")")
        return Source(rows, alias, columns, has_list=True)

    # Joins ----------------------------------------------------------------------------------------

    def _join(self, scope: Scope, source: Source) -> list[str | Node]:
        """A join of one more source; it comes into scope."""
        if source.is_lateral:
            scope.sources.append(source)
            if self.chance(50):
                return ["CROSS", "JOIN", source]
            return ["LEFT", "JOIN", source, "ON", "TRUE"]
        shared = self._shared(scope, source)
        side = self.one("", "LEFT", "RIGHT", "FULL")
        words: list[str | Node] = [*([side] if side else []), "JOIN", source]
        if shared and self.chance(35):
            column = self.one(*shared)
            scope.using[column.name] = len(scope.named(column.name)) + 1
            scope.sources.append(source)
            return [*words, "USING", "(", Ref(None, column), ")"]
        before = Scope(list(scope.sources))
        scope.sources.append(source)
        if not side and self.chance(20):
            return ["CROSS", "JOIN", source]
        return [*words, "ON", self._link(before, scope, source, side)]

    def _shared(self, scope: Scope, source: Source) -> list[Column]:
        """Columns that USING may name: one on the left, one on the right, both made or both not."""
        merged = {column.name: column for column in scope.merged()}
        return [
            column
            for column in source.columns
            if merged.get(column.name) == column or scope.named(column.name) == [column]
        ]

    def _link(self, before: Scope, scope: Scope, source: Source, side: str) -> Node:
        kind = self.one(INT, TEXT) if any(one.kind == TEXT for one in source.columns) else INT
        right = [column for column in source.columns if column.kind == kind]
        left = [Ref(one, column) for one in before.sources for column in one.columns if column.kind == kind]
        if not right or not left:
            return phrase("TRUE")
        equal = phrase(self.one(*left), "=", Ref(source, self.one(*right)))
        if side == "FULL" or self.chance(75):
            return equal
        inner = Scope(scope.sources)
        return phrase(
            equal, self.one("AND", "OR"), self.test(Place(lambda kind: self.qualified(inner, kind)))
        )

    def qualified(self, scope: Scope, kind: str) -> Node:
        """A qualified column of a scope."""
        refs = [ref for ref in scope.own_refs(kind) if ref.source is not None]
        return self.one(*refs) if refs else self.literal(kind)

    def recursive(self, name: str, env: Environment) -> Cte:
        """A CTE that follows ids in a table, twice at most."""
        table = self.one(*(name for name in TABLES if name not in env))
        first, second = [column for column, kind in TABLES[table].items() if kind == INT][:2]
        text = Column(next(column for column, kind in TABLES[table].items() if kind == TEXT), TEXT)
        columns = (Column("id", INT, True), Column("label", TEXT, True), Column("step", INT, True))
        return self._steps(name, table, Column(first, INT), Column(second, INT), text, columns)

    def _steps(
        self, name: str, table: str, first: Column, second: Column, text: Column, columns: tuple[Column, ...]
    ) -> Cte:
        base, again = self.table(table, "p"), Source(Name(name), "r", columns)
        start = self.test(Place(lambda kind: self.column(Scope([base]), kind)))
        anchor = (
            Item(Ref(base, first), columns[0]),
            Item(Ref(base, text), columns[1]),
            Item(phrase("0"), columns[2]),
        )
        label = Ref(base, text) if self.chance(50) else Ref(again, columns[1])
        step = (
            Item(Ref(base, second), columns[0]),
            Item(label, columns[1]),
            Item(phrase(Ref(again, columns[2]), "+", "1"), columns[2]),
        )
        link = phrase(Ref(base, first), "=", Ref(again, columns[0]))
        rest = phrase("FROM", base, "JOIN", again, "ON", link, "WHERE", Ref(again, columns[2]), "<", "2")
        operator = self.one("UNION ALL", "UNION")
        left = Query(Select(phrase(), anchor, phrase("FROM", base, "WHERE", start)))
        union = SetOperation(operator, left, Query(Select(phrase(), step, rest)))
        return Cte(name, Query(union), columns, is_recursive=True)
