"""Random expressions over the columns that a place in a query may read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st
from sample_tables import INT, TEXT
from sqltree import Column, Node, Phrase, Ref, Source

T = TypeVar("T")


class Chooser:
    """Short names for hypothesis' choices. The first choice is the simplest: shrinking leads there."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self.draw = draw

    def one(self, *choices: T) -> T:
        return choices[self.draw(st.integers(0, len(choices) - 1))] if len(choices) > 1 else choices[0]

    def upto(self, most: int, least: int = 0) -> int:
        return int(self.draw(st.integers(least, most)))

    def chance(self, percent: int) -> bool:
        return int(self.draw(st.integers(0, 99))) >= 100 - percent


@dataclass
class Scope:
    """What a place of a query sees. ``outer`` are sources of the queries around."""

    sources: list[Source] = field(default_factory=list)
    using: dict[str, int] = field(default_factory=dict)  # columns of USING: how many sources they join
    outer: list[Source] = field(default_factory=list)

    def own_refs(self, kind: str) -> list[Ref]:
        found = [Ref(None, column) for column in self.merged() if column.kind == kind]
        for source in self.sources:
            for column in source.columns:
                if column.kind == kind:
                    found.append(Ref(source, column))
                    if self.is_unique(column.name):
                        found.append(Ref(None, column))
        return found

    def outer_refs(self, kind: str) -> list[Ref]:
        hidden = {source.alias for source in self.sources}
        return [
            Ref(source, column)
            for source in self.outer
            if source.alias not in hidden
            for column in source.columns
            if column.kind == kind
        ]

    def around(self) -> list[Source]:
        """What a derived table here may read: DuckDB looks at what stands left of it first."""
        hidden = {source.alias for source in self.sources}
        return [source for source in self.outer if source.alias not in hidden]

    def visible(self) -> list[Source]:
        """What a subquery here may read: an alias hides the same one further out."""
        return [*self.around(), *self.sources]

    def named(self, name: str) -> list[Column]:
        """The columns of that name, by source."""
        return [column for source in self.sources for column in source.columns if column.name == name]

    def is_unique(self, name: str) -> bool:
        """Whether the name of a column may stand without qualifier."""
        return len(self.named(name)) == 1

    def merged(self) -> list[Column]:
        """Columns of USING whose name means nothing else."""
        return [self.named(name)[0] for name, count in self.using.items() if len(self.named(name)) == count]


@dataclass
class Place:
    """What an expression at one place may be made of.

    ``leaf`` gives the columns (or keys and aggregates, after grouping); ``subquery`` gives a query of one
    column and one row, or a condition; it is ``None`` where subqueries do not go.
    """

    leaf: Callable[[str], Node]
    scalar: Callable[[str], Node] | None = None
    condition: Callable[[], Node] | None = None
    window: Callable[[str], Node] | None = None


def phrase(*parts: str | Node) -> Phrase:
    return Phrase(parts)


def listed(parts: list[Node]) -> Phrase:
    """Parts with commas between."""
    out: list[str | Node] = []
    for part in parts:
        out.extend([",", part] if out else [part])
    return Phrase(tuple(out))


class Expressions(Chooser):
    """Makes values and conditions."""

    def literal(self, kind: str) -> Node:
        return phrase(str(self.upto(4)) if kind == INT else self.one("'a'", "'b'", "'c'"))

    def column(self, scope: Scope, kind: str) -> Node:
        """A column in sight; a literal when there is none of that type."""
        own, outer = scope.own_refs(kind), scope.outer_refs(kind)
        if outer and (not own or self.chance(25)):
            return self.one(*outer)
        return self.one(*own) if own else self.literal(kind)

    def value(self, place: Place, kind: str, depth: int = 2) -> Node:
        if depth == 0 or self.chance(40):
            return self.literal(kind) if self.chance(10) else place.leaf(kind)
        if place.scalar is not None and self.chance(20):
            return place.scalar(kind)
        if place.window is not None and self.chance(20):
            return place.window(kind)
        common = (self._case, self._simple_case, self._coalesce, self._nullif, self._greatest)
        own = (self._arithmetic, self._number_of) if kind == INT else (self._text, self._text_of)
        return self.one(*own, *common)(place, kind, depth - 1)

    def _arithmetic(self, place: Place, kind: str, depth: int) -> Node:
        left, right = self.value(place, kind, depth), self.value(place, kind, depth)
        return phrase("(", left, self.one("+", "-"), right, ")")

    def _number_of(self, place: Place, kind: str, depth: int) -> Node:
        if self.chance(50):
            return phrase("LENGTH", "(", self.value(place, TEXT, depth), ")")
        return phrase("ABS", "(", self.value(place, INT, depth), ")")

    def _text(self, place: Place, kind: str, depth: int) -> Node:
        return phrase("(", self.value(place, TEXT, depth), "||", self.value(place, TEXT, depth), ")")

    def _text_of(self, place: Place, kind: str, depth: int) -> Node:
        if self.chance(30):
            return phrase("CAST", "(", self.value(place, INT, depth), "AS", "TEXT", ")")
        return phrase("UPPER", "(", self.value(place, TEXT, depth), ")")

    def _case(self, place: Place, kind: str, depth: int) -> Node:
        parts: list[str | Node] = ["CASE"]
        for _ in range(self.upto(2, 1)):
            parts += ["WHEN", self.test(place, depth), "THEN", self.value(place, kind, depth)]
        if self.chance(70):
            parts += ["ELSE", self.value(place, kind, depth)]
        return phrase(*parts, "END")

    def _simple_case(self, place: Place, kind: str, depth: int) -> Node:
        by = self.one(INT, TEXT)
        when = ("WHEN", self.literal(by), "THEN", self.value(place, kind, depth))
        return phrase("CASE", self.value(place, by, depth), *when, "ELSE", self.value(place, kind, 0), "END")

    def _coalesce(self, place: Place, kind: str, depth: int) -> Node:
        parts = [self.value(place, kind, depth) for _ in range(self.upto(3, 2))]
        return phrase("COALESCE", "(", listed(parts), ")")

    def _nullif(self, place: Place, kind: str, depth: int) -> Node:
        return phrase("NULLIF", "(", self.value(place, kind, depth), ",", self.value(place, kind, 0), ")")

    def _greatest(self, place: Place, kind: str, depth: int) -> Node:
        name = self.one("GREATEST", "LEAST")
        return phrase(name, "(", self.value(place, kind, depth), ",", self.value(place, kind, depth), ")")

    def test(self, place: Place, depth: int = 1) -> Node:
        """A condition."""
        if place.condition is not None and self.chance(25):
            return place.condition()
        kind = self.one(INT, TEXT)
        left = self.value(place, kind, min(depth, 1))
        shape = self.upto(6 if depth else 3)
        if shape == 1:
            return phrase(left, "IS", *(("NOT",) if self.chance(50) else ()), "NULL")
        if shape == 2:
            return phrase(left, "IN", "(", self.literal(kind), ",", self.literal(kind), ")")
        if shape == 3:
            return phrase(left, "BETWEEN", self.literal(kind), "AND", self.value(place, kind, 0))
        if shape == 4:
            return phrase("NOT", "(", self.test(place, depth - 1), ")")
        if shape > 4:
            tests = (self.test(place, depth - 1), self.test(place, depth - 1))
            return phrase("(", tests[0], self.one("AND", "OR"), tests[1], ")")
        operator = self.one("=", "<", "<>", ">=")
        if self.chance(10):
            return phrase(left, "IS", "DISTINCT", "FROM", self.value(place, kind, 0))
        return phrase(left, operator, self.value(place, kind, 0))

    def aggregate(self, place: Place, kind: str) -> Node:
        """An aggregate over values of a place that holds none itself."""
        if kind == INT and self.chance(20):
            call: tuple[str | Node, ...] = ("COUNT", "(", "*", ")")
        elif kind == INT and self.chance(25):
            argument = self.value(place, self.one(INT, TEXT), 1)
            call = ("COUNT", "(", *(("DISTINCT",) if self.chance(50) else ()), argument, ")")
        elif kind == TEXT and self.chance(20):
            value, by = self.value(place, TEXT, 1), place.leaf(INT)
            by = by if isinstance(by, Ref) else phrase("(", by, "+", "0", ")")  # a number may be a position
            call = ("STRING_AGG", "(", value, ",", "'-'", "ORDER", "BY", by, ",", value, ")")
        else:
            name = self.one("SUM", "MIN", "MAX") if kind == INT else self.one("MIN", "MAX")
            call = (name, "(", self.value(place, kind, 1), ")")
        if self.chance(15):
            call += ("FILTER", "(", "WHERE", self.test(place, 0), ")")
        return phrase(*call)
