"""Where an expression stands: its place in the user's text, found without generating SQL."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import Place
from airflow_provider_sqlflow.engine.split import RawStatement
from airflow_provider_sqlflow.engine.text import SourceText

_CALL_HEAD = re.compile(r"\w+\s*\(\s*\Z")
_ASSIGNMENT = re.compile(r"\s*:?=\s*")


class Quoter:
    """Places of expressions of one statement."""

    def __init__(self, source: SourceText, statement: RawStatement) -> None:
        self._text = source.text
        self._segments = statement.segments
        self._base = statement.base
        self.whole: Place = (statement.start, statement.end)

    def clause(self, expression: Any) -> Place:
        """The clause, select item or assignment around an expression."""
        at = _first_offset(expression)
        offset, is_inner = (at + self._base, False) if at is not None else self._offset(expression)
        if offset is None:
            return self.whole
        place = self._segments.find(offset)
        if place is not None and is_inner:
            place = self._segments.around(offset) or place
        if place is None:
            return self.extent(expression)
        end = self.whole[1]
        return place if place[1] <= end else (place[0], end)

    def item(self, projection: Any) -> Place:
        """The expression of a select item, without its alias."""
        alias = projection.args.get("alias") if isinstance(projection, exp.Alias) else None
        at = alias.meta.get("start") if isinstance(alias, exp.Expr) else None
        if alias is None or at is None:
            return self.clause(projection)
        at += self._base
        place = self._segments.find(at)  # the alias stands in the item, never in a query inside
        if place is None:
            return self.clause(projection)
        start, end = place
        if at == start:  # T-SQL: alias = expression
            match = _ASSIGNMENT.match(self._text, alias.meta["end"] + 1 + self._base)
            return (match.end(), end) if match else (start, end)
        kept = self._text[start:at].rstrip()
        if kept[-2:].upper() == "AS" and kept[-3:-2].isspace():
            kept = kept[:-2].rstrip()
        return start, start + len(kept)

    def extent(self, expression: Any) -> Place:
        """From the first to the last token of an expression that carries a position."""
        start, end = self.whole[1], self.whole[0]
        for node in expression.walk():
            at = node.meta.get("start")
            if at is not None and node.meta.get("end") is not None and self._stands(node, at + self._base):
                start = min(start, at + self._base)
                end = max(end, node.meta["end"] + 1 + self._base)
        if start >= end:
            return self.whole
        return start, self._closed(start, end)

    def _stands(self, node: Any, at: int) -> bool:
        """Whether a node really stands where it says: sqlglot makes some up, with places of their own."""
        if not isinstance(node, (exp.Identifier, exp.Star)):
            return True
        name = "*" if isinstance(node, exp.Star) else node.name
        piece = self._text[at : node.meta["end"] + 1 + self._base]
        return name.lower() in piece.lower() or "{{" in piece or set(name) == {"j"}

    def _closed(self, start: int, end: int) -> int:
        """The end moved behind brackets that were opened in between: they carry no position."""
        missing = self._text.count("(", start, end) - self._text.count(")", start, end)
        while missing > 0:
            following = self._text.find(")", end, end + 200)
            if following < 0 or self._text[end:following].strip():
                break
            end = following + 1
            missing -= 1
        return end

    def call(self, arguments: Any, fallback: Any) -> Place:
        """A call whose arguments carry positions but whose name does not: ``UNNEST(tags)``."""
        places = [self.extent(argument) for argument in arguments]
        if not places or self.whole in places:
            return self.extent(fallback)
        start, end = min(place[0] for place in places), max(place[1] for place in places)
        name = _CALL_HEAD.search(self._text, max(start - 40, self.whole[0]), start)
        start = name.start() if name else start
        return start, self._closed(start, end)

    def text(self, place: Place) -> str:
        """The user's text of a place."""
        return self._text[place[0] : place[1]]

    def _offset(self, expression: Any) -> tuple[int | None, bool]:
        """The offset of a token of the expression, and whether it lies in a query inside."""
        todo: list[tuple[Any, bool]] = [(expression, False)]
        inner: int | None = None
        while todo:
            node, is_inner = todo.pop()
            at = node.meta.get("start")
            if at is not None:
                if not is_inner:
                    return int(at) + self._base, False
                if inner is None:
                    inner = int(at) + self._base
                continue
            below = is_inner or isinstance(node, exp.Query)
            if inner is not None and below:
                continue
            children: list[tuple[Any, bool]] = []
            for value in node.args.values():
                for item in value if isinstance(value, list) else (value,):
                    if isinstance(item, exp.Expr):
                        children.append((item, below))
            todo.extend(reversed(children))
        return inner, True


def _first_offset(expression: Any) -> int | None:
    """The offset of the first leaf, where it has one and no query is on the way: nearly always."""
    node = expression
    while not isinstance(node, exp.Query):
        at = node.meta.get("start")
        if at is not None:
            return int(at)
        first = next(iter(node.args.values()), None)
        node = first[0] if isinstance(first, list) and first else first
        if not isinstance(node, exp.Expr):
            break
    return None
