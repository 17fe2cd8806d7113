"""Offsets in a text to lines and columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate

from airflow_provider_sqlflow.engine.model import Span
from airflow_provider_sqlflow.engine.values import maker

_make_span = maker(Span)
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
        self._starts = _line_starts(text)
        self._spans: dict[tuple[int, ...], Span] = {}
        self._quotes: dict[tuple[int, ...], tuple[str, Span]] = {}

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and column of a 0-based offset."""
        if offset > self._end:
            offset = self._end
        line = bisect_right(self._starts, offset)
        column = offset - self._starts[line - 1] + 1
        return (line, column) if line > 1 else (line, max(column - self._prefix_length, 1))

    def offset(self, line: int, column: int) -> int:
        """The offset of a 1-based line and column, kept inside the text."""
        line = min(max(line, 1), len(self._starts))
        return min(self._starts[line - 1] + max(column, 1) - 1, len(self.text))

    def quote(self, place: tuple[int, ...]) -> tuple[str, Span]:
        """The characters of a place (start and end) and its span, made once: many edges quote one place."""
        quote = self._quotes.get(place)
        if quote is None:
            start, end = place
            quote = self._quotes[place] = self.text[start:end], self.span(start, end)
        return quote

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from ``start`` up to and without ``end``."""
        place: tuple[int, ...] = (start, end)
        span = self._spans.get(place)
        if span is None:
            if start <= end <= self._end and not self._prefix_length:
                starts = self._starts
                line, last = bisect_right(starts, start), bisect_right(starts, end)
                span = _make_span(
                    self.name, line, start - starts[line - 1] + 1, last, end - starts[last - 1] + 1
                )
            else:
                span = _make_span(self.name, *self.position(start), *self.position(end))
            self._spans[place] = span
        return span


def _line_starts(text: str) -> list[int]:
    if "\r" in text:
        return [0, *(match.end() for match in _NEWLINE.finditer(text))]
    *lines, _ = text.split("\n")
    lengths = accumulate(map(len, lines), initial=0)
    return [length + breaks for breaks, length in enumerate(lengths)]
