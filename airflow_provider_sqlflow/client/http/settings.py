"""Where a SQLFlow service is, who asks, and how long to wait for it. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_sqlflow.errors import ConfigError

CLOUD_HOST = "api.gudusoft.com"
CLOUD_PREFIX = "/gspLive_backend"
ON_PREMISE_PREFIX = "/api/gspLive_backend"
_CLOUD_PAGES = "sqlflow.gudusoft.com"
"""The web pages of the cloud; its interface is on :data:`CLOUD_HOST` (reference: sqlflow-api, 9.1)."""

ANONYMOUS = "gudu|0123456789"
"""User id of an on-premise service that asks for no login (reference: sqlflow-api, 1.3)."""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How to talk to one service. Equal settings share connections and token.

    Attributes:
        base_url: address with the prefix, without a slash at the end; :func:`service_url` makes it.
        user_id: account on the service.
        secret_key: changes into a token. Empty together with ``token``: the service asks for no login.
        token: used as it is when there is no secret key; it cannot be renewed then.
        verify: check the service's certificate.
        ca_file: PEM file of the authorities to trust instead of the system's.
        proxy: URL of an HTTP proxy; empty means what the environment says (``HTTPS_PROXY``, ``NO_PROXY``).
        connect_timeout: seconds to connect.
        read_timeout: seconds of silence within an answer.
        deadline: seconds for one operation in all, retries included.
        transfer_deadline: the same for operations that send or fetch files.
        attempts: how often an operation is tried.
        timezone: IANA name of the zone that the service's times are in; they come without one.
        on_token: told of each token that the service gives, so that whoever keeps logs can mask it. Called in
            a thread of its own.
    """

    base_url: str
    user_id: str = ANONYMOUS
    secret_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    verify: bool = True
    ca_file: str = ""
    proxy: str = field(default="", repr=False)
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    deadline: float = 120.0
    transfer_deadline: float = 3600.0
    attempts: int = 5
    timezone: str = "UTC"
    on_token: Callable[[str], None] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("connect_timeout", "read_timeout", "deadline", "transfer_deadline", "attempts"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"SQLFlow service: {name} = {getattr(self, name)} is not above zero")


def service_url(host: str, port: int | None = None, scheme: str = "", prefix: str | None = None) -> str:
    """The base address of a service.

    Args:
        host: a host name, or an address with scheme, port or prefix in it, which then win.
        port: where the host names none.
        scheme: ``http`` or ``https``, where the host names none; ``https`` unless told.
        prefix: path in front of every operation. ``None`` takes the host's path, else the one that the
            vendor's own clients use: that of the cloud or of an on-premise service.

    Raises:
        ConfigError: this is no address, or it holds a password.

    >>> service_url("api.gudusoft.com"), service_url("http://lineage.example.com:8165")
    ('https://api.gudusoft.com/gspLive_backend', 'http://lineage.example.com:8165/api/gspLive_backend')
    """
    text = host.strip()
    parts = urlsplit(text if "://" in text else f"{scheme or 'https'}://{text}")
    try:
        given_port = parts.port
    except ValueError:
        raise ConfigError("SQLFlow service: the host's port is not a number") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("SQLFlow service: the host is no http or https address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "SQLFlow service: the host holds more than an address; user id and secret key are fields of "
            "their own (login and password)"
        )
    name = CLOUD_HOST if parts.hostname == _CLOUD_PAGES else parts.hostname
    if prefix is None:
        prefix = parts.path.strip("/") or (CLOUD_PREFIX if name == CLOUD_HOST else ON_PREMISE_PREFIX)
    prefix = prefix.strip("/")
    shown = f"[{name}]" if ":" in name else name
    number = given_port or port
    address = f"{parts.scheme}://{shown}:{number}" if number else f"{parts.scheme}://{shown}"
    return f"{address}/{prefix}" if prefix else address


def settings_from(
    *, host: str, port: int | None = None, scheme: str = "", prefix: str | None = None, **fields: Any
) -> HttpSettings:
    """Settings from the parts of an address (:func:`service_url`) and fields of :class:`HttpSettings`.

    Raises:
        ConfigError: a part or field cannot be used, or there is a secret key without its user id.
    """
    if fields.get("secret_key") and not fields.get("user_id"):
        raise ConfigError("SQLFlow service: a secret key (password) needs its user id (login)")
    return HttpSettings(service_url(host, port, scheme, prefix), **fields)
