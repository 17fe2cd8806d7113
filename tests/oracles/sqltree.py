"""SQL queries as values that render to tokens, so that one query can be spelled in many ways.

A token in capitals is a keyword, one in small letters is an identifier; ``spell`` joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any


def _unchanged(name: str) -> str:
    return name


@dataclass(frozen=True)
class Style:
    """How names are spelled, and whether CTEs become derived tables."""

    relation: Callable[[str], str] = _unchanged  # CTEs and aliases of relations
    column: Callable[[str], str] = _unchanged  # columns that the query made
    is_inline: bool = False

    def name(self, column: Column) -> str:
        return self.column(column.name) if column.is_made else column.name


PLAIN = Style()


@dataclass(frozen=True)
class Column:
    """A column of a relation. ``is_made``: the query named it, so it may get another name."""

    name: str
    kind: str
    is_made: bool = False


@dataclass(frozen=True, eq=False)
class Phrase:
    """Tokens and parts in order: expressions, conditions, clauses."""

    parts: tuple[str | Node, ...]

    def tokens(self, style: Style) -> Iterator[str]:
        for part in self.parts:
            if isinstance(part, str):
                yield part
            else:
                yield from part.tokens(style)


@dataclass(frozen=True)
class Name:
    """The name of a CTE inside itself."""

    text: str

    def tokens(self, style: Style) -> Iterator[str]:
        yield style.relation(self.text)


@dataclass(frozen=True, eq=False)
class Cte:
    """A named query. ``names`` is its column list, if it has one."""

    name: str
    query: Query
    columns: tuple[Column, ...]
    has_list: bool = False
    is_recursive: bool = False

    def tokens(self, style: Style) -> Iterator[str]:
        yield style.relation(self.name)
        if self.has_list:
            yield from _column_list(self.columns, style)
        yield from ("AS", "(", *self.query.tokens(style), ")")


@dataclass(frozen=True, eq=False)
class Source:
    """Something in FROM: a table's name, a CTE, a query or a phrase (VALUES)."""

    item: str | Name | Cte | Query | Phrase
    alias: str
    columns: tuple[Column, ...]
    is_aliased: bool = True
    is_lateral: bool = False
    has_list: bool = False

    @property
    def is_table(self) -> bool:
        return isinstance(self.item, str)

    def tokens(self, style: Style) -> Iterator[str]:
        has_list = self.has_list
        if self.is_lateral:
            yield "LATERAL"
        if isinstance(self.item, str):
            yield self.item
        elif isinstance(self.item, Name):
            yield from self.item.tokens(style)
        elif not isinstance(self.item, Cte):
            yield from ("(", *self.item.tokens(style), ")")
        elif style.is_inline and not self.item.is_recursive:
            yield from ("(", *self.item.query.tokens(style), ")")
            has_list = has_list or self.item.has_list
        else:
            yield style.relation(self.item.name)
        alias = style.relation(self.alias)
        if self.is_aliased or has_list or style.is_inline or alias != self.alias:
            yield from ("AS", alias)
        if has_list:
            yield from _column_list(self.columns, style)


@dataclass(frozen=True, eq=False)
class Ref:
    """A column reference; without a source it is not qualified."""

    source: Source | None
    column: Column

    def tokens(self, style: Style) -> Iterator[str]:
        if self.source is not None:
            yield from (style.relation(self.source.alias), ".")
        yield style.name(self.column)


@dataclass(frozen=True, eq=False)
class Item:
    """A select item and the output column it gives."""

    value: Node
    column: Column

    def spelled(self, style: Style, is_top: bool) -> Iterator[str]:
        name = self.column.name if is_top else style.name(self.column)
        tokens = list(self.value.tokens(style))
        yield from tokens
        if not isinstance(self.value, Ref) or tokens[-1] != name:
            yield from ("AS", name)


@dataclass(frozen=True, eq=False)
class Star:
    """``*`` or ``source.*`` and the output columns it gives."""

    source: Source | None
    columns: tuple[Column, ...]

    def spelled(self, style: Style, is_top: bool) -> Iterator[str]:
        if self.source is not None:
            yield from (style.relation(self.source.alias), ".")
        yield "*"


@dataclass(frozen=True, eq=False)
class Select:
    """``SELECT head items rest``. ``is_ordered``: the rest ends with an ORDER BY."""

    head: Phrase
    items: tuple[Item | Star, ...]
    rest: Phrase
    is_ordered: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        found: list[Column] = []
        for item in self.items:
            found.extend([item.column] if isinstance(item, Item) else item.columns)
        return tuple(found)

    def spelled(self, style: Style, is_top: bool) -> Iterator[str]:
        yield from ("SELECT", *self.head.tokens(style))
        for number, item in enumerate(self.items):
            yield from (",",) if number else ()
            yield from item.spelled(style, is_top)
        yield from self.rest.tokens(style)


@dataclass(frozen=True, eq=False)
class SetOperation:
    """``left operator right``; the columns are named on the left."""

    operator: str
    left: Query
    right: Query

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.left.columns

    def spelled(self, style: Style, is_top: bool) -> Iterator[str]:
        yield from _branch(self.left, style, is_top)
        yield from self.operator.split()
        yield from _branch(self.right, style, is_top)


@dataclass(frozen=True, eq=False, repr=False)
class Query:
    """A whole query. ``order`` holds expressions, or output columns by place or by name."""

    body: Select | SetOperation
    ctes: tuple[Cte, ...] = ()
    order: tuple[Node | int | Column, ...] = ()
    limit: int | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.body.columns

    def __repr__(self) -> str:
        return sql(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # hypothesis would print the fields

    def tokens(self, style: Style, is_top: bool = False) -> Iterator[str]:
        ctes = [cte for cte in self.ctes if cte.is_recursive or not style.is_inline]
        for number, cte in enumerate(ctes):
            yield "," if number else "WITH"
            if not number and any(one.is_recursive for one in ctes):
                yield "RECURSIVE"
            yield from cte.tokens(style)
        yield from self.body.spelled(style, is_top)
        for number, item in enumerate(self.order):
            yield from (",",) if number else ("ORDER", "BY")
            if isinstance(item, int):
                yield str(item)
            elif isinstance(item, Column):
                yield item.name if is_top else style.name(item)
            else:
                yield from item.tokens(style)
        if self.limit is not None:
            yield from ("LIMIT", str(self.limit))


Node = Phrase | Ref | Source | Query


def _column_list(columns: Iterable[Column], style: Style) -> Iterator[str]:
    yield "("
    for number, column in enumerate(columns):
        yield from (",",) if number else ()
        yield style.name(column)
    yield ")"


def _branch(query: Query, style: Style, is_top: bool) -> Iterator[str]:
    tokens = query.tokens(style, is_top)
    yield from tokens if _is_plain(query) else ("(", *tokens, ")")


def _is_plain(query: Query) -> bool:
    return isinstance(query.body, Select) and not query.ctes and not query.order


def shows_made_columns(query: Query) -> bool:
    """Whether a star brings names that the query made to its output, so that they cannot change."""
    body = query.body
    if isinstance(body, SetOperation):
        return shows_made_columns(body.left) or shows_made_columns(body.right)
    return any(isinstance(item, Star) and any(one.is_made for one in item.columns) for item in body.items)


def spell(tokens: Iterable[str], gap: Callable[[], str] = lambda: " ") -> str:
    """Join tokens. ``gap`` gives what stands between two of them."""
    out: list[str] = []
    for token in tokens:
        if out and token not in {",", ")", "."} and out[-1] not in {"(", "."}:
            out.append(gap())
        out.append(token)
    return "".join(out)


def sql(query: Query, style: Style = PLAIN) -> str:
    """The query as text."""
    return spell(query.tokens(style, is_top=True))


def named(columns: Iterable[Column], names: Iterable[str]) -> tuple[Column, ...]:
    """The columns under new names."""
    return tuple(
        replace(column, name=name, is_made=True) for column, name in zip(columns, names, strict=True)
    )
