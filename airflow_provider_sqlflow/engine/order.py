"""In which order the scripts of a job are read: creators before readers.

Found without parsing: a script creates the names behind CREATE … TABLE / VIEW, RENAME TO and SELECT INTO, and
reads every created name that occurs as a word in it. Too many dependencies only cost
order, and order only matters for `*` and bare column names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

_NAME = r'((?:[\w$#-]+|"[^"]+"|`[^`]+`|\[[^\]]+\])(?:\s*\.\s*(?:[\w$#-]+|"[^"]+"|`[^`]+`|\[[^\]]+\]))*)'
# For text in lower case. They begin with a literal, which the search jumps to; it must begin a word.
_DECLARES = tuple(
    re.compile(pattern + _NAME + behind)
    for pattern, behind in (
        (
            r"create(?<!\wcreate)(?:\s+(?!temp\b|temporary\b|volatile\b)\w+){0,6}?\s+"
            r"(?:table|view|stream|synonym)\s+(?:if\s+not\s+exists\s+)?",
            "",
        ),
        (r"rename(?<!\wrename)\s+to\s+", ""),
        (r"into(?<!\winto)\s+(?:(?:temp|temporary|unlogged|table)\s+)*", r"\s+from\b"),
    )
)
_WORD = re.compile(r"[\w$#]+")
# ASCII characters with a blank for those that stand in no word: several times faster than a search for words.
_ASCII_IN_WORDS = "".join(chr(code) if _WORD.match(chr(code)) else " " for code in range(128))
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_LINE_COMMENT = re.compile(r"--[^\n]*")  # begins with a literal, too


def declared_names(text: str) -> frozenset[str]:
    """Last parts of the names of relations that a script creates, in lower case."""
    plain = _plain(text)
    names = (match.group(1) for pattern in _DECLARES for match in pattern.finditer(plain))
    return frozenset(word for word in map(last_word, names) if word)


def last_word(name: str) -> str:
    """The last word of a name in lower case: by it names are found in texts."""
    words = _WORD.findall(name.lower())
    return words[-1] if words else ""


def mentioned_names(text: str, names: frozenset[str]) -> frozenset[str]:
    """Which of these names, each one word in lower case, occur in a script."""
    return frozenset(names.intersection(_words(_plain(text)))) if names else frozenset()


def dependency_order(
    declared: Sequence[AbstractSet[str]], mentioned: Sequence[AbstractSet[str]]
) -> list[int]:
    """Numbers of the scripts, creators first, else in the order given.

    Args:
        declared: :func:`declared_names` of each script.
        mentioned: :func:`mentioned_names` of each script, out of all that are declared.
    """
    creator: dict[str, int] = {}
    for number, names in enumerate(declared):
        for name in names:
            creator.setdefault(name, number)
    needs: dict[int, set[int]] = {
        number: {creator[name] for name in names if name not in declared[number]}
        for number, names in enumerate(mentioned)
    }
    return _sorted(needs)


def _plain(text: str) -> str:
    """The text in lower case and without comments."""
    text = text.lower()
    if "/*" in text:
        return _COMMENT.sub(" ", text)
    return _LINE_COMMENT.sub(" ", text) if "--" in text else text


def _words(text: str) -> list[str]:
    return text.translate(_ASCII_IN_WORDS).split() if text.isascii() else _WORD.findall(text)


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
