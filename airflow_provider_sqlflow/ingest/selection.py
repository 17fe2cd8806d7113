"""Which schemas, views and routines of a database to read, by pattern.

SQLFlow's ``extractedDbsSchemas`` and its like (reference: sqlflow-api, section 5.2). ``*`` stands for any
characters, names compare without case, and a part in ``"``, `````, or ``[]`` may hold dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.ingest.metadata import unquoted

_ANY = "*"
_LIST = re.compile(r"""\s*((?:"[^"]*"|`[^`]*`|\[[^\]]*\]|[^,])*)(?:,|\Z)""")
Pattern = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read; a list that is empty leaves nothing out.

    A schema is ``db/schema``, ``db.schema`` or ``db``; where the database is given, one name is a schema.
    A view or routine is ``db.schema.name``, ``schema.name`` or ``name``.

    Attributes:
        extract: schemas to read.
        exclude: schemas to leave out of these.
        routines: names of the functions and procedures to read.
        views: names of the views to read.
        is_database_given: whether one name alone is a schema.

    Raises:
        ConfigError: a pattern has no name or too many parts.
    """

    extract: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    routines: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    is_database_given: bool = False

    def __post_init__(self) -> None:
        for item in (*self.extract, *self.exclude):
            self._place(item)
        for item in (*self.routines, *self.views):
            _name(item)

    def wants_database(self, database: str) -> bool:
        """Whether anything in a database may be read."""
        extract = [self._place(item) for item in self.extract]
        return (not extract or any(_is_like(database, place[0]) for place in extract)) and not any(
            place[1] == _ANY and _is_like(database, place[0]) for place in map(self._place, self.exclude)
        )

    def wants_schema(self, database: str | None, schema: str | None) -> bool:
        """Whether a schema is read.

        Where the database above is not known (``None``) any will do, and where there is none, because what
        others call a schema is a database, the patterns of databases count.
        """
        if database is None and not self.is_database_given:
            database, schema = schema, None
        return (not self.extract or self._has(self.extract, database, schema)) and not self._has(
            self.exclude, database, schema
        )

    def wants_view(self, database: str | None, schema: str | None, name: str) -> bool:
        """Whether a view is read, its schema left aside."""
        return _has_name(self.views, (database, schema, name))

    def wants_routine(self, database: str | None, schema: str | None, name: str) -> bool:
        """Whether a function or procedure is read, its schema left aside."""
        return _has_name(self.routines, (database, schema, name))

    def _has(self, items: Iterable[str], database: str | None, schema: str | None) -> bool:
        return any(
            _is_like(database, place[0]) and _is_like(schema, place[1]) for place in map(self._place, items)
        )

    def _place(self, item: str) -> Pattern:
        """The patterns of database and schema."""
        parts = tuple(map(unquoted, item.split("/"))) if "/" in item else _parts(item)
        if len(parts) == 1:
            return (_ANY, *parts) if self.is_database_given else (*parts, _ANY)
        if len(parts) != 2 or not all(parts):
            raise ConfigError(f"{item!r} is no schema: write db/schema, with * for any characters")
        return parts


EVERYTHING = Selection()
"""Leaves nothing out."""


def split_patterns(text: str) -> tuple[str, ...]:
    """The items of a list with commas between; commas in quotes belong to a name.

    >>> split_patterns('sales/*, "odd,name"/dbo,')
    ('sales/*', '"odd,name"/dbo')
    """
    items = (match.group(1).strip() for match in _LIST.finditer(text))
    return tuple(item for item in items if item)


def _name(item: str) -> Pattern:
    parts = _parts(item)
    if len(parts) > 3 or not parts:
        raise ConfigError(
            f"{item!r} is no name: write db.schema.name or schema.name, with * for any characters"
        )
    return parts


def _has_name(items: tuple[str, ...], names: tuple[str | None, ...]) -> bool:
    """Whether a name matches one of the patterns, compared from its end; no patterns match all."""
    return not items or any(
        all(map(_is_like, names[-len(pattern) :], pattern)) for pattern in map(_name, items)
    )


@lru_cache(maxsize=1024)
def _parts(item: str) -> Pattern:
    from airflow_provider_sqlflow.engine.catalog import split_name

    return split_name(item)


def _is_like(name: str | None, pattern: str) -> bool:
    """Whether a name matches; what is not known (``None``) does."""
    # Of the characters that fnmatch gives a meaning, only the star has one here.
    literal = re.sub(r"[?\[]", r"[\g<0>]", pattern.casefold())
    return name is None or fnmatchcase(name.casefold(), literal)
