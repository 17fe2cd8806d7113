"""Reads the SQL of a task into lineage, and gives up when it takes too long."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_sqlflow.emission.masking import mask_sql
from airflow_provider_sqlflow.listeners.database import Database, DatabaseCatalog, database_of
from airflow_provider_sqlflow.listeners.task_sql import TaskSql
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import ScriptReading

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SqlReading:
    """The lineage of a task's SQL through one connection.

    Attributes:
        sql: what ran.
        text: what was read: the SQL without secrets.
        database: where it ran.
        reading: what the engine made of it.
        types: column types by lower-case ``schema.table``.
    """

    sql: TaskSql
    text: str
    database: Database
    reading: ScriptReading
    types: Mapping[str, Mapping[str, str]]


def read_sql(sql: TaskSql, source_name: str, settings: Settings, seconds: float) -> SqlReading:
    """The lineage of SQL, with columns that the database tells.

    Args:
        sql: what ran.
        source_name: what spans call it.
        settings: limits of a statement.
        seconds: a statement that takes longer is left out.
    """
    from airflow.sdk.log import redact  # type: ignore[attr-defined]  # public, though not in __all__

    from airflow_provider_sqlflow.engine import Script, read_script
    from airflow_provider_sqlflow.engine.limits import Limits

    database = database_of(sql)
    naming = database.naming
    text = mask_sql(str(redact(sql.text)), naming.dialect)
    limits = Limits(settings.max_statement_chars, settings.max_nesting, seconds, clock=time.monotonic)
    catalog = DatabaseCatalog(database)
    try:
        reading = read_script(
            Script(source_name, text),
            dialect=naming.dialect,
            catalog=catalog,
            default_database=naming.default_database,
            default_schema=naming.default_schema,
            limits=limits,
        )
    finally:
        catalog.close()
    return SqlReading(sql, text, database, reading, catalog.types)


def in_time(what: str, seconds: float, work: Callable[[], T]) -> T | None:
    """What ``work`` returns; ``None`` when it takes longer or raises, which the log tells.

    It runs in a thread of its own: a process could not ask Airflow for connections, and must not share the
    task's. Work that is late is left behind; its thread ends with the task's process.
    """
    done: list[T] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception:
            log.warning("%s failed; the task is not affected", what, exc_info=True)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="sqlflow-capture", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        log.warning(
            "%s took longer than %g seconds and was given up; the task is not affected", what, seconds
        )
        return None
    return done[0] if done else None
