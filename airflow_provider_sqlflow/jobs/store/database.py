"""Connections to the store's database: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar
from weakref import finalize

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, exc, make_url

from airflow_provider_sqlflow.errors import ConfigError, StoreError, StoreUnavailableError

BUSY_SECONDS = 30
"""How long a writer waits for another before the store counts as unavailable."""

RETRY_SECONDS = 30
"""How long an operation is tried again while the database does not answer, unless told otherwise."""

_CONNECT_SECONDS = 10
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 2.0
_WRITES = "sqlflow_writes"
_REFUSED = "password authentication failed"
"""PostgreSQL's words; before a session begins the driver has no error code. A server that says it in another
language is taken for one that does not answer."""
_SECRET_QUERY_KEYS = ("password", "sslpassword")

Answer = TypeVar("Answer")


class Database:
    """One database with its transactions. Nothing is opened before the first transaction.

    Args:
        url: ``sqlite:///file`` or ``postgresql://...``. SQLite's ``?timeout=`` (seconds) and PostgreSQL's
            ``?connect_timeout=`` replace the times that we wait.
        retry_seconds: how long :meth:`read` and :meth:`write` try again when the database does not answer.

    Raises:
        ConfigError: the URL is not one of these, or its driver is not installed.
    """

    def __init__(self, url: str, retry_seconds: float = RETRY_SECONDS) -> None:
        self._retry_seconds = retry_seconds
        parsed = _parse_url(url)
        self.shown_url = _shown(parsed)
        self._anchoring = threading.Lock()
        self._anchor: sqlite3.Connection | None = None
        self.sqlite_path = Path(parsed.database) if parsed.database and _is_sqlite(parsed) else None
        try:
            self.engine = _sqlite_engine(parsed) if self.sqlite_path else _postgres_engine(parsed)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"the store {self.shown_url} needs the Python package {error.name}: "
                "pip install 'airflow-provider-sqlflow[postgres]'"
            ) from None

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do work that only reads, in one transaction; tried again while the database does not answer.

        Raises:
            StoreUnavailableError: it did not answer for long.
        """
        return self._repeat(work, writes=False, repeatable=True)

    def write(self, work: Callable[[Connection], Answer], *, repeatable: bool = False) -> Answer:
        """Do work that writes, in one transaction; tried again while nothing of it is kept.

        A commit that broke off may have been kept or not: then only work that is ``repeatable``, that is
        means the same done twice, is tried again.

        Raises:
            StoreUnavailableError: the database did not answer for long, or broke off at the commit.
        """
        return self._repeat(work, writes=True, repeatable=repeatable)

    def _repeat(self, work: Callable[[Connection], Answer], *, writes: bool, repeatable: bool) -> Answer:
        from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

        self._keep_open()
        is_committing = False

        def attempt() -> Answer:
            nonlocal is_committing
            is_committing = False
            with self.writing() if writes else self.reading() as connection:
                answer = work(connection)
                is_committing = True
            return answer

        def may_repeat(error: BaseException) -> bool:
            is_outage = isinstance(error, StoreUnavailableError) and error.__cause__ is not None
            return is_outage and (repeatable or not is_committing)

        retrying = Retrying(
            retry=retry_if_exception(may_repeat),
            wait=wait_random_exponential(_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS),
            stop=stop_after_delay(self._retry_seconds),
            reraise=True,
        )
        return retrying(attempt)

    def _keep_open(self) -> None:
        """Hold one idle connection to SQLite's file.

        Whoever closes the last one writes the whole log back into the file and waits for the disk: with
        nothing but short connections that is each transaction, twice as slow.
        """
        if self.sqlite_path is None or self._anchor is not None:
            return
        with self._anchoring:
            if self._anchor is None and self.sqlite_path.exists():
                anchor = sqlite3.connect(self.sqlite_path, check_same_thread=False)
                self._release = finalize(self, anchor.close)
                with suppress(sqlite3.Error):  # the transaction itself says it better
                    anchor.execute("SELECT count(*) FROM sqlite_master").fetchone()
                self._anchor = anchor

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._translating(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes; waits its turn from the start, so it never fails half way."""
        with self._translating(), self.engine.execution_options(**{_WRITES: True}).begin() as connection:
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A transaction that changes tables, and leaves no reference without its row.

        SQLite changes a table by making another one and dropping the first, which must not empty the tables
        that refer to it; the switch works outside a transaction only.
        """
        with self._translating(), self.engine.execution_options(**{_WRITES: True}).connect() as connection:
            if self.sqlite_path is not None:
                driver = connection.connection.driver_connection
                assert driver is not None  # noqa: S101  # it was just opened
                driver.execute("PRAGMA foreign_keys = OFF")
            with connection.begin():
                yield connection
                if self.sqlite_path is not None:
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
                    if broken is not None:
                        raise StoreError(
                            f"the job store {self.shown_url} refers to rows that are gone: {broken}"
                        )

    def close(self) -> None:
        """Close the connections; a later transaction opens others."""
        self.engine.dispose()
        with self._anchoring:
            if self._anchor is not None:
                self._release()
            self._anchor = None

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
            message = self._message(error)
            if _REFUSED in message:
                raise ConfigError(message) from error
            raise StoreUnavailableError(message) from error
        except exc.DatabaseError as error:
            # The plain class is SQLite's "file is not a database"; subclasses are faults of ours, unless the
            # server ended the connection.
            if type(error) is exc.DatabaseError or error.connection_invalidated:
                raise StoreUnavailableError(self._message(error)) from error
            raise

    def _message(self, error: exc.SQLAlchemyError) -> str:
        # Only the driver's own words: SQLAlchemy's would add the statement.
        reason = str(getattr(error, "orig", None) or error).strip()
        return f"the job store {self.shown_url} cannot be used: {reason}"


def _parse_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (exc.ArgumentError, ValueError):
        raise ConfigError(
            "the store URL is not a database URL; write sqlite:///path/to/file.db or "
            "postgresql://user:password@host/database"
        ) from None
    if _is_sqlite(url):
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise ConfigError("the store needs a file: write sqlite:////absolute/path/to/file.db")
        return url
    if url.get_backend_name() == "postgres":  # the spelling of libpq and many hosting services
        url = url.set(drivername="postgresql")
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
    raise ConfigError(f"the store cannot be {url.get_backend_name()}: use SQLite or PostgreSQL")


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _shown(url: URL) -> str:
    return url.difference_update_query(_SECRET_QUERY_KEYS).render_as_string(hide_password=True)


def _postgres_engine(url: URL) -> Engine:
    arguments: dict[str, Any] = (
        {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_SECONDS}
    )
    return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=arguments)


def _sqlite_engine(url: URL) -> Engine:
    # Without a pool no connection crosses a fork or outlives its use; opening a file is cheap.
    arguments = {} if "timeout" in url.query else {"timeout": BUSY_SECONDS}
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver guesses
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A reader that turns writer may find its snapshot stale, which no waiting mends.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
