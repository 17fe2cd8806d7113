"""Catalogs: which columns a relation has.

Names compare without case: a catalog written by hand or read from a database should answer however
the user spelled a name, and two relations that differ in case alone are rarer than a wrong case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol


class Catalog(Protocol):
    """The source of column lists."""

    def columns(self, database: str | None, schema: str | None, name: str) -> Sequence[str] | None:
        """The columns of a relation in order, or ``None`` when the catalog does not know it.

        A part that is ``None`` was not given: the catalog answers only if one relation fits.
        """


class InMemoryCatalog:
    """A catalog from a mapping of dotted names to column names.

    >>> InMemoryCatalog({"shop.orders": ["id", "amount"]}).columns(None, None, "ORDERS")
    ('id', 'amount')
    """

    def __init__(self, relations: Mapping[str, Iterable[str]] | None = None) -> None:
        self._spelled: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
        self._by_suffix: dict[tuple[str, ...], list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
        for name, columns in (relations or {}).items():
            self.add(split_name(name), columns)

    def add(self, parts: Sequence[str], columns: Iterable[str]) -> None:
        """Add or replace a relation; ``parts`` are its name's parts, outermost first."""
        key = tuple(part.casefold() for part in parts)
        entry = (key, tuple(columns))
        self._spelled[key] = (list(parts), list(entry[1]))
        for length in range(1, len(key) + 1):
            entries = self._by_suffix.setdefault(key[-length:], [])
            if entries:
                entries[:] = [item for item in entries if item[0] != key]
            entries.append(entry)

    def items(self) -> Iterator[tuple[list[str], list[str]]]:
        """Name parts and columns of every relation, in the order they were added."""
        return iter(self._spelled.values())

    def columns(self, database: str | None, schema: str | None, name: str) -> Sequence[str] | None:
        """See :meth:`Catalog.columns`. A more exact name in the catalog wins over a longer one."""
        if not self._by_suffix:
            return None
        parts = tuple([part.casefold() for part in (database, schema, name) if part])
        entries = self._by_suffix.get(parts, [])
        for key, columns in entries:
            if key == parts:
                return columns
        if entries:
            return entries[0][1] if len(entries) == 1 else None  # several end so: no guess
        # The catalog may know the relation by fewer parts than the text gives.
        for start in range(1, len(parts)):
            for key, columns in self._by_suffix.get(parts[start:], []):
                if key == parts[start:]:
                    return columns
        return None


class LayeredCatalog:
    """Several catalogs, the first that knows a relation answers."""

    def __init__(self, *layers: Catalog) -> None:
        self._layers = layers

    def columns(self, database: str | None, schema: str | None, name: str) -> Sequence[str] | None:
        """See :meth:`Catalog.columns`."""
        for layer in self._layers:
            columns = layer.columns(database, schema, name)
            if columns is not None:
                return columns
        return None


Lookup = tuple[str | None, str | None, str]
"""What a catalog is asked: database, schema and name."""


class RecordingCatalog:
    """Keeps what was asked of another catalog, and its answers: they alone tie a result to a catalog.

    Attributes:
        answers: by what was asked, in the order of the questions.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.answers: dict[Lookup, tuple[str, ...] | None] = {}

    def columns(self, database: str | None, schema: str | None, name: str) -> Sequence[str] | None:
        """See :meth:`Catalog.columns`."""
        asked = (database, schema, name)
        if asked not in self.answers:
            found = self._catalog.columns(database, schema, name)
            self.answers[asked] = None if found is None else tuple(found)
        return self.answers[asked]


def split_name(name: str) -> tuple[str, ...]:
    """The parts of a dotted name; a part in ``"``, `````, or ``[]`` may hold dots.

    A doubled closing quote inside quotes stands for itself.

    >>> split_name('db."odd.name".t')
    ('db', 'odd.name', 't')
    """
    parts: list[str] = []
    for match in _PART.finditer(name):
        quoted = match.group(1)
        if quoted:
            closing = _QUOTES[quoted[0]]
            parts.append(quoted[1:-1].replace(closing * 2, closing))
        elif (match.group(2) or "").strip():
            parts.append(match.group(2).strip().lstrip('"`['))
    return tuple(parts)


def join_name(parts: Sequence[str]) -> str:
    """A dotted name that :func:`split_name` takes apart again.

    >>> join_name(["db", "odd.name"])
    'db."odd.name"'
    """
    return ".".join(part if _PLAIN.match(part) else '"' + part.replace('"', '""') + '"' for part in parts)


_PART = re.compile(r"""\s*(?:("(?:[^"]|"")*"|`(?:[^`]|``)*`|\[(?:[^\]]|\]\])*\])\s*|([^.]+))(?:\.|\Z)|\.""")
_PLAIN = re.compile(r"""[^\s."`\[\]](?:[^."`\[\]]*[^\s."`\[\]])?\Z""")
_QUOTES = {'"': '"', "`": "`", "[": "]"}
