"""ClickHouse's aliases, which a SELECT list may use before they are defined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp


def definition_order(projections: Sequence[Any]) -> list[int] | None:
    """The numbers of select items, those that others use in front of them; ``None`` as they stand.

    An alias of an expression over a column of its own name (``toDate(d) AS d``) is not moved: what stands
    in front of it means the column.
    """
    defined = {
        item.alias: number
        for number, item in enumerate(projections)
        if isinstance(item, exp.Alias) and number
    }
    if not defined:
        return None
    last = max(defined.values())
    used = [_names(item) for item in projections[: last + 1]]
    for name, number in list(defined.items()):
        if name in used[number]:
            defined.pop(name)
    if not any(defined.get(name, 0) > number for number, names in enumerate(used) for name in names):
        return None
    order: dict[int, None] = {}
    for number in range(len(projections)):
        _visit(number, used, defined, order, set())
    return list(order)


def _visit(
    number: int, used: list[list[str]], defined: dict[str, int], order: dict[int, None], open_: set[int]
) -> None:
    if number in order or number in open_:  # a circle is wrong SQL
        return
    open_.add(number)
    for name in used[number] if number < len(used) else ():
        other = defined.get(name)
        if other is not None:
            _visit(other, used, defined, order, open_)
    order[number] = None


def _names(item: Any) -> list[str]:
    """Columns that an item names without a relation, in reading order."""
    value = item.args.get("this") if isinstance(item, exp.Alias) else item
    if not isinstance(value, exp.Expr):
        return []
    return [column.name for column in value.find_all(exp.Column) if column.args.get("table") is None]
