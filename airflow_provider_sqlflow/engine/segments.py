"""Where select items and clauses of a statement stand: found in one pass over its tokens.

An edge quotes the user's text by them, so no SQL is generated and positions are those of the file.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import Token, TokenType

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine.split import RawStatement

OPENERS = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
CLOSERS = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})


class Segments:
    """Where select items and clauses of a statement stand; they nest."""

    __slots__ = ("_ends", "_parents", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._parents: list[int] = []

    def find(self, offset: int) -> tuple[int, int] | None:
        """Start and end of the innermost segment around an offset."""
        index = bisect_right(self._starts, offset) - 1
        while index >= 0:
            if self._ends[index] > offset:
                return self._starts[index], self._ends[index]
            index = self._parents[index]
        return None

    def around(self, offset: int) -> tuple[int, int] | None:
        """Start and end of the segment around the innermost one."""
        index = bisect_right(self._starts, offset) - 1
        while index >= 0 and self._ends[index] <= offset:
            index = self._parents[index]
        index = self._parents[index] if index >= 0 else -1
        return (self._starts[index], self._ends[index]) if index >= 0 else None

    def shift(self, offset: int) -> None:
        """Move all segments."""
        self._starts = [start + offset for start in self._starts]
        self._ends = [end + offset for end in self._ends]

    def open(self, start: int, parent: int) -> int:
        """Begin a segment; returns its number."""
        self._starts.append(start)
        self._ends.append(1 << 62)
        self._parents.append(parent)
        return len(self._starts) - 1

    def close(self, number: int, end: int) -> None:
        """End a segment before ``end``."""
        self._ends[number] = end


# What a token does to the segments. LIST starts comma separated items, CLAUSE one segment,
# CLOSE ends what is open without starting anything; the others are no words.
_LIST, _CLAUSE, _CLOSE, _COMMA, _OPENER, _CLOSER, _CASE, _END, _SEMICOLON = range(9)
_ACTIONS: dict[TokenType, int] = {
    TokenType.SELECT: _LIST,
    TokenType.GROUP_BY: _LIST,
    TokenType.ORDER_BY: _LIST,
    TokenType.PARTITION_BY: _LIST,
    TokenType.CLUSTER_BY: _LIST,
    TokenType.DISTRIBUTE_BY: _LIST,
    TokenType.SORT_BY: _LIST,
    TokenType.SET: _LIST,
    TokenType.RETURNING: _LIST,
    TokenType.WHERE: _CLAUSE,
    TokenType.HAVING: _CLAUSE,
    TokenType.QUALIFY: _CLAUSE,
    TokenType.ON: _CLAUSE,
    TokenType.FROM: _CLOSE,
    TokenType.INTO: _CLOSE,
    TokenType.JOIN: _CLOSE,
    TokenType.INNER: _CLOSE,
    TokenType.CROSS: _CLOSE,
    TokenType.LEFT: _CLOSE,
    TokenType.RIGHT: _CLOSE,
    TokenType.FULL: _CLOSE,
    TokenType.NATURAL: _CLOSE,
    TokenType.UNION: _CLOSE,
    TokenType.EXCEPT: _CLOSE,
    TokenType.INTERSECT: _CLOSE,
    TokenType.WINDOW: _CLOSE,
    TokenType.LIMIT: _CLOSE,
    TokenType.FETCH: _CLOSE,
    TokenType.VALUES: _CLOSE,
    TokenType.USING: _CLOSE,
    TokenType.LATERAL: _CLOSE,
    TokenType.WHEN: _CLOSE,
    TokenType.INSERT: _CLOSE,
    TokenType.CONNECT_BY: _CLAUSE,
    TokenType.START_WITH: _CLAUSE,
    TokenType.WITH: _CLOSE,
}
_MAYBE_FUNCTION = frozenset(
    {TokenType.LEFT, TokenType.RIGHT, TokenType.SET, TokenType.VALUES, TokenType.WINDOW}
)
_LIST_PREFIXES = frozenset({TokenType.DISTINCT, TokenType.ALL, TokenType.HINT, TokenType.TOP})
_ROLES: dict[TokenType, int] = {
    **_ACTIONS,
    **dict.fromkeys(OPENERS, _OPENER),
    **dict.fromkeys(CLOSERS, _CLOSER),
    TokenType.COMMA: _COMMA,
    TokenType.CASE: _CASE,
    TokenType.END: _END,
    TokenType.SEMICOLON: _SEMICOLON,
}
# Python 3.11 takes longer to look a member up in its enum than to read a token.
_PAREN, _STAR, _EXCEPT = TokenType.L_PAREN, TokenType.STAR, TokenType.EXCEPT
_DISTINCT, _FROM, _ON, _TOP = TokenType.DISTINCT, TokenType.FROM, TokenType.ON, TokenType.TOP
_WITH = TokenType.WITH

# What WITH adds to a GROUP BY is no part of its last item. Elsewhere, as in a type, WITH closes nothing.
_GROUPINGS = frozenset({"TOTALS", "ROLLUP", "CUBE"})


class Scan:
    """Finds the end of a statement that is not a routine, and its segments."""

    def __init__(self, statement: RawStatement) -> None:
        self.tokens: list[Token] = []
        self.first = 0
        self.statement = statement
        self.segments = statement.segments
        self.base = statement.base
        self.current = -1  # the open segment
        self.floor = -1  # the segment around the innermost bracket
        self.is_list = False
        self.frames: list[tuple[int, int, bool, bool]] = []  # current, floor, is_list, is_case

    def run(self, tokens: list[Token], first: int) -> int:
        """The index of the token that ends the statement beginning at ``first``."""
        self.tokens, self.first = tokens, first
        role_of = _ROLES.get
        deepest = 0
        end = len(tokens)
        for index in range(first, len(tokens)):
            role = role_of(tokens[index].token_type)
            if role is None:
                continue
            if role <= _CLOSE:
                self._act(role, index)
            elif role == _COMMA:
                if self.is_list:
                    self._close(index)
                    self._open(index + 1)
            elif role in (_OPENER, _CASE):
                self._push(role == _CASE)
                deepest = max(deepest, len(self.frames))
            elif role == _SEMICOLON:
                end = index
                break
            else:
                self._pop(index, role == _END)
        self._finish(end)
        self.statement.nesting = deepest
        return end

    def _push(self, is_case: bool) -> None:
        self.frames.append((self.current, self.floor, self.is_list, is_case))
        self.floor = self.current
        self.is_list = False

    def _pop(self, index: int, is_end: bool) -> None:
        if not self.frames or self.frames[-1][3] != is_end:
            return
        self._close(index)
        self.current, self.floor, self.is_list, _ = self.frames.pop()

    def _act(self, action: int, index: int) -> None:
        if self.frames and self.frames[-1][3]:
            return  # inside CASE … END
        tokens = self.tokens
        kind = tokens[index].token_type
        is_call = index + 1 < len(tokens) and tokens[index + 1].token_type is _PAREN
        if is_call and kind in _MAYBE_FUNCTION:
            return
        if kind is _WITH and (index + 1 == len(tokens) or tokens[index + 1].text.upper() not in _GROUPINGS):
            return
        previous = tokens[index - 1].token_type if index > self.first else None
        if is_call and kind is _EXCEPT and previous is _STAR:
            return  # SELECT * EXCEPT (…)
        if previous is _DISTINCT and (kind is _FROM or kind is _ON):
            return  # a IS DISTINCT FROM b, SELECT DISTINCT ON (…)
        self._close(index)
        self.is_list = action == _LIST
        if action != _CLOSE:
            self._open(index + 1)

    def _open(self, index: int) -> None:
        tokens = self.tokens
        if index < len(tokens) and tokens[index].token_type in _LIST_PREFIXES:
            index = self._behind_prefix(index)
        if index < len(tokens):
            self.current = self.segments.open(self.base + tokens[index].start, self.floor)

    def _behind_prefix(self, index: int) -> int:
        """Behind DISTINCT, ALL, a hint, DISTINCT ON (…) and TOP (n): they are not part of an item."""
        tokens = self.tokens
        while index < len(tokens) and tokens[index].token_type in _LIST_PREFIXES:
            kind = tokens[index].token_type
            index += 1
            is_on = index < len(tokens) and kind is _DISTINCT and tokens[index].token_type is _ON
            if is_on:
                index += 1
            if is_on or kind is _TOP:
                index = self._behind_brackets(index)
        return index

    def _behind_brackets(self, index: int) -> int:
        """Behind the bracket that opens at ``index``, or behind the one token there."""
        depth = 0
        for number in range(index, len(self.tokens)):
            kind = self.tokens[number].token_type
            depth += (kind in OPENERS) - (kind in CLOSERS)
            if depth == 0:
                return number + 1
        return len(self.tokens)

    def _close(self, index: int) -> None:
        if self.current != self.floor:
            self.segments.close(self.current, self.base + self.tokens[index - 1].end + 1)
            self.current = self.floor

    def _finish(self, index: int) -> None:
        while self.frames:
            self._close(index)
            self.current, self.floor, self.is_list, _ = self.frames.pop()
        self._close(index)
