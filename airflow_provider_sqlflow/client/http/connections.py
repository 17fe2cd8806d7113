"""The connections to a service: TLS, proxy, time limits, what every request says of its sender."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.client.http.settings import HttpSettings
from airflow_provider_sqlflow.errors import ConfigError

if TYPE_CHECKING:
    import httpx

_KEPT_CONNECTIONS = 20
_IDLE_SECONDS = 30.0


def open_connections(settings: HttpSettings) -> httpx.AsyncClient:
    """A client without connections yet. Reads certificates from disk.

    Raises:
        ConfigError: the proxy's address or the CA file cannot be used.
    """
    import httpx

    timeout = httpx.Timeout(settings.read_timeout, connect=settings.connect_timeout)
    limits = httpx.Limits(
        max_keepalive_connections=_KEPT_CONNECTIONS,
        max_connections=_KEPT_CONNECTIONS,
        keepalive_expiry=_IDLE_SECONDS,
    )
    headers = {"User-Agent": f"airflow-provider-sqlflow/{__version__}", "Accept": "*/*"}
    try:
        return httpx.AsyncClient(
            verify=_tls(settings),
            proxy=settings.proxy or None,
            timeout=timeout,
            limits=limits,
            headers=headers,
            follow_redirects=False,
        )
    except ValueError:  # its text may hold the proxy's password
        raise ConfigError("SQLFlow service: the proxy's address cannot be used") from None


def _tls(settings: HttpSettings) -> ssl.SSLContext:
    import httpx

    try:
        if settings.verify and settings.ca_file:
            return ssl.create_default_context(cafile=settings.ca_file)
        return httpx.create_ssl_context(verify=settings.verify)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"SQLFlow service: cannot read the CA file {settings.ca_file}: {error.strerror or error}"
        ) from None
