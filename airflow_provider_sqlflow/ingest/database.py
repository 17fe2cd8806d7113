"""What a database knows about itself: columns of its relations, and the SQL of its views and routines.

Reads over a DB-API connection (PEP 249) that somebody else opened. PostgreSQL, MySQL, Snowflake and SQLite
are asked in their own way, every other database by the ``information_schema`` of the SQL standard. Names and
definitions come back as the database stores them. Schemas are filtered here and not in the queries: drivers
disagree on how a parameter is written, which is also why no query holds a percent sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Protocol

from airflow_provider_sqlflow.ingest.metadata import dotted, script_name
from airflow_provider_sqlflow.ingest.model import Columns

Row = Sequence[Any]


class DatabaseConnection(Protocol):
    """The part of a DB-API connection that is used."""

    def cursor(self) -> Any:
        """A new cursor."""


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
        hidden: names of views whose SQL the user of the connection may not see.
    """

    database: str | None
    definitions: tuple[Definition, ...]
    catalog: Columns
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _View:
    schema: str | None
    name: str
    text: str | None
    keyword: str = "VIEW"


@dataclass(slots=True)
class _Found:
    """What the reader of one kind of database gathers."""

    database: str | None
    columns: Iterable[Row]
    views: list[_View] = field(default_factory=list)
    routines: list[_View] = field(default_factory=list)
    quote: str = '"'


def read_database(
    connection: DatabaseConnection, dialect: str, schemas: Sequence[str] = (), *, with_routines: bool = True
) -> DatabaseContent:
    """Read columns, views and routines.

    Args:
        connection: an open DB-API connection; it stays open, and nothing is changed or committed.
        dialect: sqlglot name of the database's dialect, which decides what is asked.
        schemas: only these, compared without case; all but the system's own when empty.
        with_routines: also read functions and procedures written in SQL (PostgreSQL, MySQL) and triggers
            (SQLite).

    Raises:
        Exception: whatever the driver raises.
    """
    reader = _READERS.get(dialect, _read_information_schema)
    found = reader(_Asker(connection), with_routines)
    wanted = {schema.casefold() for schema in schemas}

    def is_wanted(schema: str | None) -> bool:
        return not wanted or (schema or "").casefold() in wanted

    catalog: dict[str, list[str]] = {}
    for schema, relation, column in found.columns:
        if is_wanted(schema):
            parts = tuple(part for part in (found.database, schema, relation) if part)
            catalog.setdefault(dotted(parts), []).append(column)
    items = [item for item in (*found.views, *found.routines) if is_wanted(item.schema)]
    items.sort(key=lambda item: (item.schema or "", item.name))
    return DatabaseContent(
        found.database,
        tuple(_definition(item, found) for item in items if item.text),
        {name: tuple(columns) for name, columns in catalog.items()},
        tuple(_shown(item, found.database) for item in items if not item.text),
    )


def _definition(item: _View, found: _Found) -> Definition:
    text = (item.text or "").strip()
    if item.keyword and not text[:6].upper().startswith("CREATE"):
        name = ".".join(_quoted(part, found.quote) for part in (item.schema, item.name) if part)
        text = f"CREATE {item.keyword} {name} AS\n{text}"
    return Definition(
        script_name(found.database or "", item.schema or "", item.name), text, found.database, item.schema
    )


def _shown(item: _View, database: str | None) -> str:
    return dotted(tuple(part for part in (database, item.schema, item.name) if part))


def _quoted(name: str, quote: str) -> str:
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"


class _Asker:
    def __init__(self, connection: DatabaseConnection) -> None:
        self._connection = connection

    def rows(self, query: str) -> list[Row]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def value(self, query: str) -> Any:
        rows = self.rows(query)
        return rows[0][0] if rows else None

    def do(self, statement: str) -> None:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)


# PostgreSQL --------------------------------------------------------------------------------------------

_PG_COLUMNS = """
SELECT n.nspname, c.relname, a.attname
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND left(n.nspname, 8) <> 'pg_toast' AND left(n.nspname, 7) <> 'pg_temp'
ORDER BY n.nspname, c.relname, a.attnum
"""
_PG_VIEWS = """
SELECT n.nspname, c.relname, pg_catalog.pg_get_viewdef(c.oid), c.relkind = 'm'
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND left(n.nspname, 8) <> 'pg_toast' AND left(n.nspname, 7) <> 'pg_temp'
"""
_PG_ROUTINES = """
SELECT n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid),
       pg_catalog.pg_get_functiondef(p.oid)
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND left(n.nspname, 8) <> 'pg_toast' AND left(n.nspname, 7) <> 'pg_temp'
  AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e'
  )
"""


def _read_postgres(asker: _Asker, with_routines: bool) -> _Found:
    found = _Found(asker.value("SELECT current_database()"), asker.rows(_PG_COLUMNS))
    path = asker.value("SELECT pg_catalog.current_setting('search_path')")
    # With nothing on the search path, definitions spell every name in full.
    asker.rows("SELECT pg_catalog.set_config('search_path', '', false)")
    try:
        for schema, name, text, is_materialized in asker.rows(_PG_VIEWS):
            keyword = "MATERIALIZED VIEW" if is_materialized else "VIEW"
            found.views.append(_View(schema, name, text, keyword))
        for schema, name, arguments, text in asker.rows(_PG_ROUTINES) if with_routines else ():
            shown = f"{name}({arguments})" if arguments else name
            found.routines.append(_View(schema, shown, text, ""))
    finally:
        literal = str(path).replace("'", "''")
        asker.rows(f"SELECT pg_catalog.set_config('search_path', '{literal}', false)")
    return found


# MySQL -------------------------------------------------------------------------------------------------

_MYSQL_COLUMNS = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
ORDER BY table_schema, table_name, ordinal_position
"""
_MYSQL_VIEWS = """
SELECT table_schema, table_name, view_definition FROM information_schema.views
WHERE table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
"""
_MYSQL_ROUTINES = """
SELECT routine_schema, routine_name, routine_type FROM information_schema.routines
WHERE routine_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
"""


def _read_mysql(asker: _Asker, with_routines: bool) -> _Found:
    # What others call a schema is a database here, and there is no layer above.
    found = _Found(None, _as_text(asker.rows(_MYSQL_COLUMNS)), quote="`")
    for schema, name, text in _as_text(asker.rows(_MYSQL_VIEWS)):
        found.views.append(_View(schema, name, text))
    for schema, name, kind in _as_text(asker.rows(_MYSQL_ROUTINES)) if with_routines else ():
        [row] = _as_text(asker.rows(f"SHOW CREATE {kind} {_quoted(schema, '`')}.{_quoted(name, '`')}"))
        found.routines.append(_View(schema, name, row[2], ""))
    return found


def _as_text(rows: Iterable[Row]) -> list[Row]:
    """Some MySQL drivers give names of the information schema as bytes."""
    return [
        tuple(value.decode() if isinstance(value, bytes | bytearray) else value for value in row)
        for row in rows
    ]


# SQLite ------------------------------------------------------------------------------------------------

_SQLITE_COLUMNS = """
SELECT NULL, m.name, c.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c
WHERE m.type IN ('table', 'view') AND substr(m.name, 1, 7) <> 'sqlite_' AND c.hidden <> 1
ORDER BY m.name, c.cid
"""


def _read_sqlite(asker: _Asker, with_routines: bool) -> _Found:
    found = _Found(None, asker.rows(_SQLITE_COLUMNS))
    kinds = {"view": found.views, "trigger": found.routines if with_routines else []}
    for kind, name, text in asker.rows("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        if kind in kinds:
            kinds[kind].append(_View(None, name, text, ""))
    return found


# Databases with an information schema, Snowflake among them ----------------------------------------------

_STANDARD_COLUMNS = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE upper(table_schema) <> 'INFORMATION_SCHEMA' ORDER BY table_schema, table_name, ordinal_position
"""
_STANDARD_VIEWS = """
SELECT table_schema, table_name, view_definition FROM information_schema.views
WHERE upper(table_schema) <> 'INFORMATION_SCHEMA'
"""


def _read_information_schema(asker: _Asker, with_routines: bool) -> _Found:
    found = _Found(None, asker.rows(_STANDARD_COLUMNS))
    found.views = [_View(schema, name, text) for schema, name, text in asker.rows(_STANDARD_VIEWS)]
    return found


def _read_snowflake(asker: _Asker, with_routines: bool) -> _Found:
    # The text of a view is there in full, CREATE included, for roles that own it.
    found = _read_information_schema(asker, with_routines)
    found.database = asker.value("SELECT current_database()")
    return found


_READERS: Mapping[str, Callable[[_Asker, bool], _Found]] = {
    "postgres": _read_postgres,
    "mysql": _read_mysql,
    "snowflake": _read_snowflake,
    "sqlite": _read_sqlite,
}
