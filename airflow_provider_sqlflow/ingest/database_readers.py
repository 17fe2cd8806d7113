"""The questions that databases answer about themselves, each kind in its own words.

Schemas are filtered by the caller and not in the queries: drivers disagree on how a parameter is written,
which is also why no query holds a percent sign. Names and definitions come back as the database stores them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

Row = Sequence[Any]


class DatabaseConnection(Protocol):
    """The part of a DB-API connection that is used."""

    def cursor(self) -> Any:
        """A new cursor."""


@dataclass(frozen=True, slots=True)
class StoredSql:
    """A view or routine.

    Attributes:
        schema: ``None`` where there is no such layer.
        name: its own.
        text: its SQL; ``None`` where the user of the connection may not see it.
        keyword: what ``CREATE`` makes, where the text is only what stands behind ``AS``; else empty.
        arguments: tell routines of one name apart.
    """

    schema: str | None
    name: str
    text: str | None
    keyword: str = ""
    arguments: str = ""

    @property
    def full_name(self) -> str:
        """The name with the arguments."""
        return f"{self.name}({self.arguments})" if self.arguments else self.name


@dataclass(slots=True)
class Found:
    """What the reader of one kind of database gathers.

    Attributes:
        database: the one that the connection is in; ``None`` where there is no such layer.
        columns: rows of schema, relation and column, in order.
        views: materialized ones too.
        routines: functions, procedures and triggers.
        quote: stands around names.
    """

    database: str | None
    columns: Iterable[Row]
    views: list[StoredSql] = field(default_factory=list)
    routines: list[StoredSql] = field(default_factory=list)
    quote: str = '"'


class Asker:
    """Asks over a connection that somebody else opened; it stays open."""

    def __init__(self, connection: DatabaseConnection) -> None:
        self._connection = connection

    def rows(self, query: str) -> list[Row]:
        """All rows of the answer."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def value(self, query: str) -> Any:
        """The first value of the answer; ``None`` without one."""
        rows = self.rows(query)
        return rows[0][0] if rows else None


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


def _read_postgres(asker: Asker, with_routines: bool) -> Found:
    found = Found(asker.value("SELECT current_database()"), asker.rows(_PG_COLUMNS))
    path = str(asker.value("SELECT pg_catalog.current_setting('search_path')")).replace("'", "''")
    restore = f"SELECT pg_catalog.set_config('search_path', '{path}', false)"
    # With nothing on the search path, definitions spell every name in full.
    asker.rows("SELECT pg_catalog.set_config('search_path', '', false)")
    try:
        for schema, name, text, is_materialized in asker.rows(_PG_VIEWS):
            keyword = "MATERIALIZED VIEW" if is_materialized else "VIEW"
            found.views.append(StoredSql(schema, name, text, keyword))
        for schema, name, arguments, text in asker.rows(_PG_ROUTINES) if with_routines else ():
            found.routines.append(StoredSql(schema, name, text, arguments=arguments))
    except BaseException:
        with suppress(Exception):  # a transaction that failed takes the change back by itself
            asker.rows(restore)
        raise
    asker.rows(restore)
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


def _read_mysql(asker: Asker, with_routines: bool) -> Found:
    # What others call a schema is a database here, and there is no layer above.
    found = Found(None, _as_text(asker.rows(_MYSQL_COLUMNS)), quote="`")
    for schema, name, text in _as_text(asker.rows(_MYSQL_VIEWS)):
        found.views.append(StoredSql(schema, name, text, "VIEW"))
    for schema, name, kind in _as_text(asker.rows(_MYSQL_ROUTINES)) if with_routines else ():
        [row] = _as_text(asker.rows(f"SHOW CREATE {kind} {quoted(schema, '`')}.{quoted(name, '`')}"))
        found.routines.append(StoredSql(schema, name, row[2]))
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


def _read_sqlite(asker: Asker, with_routines: bool) -> Found:
    found = Found(None, asker.rows(_SQLITE_COLUMNS))
    kinds = {"view": found.views, "trigger": found.routines if with_routines else []}
    for kind, name, text in asker.rows("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"):
        if kind in kinds:
            kinds[kind].append(StoredSql(None, name, text))
    return found


# SQL Server --------------------------------------------------------------------------------------------

# The information schema cuts definitions off at 4,000 characters; these views do not.
_TSQL_COLUMNS = """
SELECT s.name, o.name, c.name FROM sys.columns c
JOIN sys.objects o ON o.object_id = c.object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 ORDER BY s.name, o.name, c.column_id
"""
_TSQL_MODULES = """
SELECT s.name, o.name, o.type, m.definition FROM sys.sql_modules m
JOIN sys.objects o ON o.object_id = m.object_id
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.is_ms_shipped = 0
"""


def _read_tsql(asker: Asker, with_routines: bool) -> Found:
    found = Found(asker.value("SELECT DB_NAME()"), asker.rows(_TSQL_COLUMNS))
    for schema, name, kind, text in asker.rows(_TSQL_MODULES):
        is_view = kind.strip() == "V"
        if is_view or with_routines:
            (found.views if is_view else found.routines).append(StoredSql(schema, name, text))
    return found


# Oracle ------------------------------------------------------------------------------------------------

_ORACLE_COLUMNS = """
SELECT owner, table_name, column_name FROM all_tab_columns
WHERE owner NOT IN (SELECT username FROM all_users WHERE oracle_maintained = 'Y')
ORDER BY owner, table_name, column_id
"""
_ORACLE_VIEWS = """
SELECT owner, view_name, text FROM all_views
WHERE owner NOT IN (SELECT username FROM all_users WHERE oracle_maintained = 'Y')
"""
_ORACLE_MATERIALIZED = """
SELECT owner, mview_name, query FROM all_mviews
WHERE owner NOT IN (SELECT username FROM all_users WHERE oracle_maintained = 'Y')
"""
_ORACLE_SOURCE = """
SELECT owner, name, type, text FROM all_source
WHERE owner NOT IN (SELECT username FROM all_users WHERE oracle_maintained = 'Y')
  AND type IN ('FUNCTION', 'PROCEDURE', 'PACKAGE BODY', 'TRIGGER')
ORDER BY owner, name, type, line
"""


def _read_oracle(asker: Asker, with_routines: bool) -> Found:
    # What stands above a schema is the whole server here, which SQL does not name.
    found = Found(None, asker.rows(_ORACLE_COLUMNS))
    for keyword, query in (("VIEW", _ORACLE_VIEWS), ("MATERIALIZED VIEW", _ORACLE_MATERIALIZED)):
        found.views += [StoredSql(owner, name, text, keyword) for owner, name, text in asker.rows(query)]
    lines = asker.rows(_ORACLE_SOURCE) if with_routines else []
    for (owner, name, _kind), group in groupby(lines, key=lambda row: tuple(row[:3])):
        text = "".join(row[3] or "" for row in group)
        # A routine whose source was made unreadable says so in its first words.
        is_wrapped = text.partition("\n")[0].rstrip().lower().endswith(" wrapped")
        found.routines.append(StoredSql(owner, name, None if is_wrapped else f"CREATE OR REPLACE {text}"))
    return found


# Databases with an information schema, Snowflake and Redshift among them ---------------------------------

_STANDARD_COLUMNS = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE lower(table_schema) NOT IN ('information_schema', 'pg_catalog', 'pg_internal')
ORDER BY table_schema, table_name, ordinal_position
"""
_STANDARD_VIEWS = """
SELECT table_schema, table_name, view_definition FROM information_schema.views
WHERE lower(table_schema) NOT IN ('information_schema', 'pg_catalog', 'pg_internal')
"""


def _read_information_schema(asker: Asker, with_routines: bool) -> Found:
    found = Found(None, asker.rows(_STANDARD_COLUMNS))
    found.views = [
        StoredSql(schema, name, text, "VIEW") for schema, name, text in asker.rows(_STANDARD_VIEWS)
    ]
    return found


def _read_current_database(asker: Asker, with_routines: bool) -> Found:
    # In Snowflake the text of a view is there in full, CREATE included, for roles that own it.
    found = _read_information_schema(asker, with_routines)
    found.database = asker.value("SELECT current_database()")
    return found


_READERS: Mapping[str, Callable[[Asker, bool], Found]] = {
    "postgres": _read_postgres,
    "mysql": _read_mysql,
    "tsql": _read_tsql,
    "oracle": _read_oracle,
    "snowflake": _read_current_database,
    "redshift": _read_current_database,
    "sqlite": _read_sqlite,
}


def find_sql(connection: DatabaseConnection, dialect: str, with_routines: bool) -> Found:
    """Ask a database for its columns, views and routines.

    Raises:
        Exception: whatever the driver raises.
    """
    return _READERS.get(dialect, _read_information_schema)(Asker(connection), with_routines)


def quoted(name: str, quote: str) -> str:
    """A name in quotes."""
    return f"{quote}{name.replace(quote, quote * 2)}{quote}"
