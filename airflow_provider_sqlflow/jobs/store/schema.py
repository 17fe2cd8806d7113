"""Brings a store's schema up to date when it is opened, whoever else opens it at the same moment."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, exc, inspect, text

from airflow_provider_sqlflow.errors import StoreUnavailableError, StoreVersionError
from airflow_provider_sqlflow.jobs.store.database import BUSY_SECONDS, Database
from airflow_provider_sqlflow.jobs.store.tables import SCHEMA_REVISION, VERSION_TABLE

_SCRIPTS = "airflow_provider_sqlflow.jobs.store:migrations"
_ADVISORY_LOCK = 5_772_156_649
_LOCK_SECONDS = 2 * BUSY_SECONDS
_POLL_SECONDS = 0.05

# Alembic keeps the running migration in module globals.
_alembic_in_use = threading.Lock()


def upgrade_schema(database: Database) -> None:
    """Create the tables or bring them up to date; costs one query when they are.

    Raises:
        StoreUnavailableError: the database does not answer, its folder cannot be made, or another process
            holds the lock for long.
        StoreVersionError: the schema is newer than this code, so an older package must not touch it.
    """
    if database.sqlite_path is not None:
        _create_folder(database, database.sqlite_path.parent)
    with database.reading() as connection:
        if _revision(connection) == SCHEMA_REVISION:
            return
    try:
        if database.sqlite_path is None:
            _upgrade_postgres(database)
        else:
            with _file_lock(database, database.sqlite_path):
                _turn_wal_on(database)
                _upgrade(database)
    except exc.ProgrammingError as error:  # PostgreSQL: no right to create tables, for one
        raise StoreUnavailableError(
            f"the job store {database.shown_url} cannot be set up: {error.orig}"
        ) from error


def _upgrade_postgres(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        _run_migrations(database, connection)


def _upgrade(database: Database) -> None:
    with database.writing() as connection:
        _run_migrations(database, connection)


def _run_migrations(database: Database, connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _SCRIPTS)
    config.set_main_option("path_separator", "os")
    current = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StoreVersionError(
            f"the job store {database.shown_url} has schema {current}, which this version of "
            "airflow-provider-sqlflow does not know; upgrade the package"
        )
    with _alembic_in_use:
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return revision


def _create_folder(database: Database, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(
            f"the job store {database.shown_url} cannot be used: {folder}: {error.strerror}"
        ) from error


def _turn_wal_on(database: Database) -> None:
    """Let readers go on while a job writes. The file remembers it.

    SQLite does not wait its busy time for this change, so the waiting is done here.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        connection = database.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        except database.engine.dialect.loaded_dbapi.OperationalError as error:
            if time.monotonic() > deadline:
                raise StoreUnavailableError(
                    f"the job store {database.shown_url} cannot be used: {error}"
                ) from error
            time.sleep(_POLL_SECONDS)
        else:
            return
        finally:
            connection.close()


@contextmanager
def _file_lock(database: Database, path: Path) -> Iterator[None]:
    lock = path.with_name(f"{path.name}.lock")
    deadline = time.monotonic() + _LOCK_SECONDS
    try:
        stream = lock.open("a")
    except OSError as error:
        raise StoreUnavailableError(
            f"the job store {database.shown_url} cannot be used: {lock}: {error.strerror}"
        ) from error
    with stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StoreUnavailableError(
                        f"the job store {database.shown_url} is being upgraded by another process"
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield
