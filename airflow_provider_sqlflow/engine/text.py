"""Offsets in a text to lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right

from airflow_provider_sqlflow.engine.model import Span

_NEWLINE = re.compile(r"\r\n|\n|\r")


class SourceText:
    r"""A named text that can say where an offset is.

    >>> str(SourceText("a.sql", "SELECT\n  x").span(9, 10))
    'a.sql:2:3'
    """

    def __init__(self, name: str, text: str, prefix_length: int = 0, suffix_length: int = 0) -> None:
        self.name = name
        self.text = text
        # What stands before and behind the user's text has no place: it counts as the text's edges.
        self._prefix_length = prefix_length
        self._end = len(text) - suffix_length
        self._starts = [0, *(match.end() for match in _NEWLINE.finditer(text))]
        self._spans: dict[tuple[int, int], Span] = {}
        self._slices: dict[tuple[int, int], str] = {}

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of a 0-based offset."""
        offset = min(offset, self._end)
        line = bisect_right(self._starts, offset)
        column = offset - self._starts[line - 1] + 1
        return (line, column) if line > 1 else (line, max(column - self._prefix_length, 1))

    def offset(self, line: int, column: int) -> int:
        """The offset of a 1-based line and column, kept inside the text."""
        line = min(max(line, 1), len(self._starts))
        return min(self._starts[line - 1] + max(column, 1) - 1, len(self.text))

    def slice(self, start: int, end: int) -> str:
        """The characters from ``start`` up to and without ``end``, cut once: many edges quote them."""
        piece = self._slices.get((start, end))
        if piece is None:
            piece = self._slices[start, end] = self.text[start:end]
        return piece

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from ``start`` up to and without ``end``."""
        span = self._spans.get((start, end))
        if span is None:
            span = Span(self.name, *self.position(start), *self.position(end))
            self._spans[start, end] = span
        return span
