"""What an expression's text holds beside columns: function calls, constants, compared columns.

For exports that show them. Works on the tokens of an edge's ``expression`` when asked and costs the
analysis nothing. Column references are given as written; which relation they mean is what the edges say,
so a word taken for a column by mistake matches no edge and does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from airflow_provider_sqlflow.engine.expressions import AGGREGATE_NAMES

Name = tuple[str, ...]
"""A column reference as written: qualifiers and column."""

CASE = "case-when"
"""Name of a CASE expression among calls."""


@dataclass(slots=True)
class Call:
    """A function call or CASE, or (``name`` empty) the expression around all of them.

    Attributes:
        name: as written, without a schema in front.
        is_aggregate: makes one value of many rows; not so with OVER.
        columns: references that stand right in it, not in a call inside.
        constants: literals that stand right in it, as written.
        calls: calls inside.
    """

    name: str
    is_aggregate: bool = False
    columns: list[Name] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    has_query: bool = False

    @property
    def is_count(self) -> bool:
        """Whether the value says only how many rows there are."""
        return self.name.upper() in _COUNTS

    @property
    def counts_rows(self) -> bool:
        """``count(*)``, ``count()``, ``count(1)``: no column is looked at."""
        return self.is_count and not self.columns and not self.calls

    def walk(self) -> Iterator[Call]:
        """The call and all calls inside, outermost first."""
        yield self
        for call in self.calls:
            yield from call.walk()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides compared in a condition.

    Attributes:
        left: columns on the left.
        right: columns on the right.
        text: the comparison as written.
    """

    left: tuple[Name, ...]
    right: tuple[Name, ...]
    text: str


@lru_cache(maxsize=4096)  # nobody changes a call that was read
def read_calls(expression: str, dialect: str = "") -> Call:
    """The calls, columns and constants of an expression; an empty call where the text is no SQL.

    >>> outer = read_calls("sum(e.sal + nvl(e.comm, 0))").calls[0]
    >>> outer.name, outer.is_aggregate, outer.columns, [call.name for call in outer.calls]
    ('sum', True, [('e', 'sal')], ['nvl'])
    """
    return _Reader(_tokens(expression, dialect), expression).read()


def read_comparisons(condition: str, dialect: str = "") -> tuple[Comparison, ...]:
    """The comparisons of a condition that have columns on both sides.

    >>> read_comparisons("a.id = b.id AND a.x > 1")[0].text
    'a.id = b.id'
    """
    found: list[Comparison] = []
    for part in _conjuncts(_tokens(condition, dialect)):
        at = _comparison_at(part)
        if at is None:
            continue
        left = _all_columns(_Reader(part[:at], condition).read())
        right = _all_columns(_Reader(part[at + 1 :], condition).read())
        if left and right:
            found.append(Comparison(left, right, condition[part[0].start : part[-1].end + 1]))
    return tuple(found)


def _all_columns(call: Call) -> tuple[Name, ...]:
    return tuple(name for one in call.walk() for name in one.columns)


@lru_cache(maxsize=2048)
def _tokens(text: str, dialect: str) -> tuple[Token, ...]:
    try:
        return tuple(Dialect.get_or_raise(dialect).tokenize(text))
    except TokenError:
        return ()


_COUNTS = frozenset({"COUNT", "COUNT_BIG", "COUNTIF", "COUNT_IF", "APPROX_COUNT_DISTINCT", "APPROX_DISTINCT"})
# Words with a bracket behind them that are no calls.
_NO_CALLS = frozenset(
    {
        "IN", "AND", "OR", "NOT", "ON", "EXISTS", "ANY", "ALL", "SOME", "WHEN", "THEN", "ELSE", "BETWEEN",
        "LIKE", "ILIKE", "IS", "AS", "BY", "FROM", "WHERE", "SELECT", "UNION", "VALUES", "USING", "OVER",
        "FILTER", "GROUP", "WITHIN GROUP", "WITHIN", "KEEP", "ORDER BY", "PARTITION BY", "DISTINCT",
        "PRIOR", "ESCAPE", "RLIKE", "REGEXP", "JOIN", "INTERVAL",
    }
)  # fmt: skip
_KEYWORDS = _NO_CALLS | {"DESC", "ASC", "CASE", "END", "NULLS", "FIRST", "LAST", "ROWS", "RANGE", "SEPARATOR"}
# Brackets behind these belong to the call before them.
_TAILS = frozenset({"OVER", "FILTER", "WITHIN GROUP", "WITHIN", "GROUP", "KEEP"})
_CASTS = frozenset({"CAST", "TRY_CAST", "SAFE_CAST"})
_CONSTANTS = frozenset(
    {TokenType.NUMBER, TokenType.NATIONAL_STRING, TokenType.RAW_STRING, TokenType.STRING, TokenType.TRUE,
     TokenType.FALSE, TokenType.HEX_STRING, TokenType.BIT_STRING}
)  # fmt: skip
_COMPARISONS = frozenset(
    {
        TokenType.EQ, TokenType.NEQ, TokenType.LT, TokenType.LTE, TokenType.GT, TokenType.GTE,
        TokenType.NULLSAFE_EQ, TokenType.LIKE, TokenType.ILIKE,
    }
)  # fmt: skip
_QUERY_STARTS = frozenset({TokenType.SELECT, TokenType.WITH})


class _Reader:
    """One pass over the tokens with a stack of open brackets."""

    def __init__(self, tokens: Sequence[Token], text: str) -> None:
        self.tokens = tokens
        self.text = text

    def read(self) -> Call:
        root = Call("")
        stack: list[Call] = [root]  # what each open bracket or CASE belongs to
        closed: Call | None = None  # the call whose bracket was closed last
        position = 0
        while position < len(self.tokens):
            token = self.tokens[position]
            kind, top = token.token_type, stack[-1]
            if kind is TokenType.L_PAREN:
                if position + 1 < len(self.tokens) and (
                    self.tokens[position + 1].token_type in _QUERY_STARTS
                ):
                    top.has_query = True
                    position = self._behind_bracket(position)
                    continue
                stack.append(self._opened(position, top, closed))
            elif kind is TokenType.CASE:
                call = Call(CASE)
                top.calls.append(call)
                stack.append(call)
            elif kind is TokenType.R_PAREN or (kind is TokenType.END and top.name == CASE):
                if len(stack) > 1:
                    closed = stack.pop()
            elif kind in _CONSTANTS:
                top.constants.append(self.text[token.start : token.end + 1])
            elif kind is TokenType.ALIAS and top.name.upper() in _CASTS:
                position = self._behind_type(position)
                continue
            elif self._is_word(token):
                position = self._word(position, top)
                continue
            position += 1
        return root

    def _opened(self, position: int, top: Call, closed: Call | None) -> Call:
        """What a bracket belongs to: a call before it, the call it is a tail of, or what is around."""
        before = self.tokens[position - 1] if position else None
        word = before.text.upper() if before is not None else ""
        if word in _TAILS and closed is not None:
            if word == "OVER":
                closed.is_aggregate = False
            return closed
        if before is None or not self._is_word(before) or word in _NO_CALLS:
            return top
        call = Call(before.text, is_aggregate=is_aggregate(before.text))
        top.calls.append(call)
        return call

    def _word(self, position: int, top: Call) -> int:
        """A name, perhaps of several parts; returns where to go on."""
        first = self.tokens[position]
        is_keyword = first.token_type is not TokenType.IDENTIFIER and first.text.upper() in _KEYWORDS
        parts = [first.text]
        position += 1
        while (
            position + 1 < len(self.tokens)
            and self.tokens[position].token_type is TokenType.DOT
            and self._is_word(self.tokens[position + 1])
        ):
            parts.append(self.tokens[position + 1].text)
            position += 2
        is_called = (
            position < len(self.tokens) and self.tokens[position].token_type is TokenType.L_PAREN
        ) and parts[-1].upper() not in _NO_CALLS
        if not is_called and not (is_keyword and len(parts) == 1):
            top.columns.append(tuple(parts))
        return position

    def _is_word(self, token: Token) -> bool:
        kind = token.token_type
        if kind in (TokenType.VAR, TokenType.IDENTIFIER):
            return True
        return token.text[:1].isalpha() and kind not in _CONSTANTS and kind is not TokenType.NULL

    def _behind_bracket(self, position: int) -> int:
        depth = 0
        for index in range(position, len(self.tokens)):
            kind = self.tokens[index].token_type
            depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
            if depth == 0:
                return index + 1
        return len(self.tokens)

    def _behind_type(self, position: int) -> int:
        """From AS in a cast to the bracket that closes it: the type is no column and no call."""
        depth = 0
        for index in range(position, len(self.tokens)):
            kind = self.tokens[index].token_type
            depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
            if depth < 0:
                return index
        return len(self.tokens)


def is_aggregate(name: str) -> bool:
    """Whether a function of this name makes one value of many rows."""
    cls = exp.FUNCTION_BY_NAME.get(name.upper())
    if cls is not None and issubclass(cls, exp.AggFunc):
        return True
    return name.lower() in AGGREGATE_NAMES or name.upper() in _COUNTS


def _conjuncts(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The parts between AND and OR, outer brackets left away; queries inside stay in their part."""
    todo = [list(tokens)]
    while todo:
        part = _bare(todo.pop(0))
        cuts = [
            index
            for index, depth in enumerate(_depths(part))
            if depth == 0 and part[index].token_type in (TokenType.AND, TokenType.OR)
        ]
        if not cuts:
            if part:
                yield part
            continue
        bounds = [-1, *cuts, len(part)]
        todo[:0] = [part[start + 1 : end] for start, end in pairwise(bounds)]


def _bare(tokens: list[Token]) -> list[Token]:
    while (
        len(tokens) > 1
        and tokens[0].token_type is TokenType.L_PAREN
        and tokens[-1].token_type is TokenType.R_PAREN
        and min(_depths(tokens[:-1])) > 0
        and tokens[1].token_type not in _QUERY_STARTS
    ):
        tokens = tokens[1:-1]
    return tokens


def _depths(tokens: Sequence[Token]) -> list[int]:
    """Bracket depth at each token; an opening bracket counts as inside, a closing one as outside."""
    depth, depths = 0, []
    for token in tokens:
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        depths.append(depth)
    return depths


def _comparison_at(tokens: Sequence[Token]) -> int | None:
    for index, depth in enumerate(_depths(tokens)):
        if depth == 0 and tokens[index].token_type in _COMPARISONS and 0 < index < len(tokens) - 1:
            return index
    return None
