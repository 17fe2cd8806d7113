"""Why a tree could not be read: the parser accepts some text that is no SQL and leaves holes in the tree.

Asked only when a reader has tripped, so that well-formed statements pay nothing.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from airflow_provider_sqlflow.engine.graph import Place
from airflow_provider_sqlflow.engine.quote import Quoter
from airflow_provider_sqlflow.engine.split import RawStatement


class MalformedTextError(Exception):
    """A statement known by its text has no name where one must stand."""


_NAME_PARTS = ("table", "db", "catalog")


def find_fault(tree: Any, raw: RawStatement, quoter: Quoter) -> tuple[Place, str] | None:
    """The place of the first malformed part of a tree and what to say of it.

    ``None`` when the tree is what the grammar asks for: then the reader is to blame.
    """
    if not isinstance(tree, exp.Expr):
        return None
    before: int | None = None  # start of the last part in front that has a place
    for node in tree.walk():
        if _is_malformed(node):
            place = quoter.extent(node)
            if place == quoter.whole:
                place = _token_place(raw, before)
            return place, f"this makes no sense near {_word(raw, place)!r}: something is missing or misplaced"
        at = node.meta.get("start")
        before = int(at) + raw.base if at is not None else before
    return None


def _is_malformed(node: Any) -> bool:
    args = node.args
    if node.error_messages():
        return True  # a part that the grammar requires is missing
    if not isinstance(node, exp.Boolean):
        required = [key for key, is_required in node.arg_types.items() if is_required]
        if any(args.get(key) is False for key in required):
            return True
    if any(isinstance(value, list) and None in value for value in args.values()):
        return True
    if isinstance(node, exp.Alias):
        return not isinstance(args.get("alias"), (exp.Expr, str))
    if isinstance(node, exp.Column):
        parts = [args.get(part) for part in _NAME_PARTS]
        return any(
            part is not None and not isinstance(part, (exp.Identifier, exp.Parameter)) for part in parts
        )
    if isinstance(node, exp.Star):
        items = [item for key in ("replace", "rename") for item in args.get(key) or ()]
        return not all(isinstance(item, exp.Alias) for item in items)
    if isinstance(node, exp.Join):
        return any(item.find(exp.Star) is not None for item in args.get("using") or ())
    return False


def _token_place(raw: RawStatement, start: int | None) -> Place:
    for token in raw.tokens:
        if start is not None and token.start + raw.base == start:
            return start, token.end + raw.base + 1
    return raw.start, raw.end


def _word(raw: RawStatement, place: Place) -> str:
    for token in raw.tokens:
        if token.start + raw.base >= place[0]:
            return token.text
    return raw.tokens[-1].text
