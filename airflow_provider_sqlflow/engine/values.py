"""Frozen values made at the cost of plain ones, for those that a script has by the thousand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields, make_dataclass
from typing import Any, ParamSpec, TypeVar, cast

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")


def maker(cls: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
    """A constructor of a frozen, slotted dataclass; takes positional arguments only.

    A frozen dataclass sets each field with ``object.__setattr__``, which is more than half of the time an
    edge takes. So an object of a plain class of the same layout is filled, and then becomes one of ``cls``.
    The function is written out for the fields, as dataclasses do, so that it is the only call.

    >>> from airflow_provider_sqlflow.engine.model import Span
    >>> maker(Span)("a.sql", 1, 2, 1, 5) == Span("a.sql", 1, 2, 1, 5)
    True
    """
    names = [item.name for item in fields(cast(Any, cls))]
    draft = make_dataclass("Draft", names, slots=True, eq=False, repr=False)
    lines = [
        f"def make({', '.join(names)}, /):",
        "    made = new(draft)",
        *(f"    made.{name} = {name}" for name in names),
        "    made.__class__ = cls",
        "    return made",
    ]
    space: dict[str, Any] = {"new": object.__new__, "draft": draft, "cls": cls}
    exec("\n".join(lines), space)  # noqa: S102 - of nothing but the class's own field names
    make = space["make"]
    make.__defaults__ = tuple(item.default for item in fields(cast(Any, cls)) if item.default is not MISSING)
    return cast("Callable[Arguments, Value]", make)
