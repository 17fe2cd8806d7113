"""JSON in pieces: long lists are written item by item, so no document is ever one string."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

JsonObject = dict[str, Any]

_FULL = 1 << 16  # characters in a piece: few enough to hold, enough to write at once


class Items:
    """A list whose items are made when they are written; it can be written once."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = items


class Members:
    """An object of which some values are :class:`Items` or :class:`Members`."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = members


def iter_pieces(value: Any) -> Iterator[str]:
    """Compact JSON of a value that may hold :class:`Items` and :class:`Members`, with a line break."""
    waiting: list[str] = []
    size = 0
    for piece in _encoded(value):
        waiting.append(piece)
        size += len(piece)
        if size >= _FULL:
            yield "".join(waiting)
            waiting, size = [], 0
    yield "".join([*waiting, "\n"])


def plain(value: Any) -> Any:
    """The same as lists and dicts, for who needs the document in memory."""
    if isinstance(value, Members):
        return {name: plain(item) for name, item in value.members.items()}
    if isinstance(value, Items):
        return [plain(item) for item in value.items]
    return value


def _encoded(value: Any) -> Iterator[str]:
    if isinstance(value, Members):
        yield "{"
        for number, (name, item) in enumerate(value.members.items()):
            yield f"{',' if number else ''}{_dump(name)}:"
            yield from _encoded(item)
        yield "}"
    elif isinstance(value, Items):
        yield "["
        for number, item in enumerate(value.items):
            if number:
                yield ","
            yield from _encoded(item)
        yield "]"
    else:
        yield _dump(value)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
