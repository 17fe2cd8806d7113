"""Names of files that are unique in a job."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from airflow_provider_sqlflow.ingest.model import Source


def unique_names(sources: Sequence[Source]) -> tuple[str, ...]:
    """Names of all files of the sources, in order, no two alike, not even but for case.

    Names that more than one file has get the name of their folder or archive in front
    (``marts/orders.sql``); where that does not help, ``~2``, ``~3`` before the suffix, counted in
    reading order.
    """
    named = [(_label(source), name) for source in sources for name in source.names]
    shared = Counter((name or label).casefold() for label, name in named)
    return _numbered(
        f"{label}/{name}" if name and label and shared[name.casefold()] > 1 else name or label
        for label, name in named
    )


def path_names(sources: Sequence[Source]) -> tuple[str, ...]:
    """Names like :func:`unique_names`, but paths from where the sources were given, to be clicked on."""
    return _numbered(
        f"{source.root.rstrip('/')}/{name}" if source.root not in ("", ".") and name else name or source.root
        for source in sources
        for name in source.names
    )


def is_numbered(name: str, wanted: str) -> bool:
    """Whether a unique name had to be numbered, because another file has the wanted one."""
    return not name.endswith(wanted)


def _label(source: Source) -> str:
    return PurePosixPath(source.root).name


def _numbered(names: Iterable[str]) -> tuple[str, ...]:
    """Names made different: doubles get ``~2``, ``~3`` before the suffix, whichever is free."""
    wanted = tuple(names)
    alone = {name for name, count in Counter(name.casefold() for name in wanted).items() if count == 1}
    taken = set(alone)
    last: dict[str, int] = {}
    numbered: list[str] = []
    for name in wanted:
        free = name if name.casefold() in alone else _free_name(name, taken, last)
        taken.add(free.casefold())
        numbered.append(free)
    return tuple(numbered)


def _free_name(name: str, taken: set[str], last: dict[str, int]) -> str:
    if name.casefold() not in taken:
        return name
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  # a name, and it may be empty
    number = last.get(name.casefold(), 1) + 1
    while (candidate := f"{stem}~{number}{suffix}").casefold() in taken:
        number += 1
    last[name.casefold()] = number  # so that thousands of doubles do not count from the start each
    return candidate
