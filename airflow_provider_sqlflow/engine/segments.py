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
_LIST, _CLAUSE, _CLOSE, _COMMA, _OPENER, _CASE, _CLOSER, _END, _SEMICOLON = range(9)
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
    """Finds the ends of statements that are no routines, and their segments, in the tokens of one text."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.kinds = [token.token_type for token in tokens]
        self.roles = list(map(_ROLES.get, self.kinds))
        self.begin(Segments(), 0, 0)

    def begin(self, segments: Segments, base: int, first: int) -> None:
        """Begin a statement at the token ``first``; ``base`` is the offset of token position 0."""
        self.segments = segments
        self.base = base
        self.first = first
        self.current = -1  # the open segment
        self.floor = -1  # the segment around the innermost bracket
        self.is_list = False
        self.frames: list[tuple[int, int, bool, bool]] = []  # current, floor, is_list, is_case

    def run(self, statement: RawStatement, first: int) -> int:
        """The index of the token that ends the statement beginning at ``first``; fills its segments."""
        self.begin(statement.segments, statement.base, first)
        frames, roles = self.frames, self.roles
        deepest = 0
        end = len(roles)
        for index in range(first, end):
            role = roles[index]
            if role is None:
                continue
            if role <= _CLOSE:
                self._act(role, index)
            elif role == _COMMA:
                if self.is_list:
                    self._close(index)
                    self._open(index + 1)
            elif role <= _CASE:
                frames.append((self.current, self.floor, self.is_list, role == _CASE))
                self.floor = self.current
                self.is_list = False
                if len(frames) > deepest:
                    deepest = len(frames)
            elif role == _SEMICOLON:
                end = index
                break
            elif frames and frames[-1][3] == (role == _END):
                self._close(index)
                self.current, self.floor, self.is_list, _ = frames.pop()
        while frames:
            self._close(end)
            self.current, self.floor, self.is_list, _ = frames.pop()
        self._close(end)
        statement.nesting = deepest
        return end

    def _act(self, action: int, index: int) -> None:
        if self.frames and self.frames[-1][3]:
            return  # inside CASE … END
        kinds = self.kinds
        kind = kinds[index]
        following = kinds[index + 1] if index + 1 < len(kinds) else None
        is_call = following is _PAREN
        if is_call and kind in _MAYBE_FUNCTION:
            return
        if kind is _WITH and (following is None or self.tokens[index + 1].text.upper() not in _GROUPINGS):
            return
        previous = kinds[index - 1] if index > self.first else None
        if is_call and kind is _EXCEPT and previous is _STAR:
            return  # SELECT * EXCEPT (…)
        if previous is _DISTINCT and (kind is _FROM or kind is _ON):
            return  # a IS DISTINCT FROM b, SELECT DISTINCT ON (…)
        self._close(index)
        self.is_list = action == _LIST
        if action != _CLOSE:
            self._open(index + 1)

    def _open(self, index: int) -> None:
        kinds = self.kinds
        if index < len(kinds) and kinds[index] in _LIST_PREFIXES:
            index = self._behind_prefix(index)
        if index < len(kinds):
            self.current = self.segments.open(self.base + self.tokens[index].start, self.floor)

    def _behind_prefix(self, index: int) -> int:
        """Behind DISTINCT, ALL, a hint, DISTINCT ON (…) and TOP (n): they are not part of an item."""
        kinds = self.kinds
        while index < len(kinds) and kinds[index] in _LIST_PREFIXES:
            kind = kinds[index]
            index += 1
            is_on = index < len(kinds) and kind is _DISTINCT and kinds[index] is _ON
            if is_on:
                index += 1
            if is_on or kind is _TOP:
                index = self._behind_brackets(index)
        return index

    def _behind_brackets(self, index: int) -> int:
        """Behind the bracket that opens at ``index``, or behind the one token there."""
        depth = 0
        for number in range(index, len(self.kinds)):
            kind = self.kinds[number]
            depth += (kind in OPENERS) - (kind in CLOSERS)
            if depth == 0:
                return number + 1
        return len(self.kinds)

    def _close(self, index: int) -> None:
        if self.current != self.floor:
            self.segments.close(self.current, self.base + self.tokens[index - 1].end + 1)
            self.current = self.floor
