"""The Python drivers of databases, and how each opens a connection.

A connection takes nothing from the surroundings of the process: no password file, no password or user of the
environment, no login of the operating system. Whoever asks for it may be somebody else than whoever runs it.
Fields are handed over one by one, never as one text that a driver would take apart again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from airflow_provider_sqlflow.errors import ConfigError

CONNECT_SECONDS = 10
"""How long a server may take to let us in.

A server that accepts a connection and then says nothing is given :data:`STATEMENT_SECONDS` by the drivers of
MySQL and Redshift, and no limit by that of Oracle.
"""

STATEMENT_SECONDS = 300
"""How long one query may take."""

_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
_NOWHERE = f"{os.devnull}/none"
"""A file that is never there, in place of the one in the user's home."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where a database is, and who asks.

    Attributes:
        host: a name or address; for PostgreSQL also the folder of a socket.
        port: always given.
        user: never empty.
        password: may be empty.
        database: empty where none is named.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str = ""


@dataclass(frozen=True, slots=True)
class Driver:
    """How to connect to one kind of database.

    Attributes:
        package: what to install.
        default_port: where the server listens unless told.
        open: connects with the driver's module.
        module: of the driver.
        first_database: where to connect to list databases; empty where it takes none.
        list_databases: the query for the names of those that the user may read; empty where the database is
            always one, or must be given.
        name_column: where the name stands in the answer, from 0.
        needs_database: whether there is no connection without one.
    """

    package: str
    default_port: int
    module: str
    open: Callable[[Any, Login], Any]
    first_database: str = ""
    list_databases: str = ""
    name_column: int = 0
    needs_database: bool = False

    def connect(self, login: Login) -> Any:
        """A DB-API connection.

        Raises:
            ConfigError: the driver is not installed.
            Exception: whatever the driver raises.
        """
        try:
            module = import_module(self.module)
        except ImportError as error:
            raise ConfigError(
                f"reading this database needs a Python package that is not installed where the job runs "
                f"({error}): pip install {self.package}"
            ) from None
        return self.open(module, login)


def _open_postgres(psycopg: Any, login: Login) -> Any:
    connection = psycopg.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        dbname=login.database,
        connect_timeout=CONNECT_SECONDS,
        passfile=_NOWHERE,
        sslcert=_NOWHERE,
        application_name="sqlflow",
        # A query that fails must not spoil the ones behind it.
        autocommit=True,
        **_KEEPALIVE,
    )
    try:
        # Poolers in between refuse these as options of the connection.
        connection.execute(f"SET statement_timeout = {STATEMENT_SECONDS * 1000}")
        connection.execute("SET default_transaction_read_only = on")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_mysql(pymysql: Any, login: Login) -> Any:
    return pymysql.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        database=login.database or None,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=STATEMENT_SECONDS,
        write_timeout=STATEMENT_SECONDS,
        local_infile=False,
    )


def _open_tsql(pymssql: Any, login: Login) -> Any:
    return pymssql.connect(
        server=login.host,
        port=str(login.port),
        user=login.user,
        password=login.password,
        database=login.database,
        login_timeout=CONNECT_SECONDS,
        timeout=STATEMENT_SECONDS,
        appname="sqlflow",
    )


def _open_oracle(oracledb: Any, login: Login) -> Any:
    connection = oracledb.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        service_name=login.database,
        tcp_connect_timeout=CONNECT_SECONDS,
    )
    connection.call_timeout = STATEMENT_SECONDS * 1000
    return connection


def _open_redshift(redshift_connector: Any, login: Login) -> Any:
    connection = redshift_connector.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        database=login.database,
        timeout=STATEMENT_SECONDS,
    )
    connection.autocommit = True
    return connection


def _open_snowflake(connector: Any, login: Login) -> Any:
    return connector.connect(
        account=login.host.partition(".")[0],
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        database=login.database or None,
        login_timeout=CONNECT_SECONDS,
        network_timeout=STATEMENT_SECONDS,
        session_parameters={"STATEMENT_TIMEOUT_IN_SECONDS": STATEMENT_SECONDS},
    )


_LIST_POSTGRES = """
SELECT datname FROM pg_catalog.pg_database
WHERE datallowconn AND NOT datistemplate AND pg_catalog.has_database_privilege(datname, 'CONNECT')
ORDER BY datname
"""
_LIST_TSQL = "SELECT name FROM sys.databases WHERE database_id > 4 AND HAS_DBACCESS(name) = 1 ORDER BY name"
_LIST_REDSHIFT = """
SELECT datname FROM pg_catalog.pg_database
WHERE datallowconn AND NOT datistemplate AND datname <> 'padb_harvest' ORDER BY datname
"""
_LIST_SNOWFLAKE = "SHOW TERSE DATABASES"

DRIVERS: Mapping[str, Driver] = {
    "postgres": Driver(
        "'airflow-provider-sqlflow[postgres]'", 5432, "psycopg", _open_postgres, "postgres", _LIST_POSTGRES
    ),
    "mysql": Driver("pymysql", 3306, "pymysql", _open_mysql),
    "tsql": Driver("pymssql", 1433, "pymssql", _open_tsql, "master", _LIST_TSQL),
    "oracle": Driver("oracledb", 1521, "oracledb", _open_oracle, needs_database=True),
    "redshift": Driver(
        "redshift-connector", 5439, "redshift_connector", _open_redshift, "dev", _LIST_REDSHIFT
    ),
    "snowflake": Driver(
        "snowflake-connector-python", 443, "snowflake.connector", _open_snowflake, "", _LIST_SNOWFLAKE, 1
    ),
}
"""By sqlglot name of the dialect. Databases in files are none of these: a host says nothing about a file."""


def driver_of(dialect: str) -> Driver:
    """The driver for a dialect.

    Raises:
        ConfigError: databases of this dialect cannot be connected to.
    """
    if dialect not in DRIVERS:
        raise ConfigError(
            f"databases of dialect {dialect or 'generic'} cannot be connected to, only: {', '.join(DRIVERS)}"
        )
    return DRIVERS[dialect]
