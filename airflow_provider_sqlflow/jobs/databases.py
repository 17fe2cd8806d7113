"""Databases as sources of jobs."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_sqlflow.ingest.drivers import Login, driver_of
from airflow_provider_sqlflow.ingest.hosts import AllowedHosts
from airflow_provider_sqlflow.ingest.live_database import check_login, open_database
from airflow_provider_sqlflow.ingest.model import Source
from airflow_provider_sqlflow.ingest.selection import Selection
from airflow_provider_sqlflow.jobs.model import DatabaseSource
from airflow_provider_sqlflow.settings import Settings


def open_database_source(source: DatabaseSource, settings: Settings) -> Source:
    """Connect to the database and read it.

    Raises:
        ConfigError: a field or pattern cannot be used, its driver is not installed, or the account is
            refused.
        InputError: the database cannot be reached or read, or nothing in it matches.
    """
    dialect = _dialect(source)
    return open_database(dialect, _login(source), _selection(source), settings)


def allowed_source(source: DatabaseSource, hosts: AllowedHosts) -> DatabaseSource:
    """The source as a server may open it for somebody else: host and port as they were checked.

    Nothing is connected to.

    Raises:
        HostNotAllowedError: the host is not one of these, or no plain host.
        ConfigError: another field or a pattern cannot be used.
    """
    login = _login(source)
    host = hosts.check(login.host, login.port)
    checked = replace(source, dialect=_dialect(source), host=host, port=login.port)
    check_login(checked.dialect, _login(checked))
    _selection(checked)
    return checked


def _dialect(source: DatabaseSource) -> str:
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect

    return resolve_dialect(source.dialect)


def _login(source: DatabaseSource) -> Login:
    port = source.port or driver_of(_dialect(source)).default_port
    return Login(source.host, port, source.user, source.password, source.database)


def _selection(source: DatabaseSource) -> Selection:
    return Selection(source.extract, source.exclude, source.procedures, source.views, bool(source.database))
