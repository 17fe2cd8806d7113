"""In which order the scripts of a job are read: creators before readers.

Found without parsing: a script creates the names behind CREATE TABLE / VIEW (and what it inserts into, if
nobody creates it), and reads every created name that occurs as a word in it. Too many dependencies only cost
order, and order only matters for `*` and bare column names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

_NAME = r'((?:[\w$#-]+|"[^"]+"|`[^`]+`|\[[^\]]+\])(?:\s*\.\s*(?:[\w$#-]+|"[^"]+"|`[^`]+`|\[[^\]]+\]))*)'
# For text in lower case. They begin with a literal, which the search jumps to; it must begin a word.
_CREATE = re.compile(
    r"create(?<!\wcreate)\s+(?:or\s+(?:replace|alter)\s+)?(?:(?:global|local|transient|external|materialized|dynamic"
    r"|secure|unlogged|foreign|recursive|force|hybrid|iceberg|snapshot)\s+)*(?:table|view|stream)\s+"
    r"(?:if\s+not\s+exists\s+)?" + _NAME
)
_RENAME = re.compile(r"rename(?<!\wrename)\s+to\s+" + _NAME)
_WORD = re.compile(r"[\w$#]+")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def dependency_order(texts: Sequence[str]) -> Iterator[int]:
    """Numbers of the texts, creators first, else in the order given."""
    if len(texts) < 2:
        return iter(range(len(texts)))
    creators: dict[str, list[int]] = {}
    plains = [_plain(text) for text in texts]
    for number, plain in enumerate(plains):
        for pattern in (_CREATE, _RENAME):
            for match in pattern.finditer(plain):
                last = _WORD.findall(match.group(1))
                if last:
                    creators.setdefault(last[-1], []).append(number)
    needs: dict[int, set[int]] = {number: set() for number in range(len(texts))}
    for number, plain in enumerate(plains) if creators else ():
        for name in creators.keys() & set(_WORD.findall(plain)):
            if number not in creators[name]:
                needs[number].add(creators[name][0])
    return iter(_sorted(needs))


def _plain(text: str) -> str:
    """The text in lower case and without comments."""
    text = text.lower()
    return _COMMENT.sub(" ", text) if "--" in text or "/*" in text else text


def _sorted(needs: dict[int, set[int]]) -> list[int]:
    """Topological order that prefers the order given; cycles are cut where they are found."""
    while True:
        sorter = TopologicalSorter(needs)
        try:
            sorter.prepare()
        except CycleError as error:
            cycle = error.args[1]
            # graphlib lists each node after the one that must come before it.
            latest = max(range(len(cycle) - 1), key=lambda index: cycle[index])
            needs[min(cycle)].discard(cycle[latest])
            for before, after in pairwise(cycle):
                if before > after:
                    needs[after].discard(before)
            continue
        order: list[int] = []
        ready: list[int] = []
        while sorter.is_active():
            ready = sorted([*ready, *sorter.get_ready()])
            number = ready.pop(0)
            order.append(number)
            sorter.done(number)
        return order
