"""A database as a source of SQL: connected to, read, and left again.

What a driver says about a failure may hold the password, so its words are shown without it and its exception
is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from airflow_provider_sqlflow.errors import (
    ConfigError,
    EmptyInputError,
    InputError,
    SourceUnavailableError,
    UnreadableInputError,
)
from airflow_provider_sqlflow.ingest.database import DatabaseContent, read_database
from airflow_provider_sqlflow.ingest.drivers import Driver, Login, driver_of
from airflow_provider_sqlflow.ingest.hosts import MAX_PORT, is_port, plain_host
from airflow_provider_sqlflow.ingest.metadata import script_name
from airflow_provider_sqlflow.ingest.model import Source, SourceFile
from airflow_provider_sqlflow.ingest.selection import Selection
from airflow_provider_sqlflow.ingest.sources import read_text
from airflow_provider_sqlflow.settings import Settings

_ODD = re.compile(r"""[\x00-\x1f\x7f=;:,/\\?&@(){}'"`]""")
"""What drivers, one or another, would read as more than a database's name."""

_REFUSED = re.compile(
    r'password authentication failed|no password supplied|(?:role|user|database) "[^"]*" does not exist'
    r"|no pg_hba\.conf entry|permission denied for database|Access denied for user|Unknown database"
    r"|Login failed for|Cannot open database|ORA-01017|ORA-12514|ORA-28000|DPY-6001"
    r"|Incorrect username or password",
    re.IGNORECASE,
)
"""What servers say when the fields of a connection are wrong, and no later try will do."""

_OUTAGES = frozenset({"OperationalError", "InterfaceError"})
"""Classes of PEP 249, which have no base in common from driver to driver."""

_HIDDEN = "***"
_LONGEST_REASON = 500

Answer = TypeVar("Answer")


def open_database(dialect: str, login: Login, selection: Selection, settings: Settings) -> Source:
    """Read the views and routines of a database as files, and its columns as the catalog.

    Without a database's name every database that the selection does not leave out is read, over a connection
    of its own.

    Args:
        dialect: sqlglot name.
        login: where it is, and who asks.
        selection: what to read.
        settings: limits.

    Raises:
        ConfigError: a field cannot be used, the driver is not installed, or the server refuses the account
            or the database's name.
        SourceUnavailableError: the server cannot be reached or broke off.
        UnreadableInputError: the account may not read what is needed.
        EmptyInputError: nothing matches the selection.
    """
    driver = driver_of(dialect)
    check_login(dialect, login)
    contents = [
        _read(dialect, driver, each, selection) for each in _logins(dialect, driver, login, selection)
    ]
    if not any(content.definitions or content.hidden or content.catalog for content in contents):
        raise EmptyInputError(
            f"nothing to read in {shown(dialect, login)}: it has no tables and views that this account may "
            "see and that match what is to be extracted"
        )
    return Source(
        shown(dialect, login),
        tuple(name for content in contents for name in _names(content)),
        partial(_files, dialect, contents, settings.max_file_bytes),
        {name: columns for content in contents for name, columns in content.catalog.items()},
        dialect,
    )


def shown(dialect: str, login: Login) -> str:
    """The database without user and password: ``postgres://db.example.com:5432/shop``."""
    host = f"[{login.host}]" if ":" in login.host else login.host
    return f"{dialect}://{host}:{login.port}/{login.database}".rstrip("/")


def check_login(dialect: str, login: Login) -> None:
    """Refuse fields that are missing, or that a driver could read as something else than they are.

    Raises:
        ConfigError: a message without the password.
    """
    driver = driver_of(dialect)
    if plain_host(login.host) is None and not (dialect == "postgres" and _is_socket(login.host)):
        raise ConfigError(
            "the database's host is no plain name or address; port, user and database are fields of their own"
        )
    if not is_port(login.port):
        raise ConfigError(f"the database's port {login.port!r} is no number from 1 to {MAX_PORT}")
    if not login.user.strip() or "\0" in login.user + login.password:
        raise ConfigError("reading a database needs the account to connect with")
    if _is_odd(login.database):
        raise ConfigError(
            f"{login.database!r} is not accepted as the name of a database: drivers give a meaning to "
            "some of its characters"
        )
    if driver.needs_database and not login.database:
        raise ConfigError(f"reading a database of dialect {dialect} needs its name (the service's)")


def _is_socket(host: str) -> bool:
    return host.startswith("/") and not _is_odd(host.replace("/", ""))


def _is_odd(name: str) -> bool:
    return _ODD.search(name) is not None


def _logins(dialect: str, driver: Driver, login: Login, selection: Selection) -> list[Login]:
    """One for each database to read."""
    if login.database or not driver.list_databases:
        return [login]
    first = replace(login, database=driver.first_database)

    def list_names(connection: Any) -> list[str]:
        with closing(connection.cursor()) as cursor:
            cursor.execute(driver.list_databases)
            return [str(row[driver.name_column]) for row in cursor.fetchall()]

    names = _ask(dialect, driver, first, list_names)
    logins = [replace(login, database=name) for name in names if selection.wants_database(name)]
    for each in logins:
        check_login(dialect, each)
    return logins


def _read(dialect: str, driver: Driver, login: Login, selection: Selection) -> DatabaseContent:
    schemas: tuple[str, ...] = ()
    if dialect == "mysql":
        # A schema is a database here: one that is named is the one to read, unless patterns say others.
        selection = replace(selection, is_database_given=False)
        schemas = (login.database,) if login.database and not selection.extract else ()
    return _ask(
        dialect,
        driver,
        login,
        lambda connection: read_database(connection, dialect, schemas, selection=selection),
    )


def _ask(dialect: str, driver: Driver, login: Login, work: Callable[[Any], Answer]) -> Answer:
    """Connect, work and disconnect."""
    try:
        connection = driver.connect(login)
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001  # drivers have no error in common
        raise _connect_error(dialect, login, error) from None
    try:
        with closing(connection):
            return work(connection)
    except Exception as error:  # noqa: BLE001
        raise _read_error(dialect, login, error) from None


def _connect_error(dialect: str, login: Login, error: Exception) -> ConfigError | InputError:
    reason = _reason(error, login)
    if _REFUSED.search(str(error)):
        return ConfigError(f"{shown(dialect, login)} refuses the connection: {reason}")
    return SourceUnavailableError(f"cannot connect to {shown(dialect, login)}: {reason}")


def _read_error(dialect: str, login: Login, error: Exception) -> InputError:
    names = {cls.__name__ for cls in type(error).__mro__}
    message = f"cannot read {shown(dialect, login)}: {_reason(error, login)}"
    is_outage = isinstance(error, OSError) or not names.isdisjoint(_OUTAGES)
    return SourceUnavailableError(message) if is_outage else UnreadableInputError(message)


def _reason(error: Exception, login: Login) -> str:
    """What a driver says, in one line and without the password in any spelling."""
    text = f"{type(error).__name__}: {error}"
    for secret in _spellings(login.password):
        text = text.replace(secret, _HIDDEN)
    return " ".join(text.split())[:_LONGEST_REASON]


def _spellings(password: str) -> list[str]:
    """A password as it is, in a URL, in a Python literal and in libpq's options; longest first."""
    if not password:
        return []
    literals = {repr(password)[1:-1], repr(password.encode("utf-8", "replace"))[2:-1]}
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    found = {password, escaped, quote(password, safe=""), quote_plus(password), *literals}
    return sorted(found, key=lambda each: (-len(each), each))


def _files(dialect: str, contents: list[DatabaseContent], max_file_bytes: int) -> Iterator[SourceFile]:
    for content in contents:
        for item in content.definitions:
            for file in read_text(item.name, item.text, max_file_bytes, item.database, item.schema):
                yield replace(file, dialect=dialect)
        for name in _hidden_names(content):
            yield SourceFile(name, 0, "", "its SQL is hidden from the account that reads the database")


def _names(content: DatabaseContent) -> list[str]:
    """Of the files that :func:`_files` gives."""
    return [*(item.name for item in content.definitions), *_hidden_names(content)]


def _hidden_names(content: DatabaseContent) -> list[str]:
    from airflow_provider_sqlflow.engine.catalog import split_name

    return [script_name(*split_name(name)) for name in content.hidden]
