"""What a database knows about itself: columns of its relations, and the SQL of its views and routines.

Reads over a DB-API connection (PEP 249) that somebody else opened. PostgreSQL, MySQL, SQL Server, Oracle,
Snowflake, Redshift and SQLite are asked in their own way, every other database by the ``information_schema``
of the SQL standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from airflow_provider_sqlflow.ingest.database_readers import (
    DatabaseConnection,
    Found,
    StoredSql,
    find_sql,
    quoted,
)
from airflow_provider_sqlflow.ingest.metadata import dotted, script_name
from airflow_provider_sqlflow.ingest.model import Columns
from airflow_provider_sqlflow.ingest.selection import EVERYTHING, Selection


@dataclass(frozen=True, slots=True)
class Definition:
    """The SQL of a view or routine; ``database`` and ``schema`` complete the names in it."""

    name: str
    text: str
    database: str | None = None
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class DatabaseContent:
    """What was read.

    Attributes:
        database: the database that the connection is in; ``None`` where there is no such layer.
        definitions: by schema and name.
        catalog: columns by dotted name.
        hidden: names of views and routines whose SQL the user of the connection may not see.
    """

    database: str | None
    definitions: tuple[Definition, ...]
    catalog: Columns
    hidden: tuple[str, ...] = ()


def read_database(
    connection: DatabaseConnection,
    dialect: str,
    schemas: Sequence[str] = (),
    *,
    with_routines: bool = True,
    selection: Selection = EVERYTHING,
) -> DatabaseContent:
    """Read columns, views and routines.

    Args:
        connection: an open DB-API connection; it stays open, and nothing is changed or committed.
        dialect: sqlglot name of the database's dialect, which decides what is asked.
        schemas: only these, compared without case; all but the system's own when empty.
        with_routines: also read functions and procedures (PostgreSQL, MySQL, SQL Server, Oracle) and
            triggers (SQL Server, Oracle, SQLite).
        selection: patterns that schemas, views and routines must match as well.

    Raises:
        Exception: whatever the driver raises.
    """
    found = find_sql(connection, dialect, with_routines)
    names = {schema.casefold() for schema in schemas}

    @cache
    def is_wanted(schema: str | None) -> bool:
        is_named = not names or (schema or "").casefold() in names
        return is_named and selection.wants_schema(found.database, schema)

    catalog: dict[str, list[str]] = {}
    for schema, relation, column in found.columns:
        if is_wanted(schema):
            parts = tuple(part for part in (found.database, schema, relation) if part)
            catalog.setdefault(dotted(parts), []).append(column)
    views = [view for view in found.views if selection.wants_view(found.database, view.schema, view.name)]
    routines = [
        routine
        for routine in found.routines
        if selection.wants_routine(found.database, routine.schema, routine.name)
    ]
    items = [item for item in (*views, *routines) if is_wanted(item.schema)]
    items.sort(key=lambda item: (item.schema or "", item.full_name))
    return DatabaseContent(
        found.database,
        tuple(_definition(item, found) for item in items if item.text),
        {name: tuple(columns) for name, columns in catalog.items()},
        tuple(_shown(item, found.database) for item in items if not item.text),
    )


def _definition(item: StoredSql, found: Found) -> Definition:
    text = (item.text or "").strip()
    if item.keyword and not text[:6].upper().startswith("CREATE"):
        name = ".".join(quoted(part, found.quote) for part in (item.schema, item.name) if part)
        text = f"CREATE {item.keyword} {name} AS\n{text}"
    return Definition(
        script_name(found.database or "", item.schema or "", item.full_name),
        text,
        found.database,
        item.schema,
    )


def _shown(item: StoredSql, database: str | None) -> str:
    return dotted(tuple(part for part in (database, item.schema, item.full_name) if part))
