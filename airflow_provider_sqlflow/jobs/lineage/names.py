"""How relations and columns are named in the store: one key for all spellings of a name.

Names compare without case. A relation's key is its dotted name with the parts that are known; a part that
holds a dot or a quote stands in double quotes. A name with fewer parts is a relation of its own, because
nothing in SQL says which schema was meant: jobs that give ``default_schema`` and ``default_database`` meet.
"""

from __future__ import annotations

import hashlib

ROWS = ""
"""Folded name of a relation's row set."""

STAR = "*"
"""Name of the column that stands for all columns of a relation whose columns are unknown."""

_EMPTY_NAME = '""'
_MAX_FOLDED = 500  # in characters: PostgreSQL indexes at most 2,704 bytes
_DIGEST_SIZE = 65


def stored_name(name: str) -> str:
    """The name as both databases can hold it: no NUL, no half of a surrogate pair."""
    if name.isascii() and "\0" not in name:
        return name
    return name.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def fold(name: str) -> str:
    """The form in which names compare; very long ones end in a digest."""
    folded = stored_name(name).casefold()
    if len(folded) <= _MAX_FOLDED:
        return folded
    digest = hashlib.sha256(folded.encode()).hexdigest()
    return f"{folded[: _MAX_FOLDED - _DIGEST_SIZE]}~{digest}"


def fold_column(name: str | None) -> str:
    """A column's folded name; ``None`` is the row set."""
    if name is None:
        return ROWS
    return fold(name) or _EMPTY_NAME


def dotted(database: str | None, schema: str | None, name: str) -> str:
    """The qualified name as people read it: ``a..c`` where only the schema is unknown."""
    if database:
        return f"{_part(database)}.{_part(schema or '')}.{_part(name)}"
    return f"{_part(schema)}.{_part(name)}" if schema else _part(name)


def relation_key(database: str | None, schema: str | None, name: str) -> str:
    """What makes a relation the same one in every job."""
    return fold(dotted(database, schema, name))


def _part(part: str) -> str:
    if "." not in part and '"' not in part:
        return part
    escaped = part.replace('"', '""')
    return f'"{escaped}"'
