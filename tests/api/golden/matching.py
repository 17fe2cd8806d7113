"""Expected answers, with words for what differs from one run to the next.

A text such as ``<time>`` stands for any text of its kind. A member named ``...`` allows further members, and
``...`` at the end of a list further items; without them nothing else may be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

REST = "..."

_KINDS: dict[str, re.Pattern[str]] = {
    "<session>": re.compile(r"[0-9a-f]{64}_[0-9]{13}"),
    "<id>": re.compile(r"[0-9a-f]{32}"),
    "<time>": re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]"),
    "<duration>": re.compile(r"[0-9]+min [0-5]?[0-9]sec"),
    "<milliseconds>": re.compile(r"[0-9]+ms"),
    "<version>": re.compile(r"[0-9]+\.[0-9]+\.[0-9]+.*"),
    "<number in a text>": re.compile(r"[0-9]+"),
    "<jwt>": re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"),
    "<key>": re.compile(r"[0-9a-f]{64}"),
    "<text>": re.compile(r"(?s).+"),
}
_VOLATILE = (
    re.compile(r"[0-9a-f]{64}_[0-9]{13}"),
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),
    re.compile(r"\b[0-9a-f]{32,64}\b"),
    re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9:]{8}"),
    re.compile(r'(?<="executeTimeMillis": )[0-9]+'),
    re.compile(r'(?<="executeTime": ")[^"]+'),
    re.compile(r'(?<="usedTime": ")[^"]+'),
)


def differences(expected: Any, found: Any, place: str = "answer") -> Iterator[str]:
    """What is not as expected, one line each."""
    if isinstance(expected, dict):
        yield from _members(expected, found, place)
    elif isinstance(expected, list):
        yield from _items(expected, found, place)
    elif isinstance(expected, str) and expected in ("<int>", "<float>"):
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        if not is_number or (expected == "<int>" and not isinstance(found, int)):
            yield f"{place}: {found!r} is no number of kind {expected}"
    elif isinstance(expected, str) and expected in _KINDS:
        if not isinstance(found, str) or not _KINDS[expected].fullmatch(found):
            yield f"{place}: {found!r} is no {expected}"
    elif type(expected) is not type(found) or expected != found:
        yield f"{place}: {found!r}, expected {expected!r}"


def _members(expected: dict[str, Any], found: Any, place: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{place}: {found!r} is no object"
        return
    for name, value in expected.items():
        if name == REST:
            continue
        if name not in found:
            yield f"{place}.{name}: missing"
        else:
            yield from differences(value, found[name], f"{place}.{name}")
    if REST not in expected:
        for name in found.keys() - expected.keys():
            yield f"{place}.{name}: {found[name]!r} is not expected"


def _items(expected: list[Any], found: Any, place: str) -> Iterator[str]:
    if not isinstance(found, list):
        yield f"{place}: {found!r} is no list"
        return
    is_open = expected[-1:] == [REST]
    if is_open and len(expected) == 3 and expected[0] == REST:  # [..., item, ...]: somewhere in it
        wanted = expected[1]
        if all(any(differences(wanted, item, place)) for item in found):
            yield f"{place}: none of {found!r} is as expected: {wanted!r}"
        return
    wanted = expected[:-1] if is_open else expected
    if len(found) < len(wanted) or (len(found) > len(wanted) and not is_open):
        yield f"{place}: {len(found)} items, expected {len(wanted)}: {found!r}"
        return
    for number, value in enumerate(wanted):
        yield from differences(value, found[number], f"{place}[{number}]")


def without_chance(text: str) -> str:
    """A text without what differs from one request to the next."""
    for pattern in _VOLATILE:
        text = pattern.sub("#", text)
    return text
