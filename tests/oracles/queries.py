"""Random queries over the schema, valid by construction on DuckDB and, on request, on PostgreSQL.

Every query has one result: LIMIT comes with an order of all output columns, and window functions that
depend on the order of ties order by every column in sight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from expressions import Place, Scope, listed, phrase
from from_clauses import Environment, FromClauses
from hypothesis import strategies as st
from sample_tables import INT, TEXT
from sqltree import Column, Cte, Item, Node, Phrase, Query, Ref, Select, SetOperation, Source, Star, named

OUTPUTS = ("total", "label", "rate", "id", "team", "age", "name", "city", "state", "flag", "score", "rest")
"""Names of output columns; those of the tables' columns shadow them."""


@st.composite
def queries(
    draw: Callable[..., Any],
    *,
    is_portable: bool = False,
    is_tight: bool = False,
    keeps_rows: bool = False,
    depth: int = 2,
) -> Query:
    """Queries, nested up to ``depth``; :class:`FromClauses` explains the other arguments."""
    maker = Queries(draw)
    maker.is_portable, maker.is_tight, maker.keeps_rows = is_portable, is_tight, keeps_rows
    return maker.query(maker.upto(depth), {})


class Queries(FromClauses):
    """Makes queries."""

    def query(self, depth: int, env: Environment, outer: Iterable[Source] = ()) -> Query:
        """A query of any columns."""
        ctes, env, must = self._ctes(depth, env) if depth and self.chance(35) else ((), env, [])
        body: Select | SetOperation
        if not must and self.chance(20):
            body = self._set_operation(depth, env, outer)
        else:
            body = self.select(depth, env, outer, must=must)
        order, limit = self._order(body)
        return Query(body, ctes, order, limit)

    def _set_operation(self, depth: int, env: Environment, outer: Iterable[Source]) -> SetOperation:
        kinds = [self.one(INT, TEXT) for _ in range(self.upto(3, 1))]
        left = Query(self.select(depth, env, outer, kinds=kinds))
        for _ in range(self.upto(2, 1)):
            operators = ("UNION ALL", "UNION", "EXCEPT", "INTERSECT")
            operator = self.one(*operators[: 1 if self.keeps_rows else None])
            body = SetOperation(operator, left, Query(self.select(depth, env, outer, kinds=kinds)))
            left = Query(body)
        return body

    def _order(self, body: Select | SetOperation) -> tuple[tuple[int | Column, ...], int | None]:
        if self.keeps_rows or not self.chance(25) or (isinstance(body, Select) and body.is_ordered):
            return (), None
        columns = body.columns
        numbers = list(self.draw(st.permutations(range(len(columns)))))
        order = tuple(columns[number] if self.chance(40) else number + 1 for number in numbers)
        return order, self.upto(4, 1) if self.chance(70) else None

    def _ctes(self, depth: int, env: Environment) -> tuple[tuple[Cte, ...], Environment, list[Cte]]:
        """CTEs, what is visible with them, and those that have to be used."""
        inner, made = dict(env), list[Cte]()
        is_recursive = not self.keeps_rows and self.chance(20)
        # Where RECURSIVE stands, a CTE with a table's name would read itself.
        pool = ["u", "w", "recent"]
        if not is_recursive:
            pool += ["people", "teams"]
        for _ in range(self.upto(3, 1)):
            name = pool.pop(self.upto(len(pool) - 1))
            if is_recursive and (self.chance(60) or not made):
                cte = self.recursive(name, inner)
            else:
                query = self.query(depth - 1, inner)
                if is_recursive:  # DuckDB allows no ORDER BY there
                    query = Query(query.body, query.ctes)
                columns, has_list = query.columns, self.chance(20)
                if has_list:
                    columns = named(columns, [f"c{number}" for number in range(1, len(columns) + 1)])
                cte = Cte(name, query, columns, has_list)
            inner[name] = cte
            made.append(cte)
        return tuple(made), inner, made if self.is_tight else []

    # SELECT ---------------------------------------------------------------------------------------

    def select(
        self,
        depth: int,
        env: Environment,
        outer: Iterable[Source],
        *,
        kinds: list[str] | None = None,
        must: list[Cte] | None = None,
        is_single_row: bool = False,
    ) -> Select:
        """A SELECT: of these types when ``kinds`` is given; ``is_single_row`` aggregates all rows."""
        tables_only = self.is_tight and kinds is not None
        scope, from_ = self.from_clause(depth, env, outer, must or [], tables_only)
        rest: list[str | Node] = [from_]
        place = self._place(scope, depth, env)
        if not self.keeps_rows and self.chance(35):
            rest += ["WHERE", self.test(place)]
        if is_single_row or (not self.keeps_rows and self.chance(25)):
            return self._grouped(scope, place, rest, kinds, depth, env, is_single_row)
        return self._plain(scope, place, rest, kinds)

    def _place(self, scope: Scope, depth: int, env: Environment) -> Place:
        """Where columns and subqueries may stand."""
        place = Place(lambda kind: self.column(scope, kind))
        if depth:
            outer = scope.visible()
            place.scalar = lambda kind: self._freely(lambda: self._scalar(kind, depth - 1, env, outer))
            place.condition = lambda: self._freely(lambda: self._condition(depth - 1, env, scope, outer))
        return place

    def _plain(self, scope: Scope, place: Place, rest: list[str | Node], kinds: list[str] | None) -> Select:
        simple = Place(place.leaf)
        place.window = lambda kind: self._window(kind, simple, scope)
        items = tuple(self._items(place, scope, kinds))
        body = Select(phrase(), items, Phrase(tuple(rest)))
        if self.keeps_rows:
            return body
        if self.chance(15):
            return replace(body, head=phrase("DISTINCT"))
        if not self.is_portable and self.chance(10):
            limit = phrase("QUALIFY", self._window(INT, simple, scope), "<=", self.literal(INT))
            return replace(body, rest=phrase(body.rest, limit))
        by = self.qualified(scope, self.one(INT, TEXT))
        if kinds is None and isinstance(by, Ref) and self.chance(8):
            numbers = [phrase(str(number)) for number in range(1, len(body.columns) + 1)]
            ordered = phrase(body.rest, "ORDER", "BY", listed([by, *numbers]))
            return Select(phrase("DISTINCT", "ON", "(", by, ")"), items, ordered, is_ordered=True)
        return body

    def _items(self, place: Place, scope: Scope, kinds: list[str] | None) -> list[Item | Star]:
        taken: set[str] = set()
        items: list[Item | Star] = []
        if kinds is None:
            items += self._stars(scope, taken)
        if self.is_tight and kinds is None:
            shown = {id(item.source) for item in items if isinstance(item, Star)}
            items += self._all_of_derived(scope, taken, shown, is_grouped=False)
        wanted = kinds or [self.one(INT, TEXT) for _ in range(self.upto(3, 0 if items else 1))]
        for kind in wanted:
            items.append(self._item(self.value(place, kind), kind, taken))
        return items

    def _stars(self, scope: Scope, taken: set[str]) -> list[Item | Star]:
        """Maybe ``*`` or ``source.*``, where no name comes twice."""
        if self.chance(12):
            columns = scope.merged()
            merged = {column.name for column in columns}
            columns += [one for source in scope.sources for one in source.columns if one.name not in merged]
            if len({column.name for column in columns}) == len(columns):
                taken.update(column.name for column in columns)
                return [Star(None, tuple(columns))]
        if self.chance(12):
            source = self.one(*scope.sources)
            taken.update(column.name for column in source.columns)
            return [Star(source, source.columns)]
        return []

    def _all_of_derived(
        self, scope: Scope, taken: set[str], shown: set[int], *, is_grouped: bool
    ) -> list[Item | Star]:
        """Items that use every column of every derived relation in FROM."""
        items: list[Item | Star] = []
        for source in scope.sources:
            if source.is_table or id(source) in shown:
                continue
            for column in source.columns:
                ref = Ref(source, column)
                value = phrase("MAX", "(", ref, ")") if is_grouped else ref
                items.append(self._item(value, column.kind, taken))
        return items

    def _item(self, value: Node, kind: str, taken: set[str]) -> Item:
        if isinstance(value, Ref) and value.column.name not in taken and self.chance(60):
            taken.add(value.column.name)
            return Item(value, value.column)
        free = [name for name in OUTPUTS if name not in taken] or [f"out{len(taken)}"]
        name = self.one(*free)
        taken.add(name)
        return Item(value, Column(name, kind, True))

    def _grouped(
        self,
        scope: Scope,
        place: Place,
        rest: list[str | Node],
        kinds: list[str] | None,
        depth: int,
        env: Environment,
        is_single_row: bool,
    ) -> Select:
        """GROUP BY, or aggregates over all rows."""
        count = 0 if is_single_row else self.one(1, 1, 2, 0)
        types = [self.one(INT, TEXT) for _ in range(count)]
        keys = [(kind, self._key(scope, kind)) for kind in types]
        inner = Place(lambda kind: self.column(Scope(scope.sources, scope.using), kind))

        def leaf(kind: str) -> Node:
            own = [key for one, key in keys if one == kind]
            return self.one(*own) if own and self.chance(55) else self.aggregate(inner, kind)

        after = Place(leaf)
        if depth:
            after.scalar = lambda kind: self._scalar(kind, depth - 1, env, [])
        taken: set[str] = set()
        items: list[Item | Star] = []
        if self.is_tight and kinds is None:
            items += self._all_of_derived(scope, taken, set(), is_grouped=True)
        for kind in kinds or [self.one(INT, TEXT) for _ in range(self.upto(3, 1))]:
            if not keys and not items:
                value: Node = self.aggregate(inner, kind)  # at least one, so that all rows become one
            else:
                value = self.value(after, kind, 1)
            items.append(self._item(value, kind, taken))
        if keys:
            rest += ["GROUP", "BY", listed([key for _, key in keys])]
        if not is_single_row and self.chance(30):
            rest += ["HAVING", self.test(Place(leaf), 0)]
        return Select(phrase(), tuple(items), Phrase(tuple(rest)))

    def _key(self, scope: Scope, kind: str) -> Node:
        """A grouping key: a column that is not mistaken for an output name, or an expression of it."""
        ref = self.qualified(scope, kind)
        if not isinstance(ref, Ref) or self.chance(25):
            return phrase("COALESCE", "(", ref, ",", self.literal(kind), ")")
        return ref

    # Windows and subqueries -----------------------------------------------------------------------

    def _window(self, kind: str, place: Place, scope: Scope) -> Node:
        parts: list[str | Node] = []
        if self.chance(50):
            parts += ["PARTITION", "BY", self.value(place, self.one(INT, TEXT), 1)]
        every = [Ref(source, column) for source in scope.sources for column in source.columns]
        shape = self.upto(3)
        argument = self.value(place, kind, 1)
        if shape == 0:
            call: tuple[str | Node, ...] = (self.one("MAX", "MIN"), "(", argument, ")")
        elif shape == 1 and kind == INT:
            call = (self.one("RANK", "DENSE_RANK"), "(", ")")
        elif shape == 2 and kind == INT:
            call = ("ROW_NUMBER", "(", ")")
        else:
            typed = phrase("CAST", "(", argument, "AS", "TEXT", ")") if kind == TEXT else argument
            call = (self.one("LAG", "LEAD", "FIRST_VALUE"), "(", typed, ")")
        if shape > 1 or call[0] in {"LAG", "LEAD", "FIRST_VALUE"}:
            parts += ["ORDER", "BY", listed(list(every))]
        elif shape == 1 or self.chance(50):
            parts += ["ORDER", "BY", self.value(place, self.one(INT, TEXT), 1)]
        return phrase(*call, "OVER", "(", *parts, ")")

    def _freely(self, make: Callable[[], Node]) -> Node:
        """Make a subquery outside FROM: its rows are not those of the result."""
        before, self.keeps_rows = self.keeps_rows, False
        try:
            return make()
        finally:
            self.keeps_rows = before

    def _scalar(self, kind: str, depth: int, env: Environment, outer: list[Source]) -> Node:
        """A subquery of one value."""
        if self.chance(60):
            body = self.select(depth, env, outer, kinds=[kind], is_single_row=True)
            return phrase("(", Query(body), ")")
        body = self.select(depth, env, outer, kinds=[kind])
        return phrase("(", Query(body, (), (1,), 1), ")")

    def _condition(self, depth: int, env: Environment, scope: Scope, outer: list[Source]) -> Node:
        """IN or EXISTS."""
        negated = ("NOT",) if self.chance(40) else ()
        if self.chance(50):
            kind = self.one(INT, TEXT)
            query = Query(self.select(depth, env, outer, kinds=[kind]))
            return phrase(self.column(scope, kind), *negated, "IN", "(", query, ")")
        inner, from_ = self.from_clause(0, env, outer, [], self.is_tight)
        test = self.test(Place(lambda kind: self.column(inner, kind)))
        if self.is_tight or self.chance(60):
            shown: Node = phrase("1")
        else:
            shown = phrase("*") if self.chance(50) else self.column(inner, self.one(INT, TEXT))
        return phrase(*negated, "EXISTS", "(", "SELECT", shown, from_, "WHERE", test, ")")
