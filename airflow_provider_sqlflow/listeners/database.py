"""The database behind a hook: its dialect, its OpenLineage names, and the columns of its tables.

Names are those of Airflow's OpenLineage provider (``DatabaseInfo``), so that datasets join; where it is
absent or knows no names for the connection, those of :mod:`airflow_provider_sqlflow.emission.namespaces`.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from airflow_provider_sqlflow.emission import DatasetNaming
from airflow_provider_sqlflow.emission.namespaces import ConnectionFacts, DatabaseAddress, database_address
from airflow_provider_sqlflow.errors import ConfigError, UnknownDialectError
from airflow_provider_sqlflow.listeners.task_sql import TaskSql

log = logging.getLogger(__name__)

MAX_TABLES = 100
"""Tables whose columns are asked for, at most: each is a query."""

_SCHEMA_COLUMNS = ("table_schema", "table_name", "column_name", "ordinal_position", "data_type")
_SCHEMA_TABLE = "information_schema.columns"


@dataclass(frozen=True, slots=True)
class Database:
    """What reading SQL needs to know of a database.

    Attributes:
        naming: dialect, namespace and what completes short names.
        hook: a copy of the task's hook whose own queries are not reported as the task's.
        columns_table: where the database lists columns.
        columns_names: there, the names of schema, table, column, position and type.
    """

    naming: DatasetNaming
    hook: Any
    columns_table: str = _SCHEMA_TABLE
    columns_names: tuple[str, ...] = _SCHEMA_COLUMNS


def database_of(sql: TaskSql) -> Database:
    """The database that SQL ran in; asks for its connection, and for its current schema where hooks do."""
    hook = _quiet(sql.hook)
    connection = hook.get_connection(sql.conn_id)
    address = _address(connection)
    info = _provider_info(hook, connection)
    if info is None:
        naming = DatasetNaming(
            address.dialect,
            address.namespace,
            sql.database or address.default_database,
            address.default_schema,
        )
        return Database(naming, hook)
    namespace = f"{info.scheme}://{info.authority}" if info.authority else info.scheme
    naming = DatasetNaming(
        _dialect(hook, connection) or address.dialect,
        namespace,
        sql.database or info.database or address.default_database,
        _default_schema(hook) or address.default_schema,
    )
    return Database(naming, hook, info.information_schema_table_name, tuple(info.information_schema_columns))


class DatabaseCatalog:
    """Columns of a database's tables, asked for when the engine asks, one table a query.

    What cannot be told (no such table, no right to look, too many tables) is ``None``, never an error.

    Attributes:
        types: column types by lower-case ``schema.table``, in the table's order.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Any = None
        self._is_answering = True
        self._rows: dict[str, list[tuple[str, str, str]]] = {}
        self.types: dict[str, dict[str, str]] = {}

    def columns(self, database: str | None, schema: str | None, name: str) -> Sequence[str] | None:
        """See :class:`~airflow_provider_sqlflow.engine.Catalog`; other databases are not asked."""
        own = self._database.naming
        if database and own.default_database and database.casefold() != own.default_database.casefold():
            return None
        wanted = (schema or own.default_schema or "").casefold()
        rows = self._table(name.casefold())
        schemas = {row[0].casefold() for row in rows}
        if not wanted and len(schemas) == 1:
            wanted = schemas.pop()
        found = {column: type_ for where, column, type_ in rows if where.casefold() == wanted}
        if not found:
            return None
        self.types[f"{wanted}.{name.casefold()}"] = found
        return tuple(found)

    def close(self) -> None:
        """Give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _table(self, name: str) -> list[tuple[str, str, str]]:
        """Schema, column and type of every table of that name; no more questions after one that failed."""
        if name not in self._rows:
            if not self._is_answering or len(self._rows) >= MAX_TABLES:
                return []
            self._rows[name] = []
            try:
                self._rows[name] = self._query(name)
            except Exception:
                log.info("Columns of tables cannot be looked up: the lineage goes without", exc_info=True)
                self._is_answering = False
        return self._rows[name]

    def _query(self, name: str) -> list[tuple[str, str, str]]:
        if self._connection is None:
            self._connection = self._database.hook.get_conn()
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(_columns_query(self._database, name))
            return [
                (str(schema), str(column), str(type_ or "")) for schema, column, type_ in cursor.fetchall()
            ]


def _columns_query(database: Database, name: str) -> str:
    """The query for schema, column and type of every table of a name, whatever its case."""
    from sqlalchemy import ColumnElement, func, literal, literal_column, select, text

    if database.naming.dialect == "sqlite":
        info = func.pragma_table_info(name).table_valued("cid", "name", "type")
        schema = literal(database.naming.default_schema or "main")
        query = select(schema, info.c.name, info.c.type).order_by(info.c.cid)
    else:
        names: list[ColumnElement[str]] = [literal_column(each) for each in database.columns_names[:5]]
        schema_, table, column, position, type_ = names
        query = (
            select(schema_, column, type_)
            .select_from(text(database.columns_table))
            .where(func.lower(table) == name)
            .order_by(schema_, position)
        )
    return str(query.compile(compile_kwargs={"literal_binds": True}))


def _quiet(hook: Any) -> Any:
    """A copy of the hook whose :meth:`get_first` does not report to the hook lineage collector.

    Hooks ask for their current schema with it, and that query is not the task's.
    """
    own = copy.copy(hook)

    def get_first(sql: str, parameters: Any = None) -> Any:
        with closing(own.get_conn()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql, *([parameters] if parameters else []))
            return cursor.fetchone()

    own.get_first = get_first
    return own


def _provider_info(hook: Any, connection: Any) -> Any:
    """The provider's ``DatabaseInfo``; ``None`` where it or the hook has none."""
    try:
        return hook.get_openlineage_database_info(connection)
    except (ImportError, AttributeError):
        return None


def _default_schema(hook: Any) -> str | None:
    try:
        return hook.get_openlineage_default_schema() or None
    except Exception:
        log.info("The current schema is not known", exc_info=True)
        return None


def _dialect(hook: Any, connection: Any) -> str:
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect

    try:
        return resolve_dialect(hook.get_openlineage_database_dialect(connection))
    except (AttributeError, UnknownDialectError):
        return ""


def _address(connection: Any) -> DatabaseAddress:
    facts = ConnectionFacts(
        connection.conn_type or "",
        connection.host or "",
        connection.port,
        connection.schema or "",
        connection.extra_dejson,
    )
    try:
        return database_address(facts)
    except ConfigError:
        return DatabaseAddress("")
