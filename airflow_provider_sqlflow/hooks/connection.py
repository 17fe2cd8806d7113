"""What the fields of an Airflow connection of type ``sqlflow`` mean. No I/O.

Fields, labels and descriptions of the form are in ``get_provider_info.py``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_provider_sqlflow.errors import ConfigError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_sqlflow.settings import Settings

_TRUE = frozenset({"true", "1", "yes", "on"})
_SECRET_PARAMETERS = frozenset({"password", "sslpassword"})  # libpq's
_FALSE = frozenset({"false", "0", "no", "off"})


def is_remote(connection: Connection | None) -> bool:
    """Whether jobs go to a service: the connection names a host."""
    return connection is not None and bool(connection.host)


def embedded_settings(settings: Settings, connection: Connection | None) -> Settings:
    """The configured settings, with what the connection says instead."""
    extra: dict[str, Any] = {} if connection is None else connection.extra_dejson
    if extra.get("store_url"):
        settings = replace(settings, store_url=str(extra["store_url"]).strip())
    return settings


def remote_options(connection: Connection) -> dict[str, Any]:
    """What a connection with a host says about the service, empty fields left out.

    Keys: ``host``, ``port``, ``scheme`` and ``prefix`` (its address), ``user_id``, ``secret_key``,
    ``token``, ``verify``, ``ca_file``, ``proxy``, ``connect_timeout``, ``read_timeout``, ``deadline``,
    ``transfer_deadline`` (seconds), ``attempts`` and ``timezone``.

    Raises:
        ConfigError: a field has a value that cannot be used; the message names connection and field.
    """
    extra: dict[str, Any] = connection.extra_dejson
    found: dict[str, Any] = {
        "host": connection.host,
        "port": connection.port,
        "scheme": connection.schema,
        "user_id": connection.login,
        "secret_key": connection.password,
    }
    for name in ("token", "ca_file", "proxy", "timezone"):
        found[name] = str(extra.get(name) or "").strip()
    for name in ("connect_timeout", "read_timeout", "deadline", "transfer_deadline"):
        found[name] = _number(connection, name, extra.get(name), float)
    found["attempts"] = _number(connection, "attempts", extra.get("attempts"), int)
    given = {name: value for name, value in found.items() if value}
    # Here an empty text says something: the operations stand at the root of the host.
    if extra.get("prefix") is not None:
        given["prefix"] = str(extra["prefix"]).strip()
    if extra.get("verify") not in (None, ""):
        given["verify"] = _truth(connection, "verify", extra["verify"])
    return given


def secrets_of(connection: Connection | None, settings: Settings) -> tuple[str, ...]:
    """Passwords within URLs, which must not show in logs and which Airflow does not mask by itself."""
    urls = [settings.store_url]
    if connection is not None:
        urls.append(str(connection.extra_dejson.get("proxy") or ""))
    found: list[str] = []
    for url in urls:
        try:
            parts = urlsplit(url)
            found.append(parts.password or "")
        except ValueError:
            continue  # no URL at all; whoever opens it says so
        pairs = (pair.partition("=") for pair in parts.query.split("&"))
        found += [value for name, _, value in pairs if name in _SECRET_PARAMETERS]
    return tuple(dict.fromkeys(form for word in found if word for form in (word, unquote(word))))


def _number(connection: Connection, name: str, value: Any, kind: type[int] | type[float]) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = kind(value)
    except (TypeError, ValueError):
        number = kind(0)
    if isinstance(value, bool) or number <= 0:
        raise ConfigError(f"connection {connection.conn_id}: {name} = {value!r} is no number above zero")
    return number


def _truth(connection: Connection, name: str, value: Any) -> bool:
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ConfigError(f"connection {connection.conn_id}: {name} = {value!r} is neither true nor false")
