"""Brings a store's schema up to date when it is opened, whoever else opens it at the same moment."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, exc, inspect, text

from airflow_provider_sqlflow.errors import ConfigError, StoreUnavailableError, StoreVersionError
from airflow_provider_sqlflow.jobs.store.database import BUSY_SECONDS, Database
from airflow_provider_sqlflow.jobs.store.tables import SCHEMA_REVISION, VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

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
    _migrate(database, _upgrade)


def downgrade_schema(database: Database, revision: str) -> None:
    """Take the tables back to an earlier revision, for an older version of the package.

    This version upgrades the store again as soon as it opens it.

    Raises:
        ConfigError: no such revision, or a later one than the store has.
        StoreUnavailableError: as in :func:`upgrade_schema`.
        StoreVersionError: as in :func:`upgrade_schema`.
    """
    if database.sqlite_path is not None and not database.sqlite_path.exists():
        raise ConfigError(f"there is no job store {database.shown_url}")
    _migrate(database, partial(_downgrade, revision))


def current_revision(database: Database) -> str | None:
    """The revision of the store's schema; ``None`` where there are no tables.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    if database.sqlite_path is not None and not database.sqlite_path.exists():
        return None
    with database.reading() as connection:
        return _revision(connection)


def _migrate(database: Database, change: Callable[[Config, str | None], None]) -> None:
    """Change the schema, alone: others that want the same wait."""
    try:
        with ExitStack() as stack:
            if database.sqlite_path is not None:
                stack.enter_context(_file_lock(database, database.sqlite_path))
                _turn_wal_on(database)
            connection = stack.enter_context(database.migrating())
            if database.sqlite_path is None:
                connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            _run_migrations(database, connection, change)
    except exc.ProgrammingError as error:  # PostgreSQL: no right to create tables, for one
        raise StoreUnavailableError(
            f"the job store {database.shown_url} cannot be set up: {error.orig}"
        ) from error


def _run_migrations(
    database: Database, connection: Connection, change: Callable[[Config, str | None], None]
) -> None:
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _SCRIPTS)
    config.set_main_option("path_separator", "os")
    current = _revision(connection)
    if current is not None and current not in _known_revisions(config):
        raise StoreVersionError(
            f"the job store {database.shown_url} has schema {current}, which this version of "
            "airflow-provider-sqlflow does not know; upgrade the package"
        )
    with _alembic_in_use:
        change(config, current)


def _upgrade(config: Config, _current: str | None) -> None:
    from alembic import command

    command.upgrade(config, "head")


def _downgrade(revision: str, config: Config, current: str | None) -> None:
    from alembic import command

    known = _known_revisions(config)
    if current is None or revision not in known[: known.index(current) + 1]:
        shown = "none" if current is None else current
        raise ConfigError(
            f"the store has schema {shown} and cannot go back to {revision!r}; known: {', '.join(known)}"
        )
    command.downgrade(config, revision)


def _known_revisions(config: Config) -> list[str]:
    """All revisions, oldest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]


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
