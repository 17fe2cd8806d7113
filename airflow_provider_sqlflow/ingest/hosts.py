"""Which hosts a database may be read on, when whoever asks is not whoever runs the server.

A host of a request is only used in the form that was checked, and only plain names and addresses have one:
drivers read much more into the field (sockets, lists of hosts, options), and resolvers read numbers of many
spellings. A name is trusted as it stands: the server asks the name service anew for each connection, so
whoever rules the zone of an allowed name decides where it leads. Where that is too much, allow addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from airflow_provider_sqlflow.errors import ConfigError, HostNotAllowedError

MAX_PORT = 65535

_ANY_BELOW = "*."
_LONGEST_NAME = 253
# Cloud services and containers have underscores in names, though DNS itself has none.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_PORT = re.compile(r"[0-9]{1,5}")
_IPV6_LETTERS = re.compile(r"[0-9a-f:.]+")


def plain_host(text: str) -> str | None:
    """A host name or address in its one spelling, or ``None`` where the text is anything else.

    >>> plain_host("DB.example.com"), plain_host("[2001:DB8::0:1]")
    ('db.example.com', '2001:db8::1')
    >>> plain_host("0x7f.1"), plain_host("good,evil"), plain_host("db.example.com."), plain_host("/var/run")
    (None, None, None, None)
    """
    # Letters of other alphabets turn into ASCII in lower() and in resolvers.
    if not text.isascii():
        return None
    text = text.lower()
    if ":" in text:
        return _ipv6(text[1:-1] if text.startswith("[") and text.endswith("]") else text)
    last = text.rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        # A resolver takes such a name for an address, whatever number system it is in.
        return _ipv4(text)
    return text if len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) else None


def _ipv4(text: str) -> str | None:
    try:
        return str(IPv4Address(text)) if _ADDRESS.fullmatch(text) else None
    except AddressValueError:
        return None


def _ipv6(text: str) -> str | None:
    try:
        return str(IPv6Address(text)) if _IPV6_LETTERS.fullmatch(text) else None
    except AddressValueError:
        return None


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """One entry: a name or address, or with ``is_domain`` every name below one; on one port or on all."""

    host: str
    port: int | None = None
    is_domain: bool = False

    def allows(self, host: str, port: int) -> bool:
        """Whether a plain host and a port match."""
        is_host = host.endswith(f".{self.host}") if self.is_domain else host == self.host
        return is_host and self.port in (None, port)


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """The hosts that database jobs of a server may connect to; none unless told."""

    entries: tuple[AllowedHost, ...] = ()

    @classmethod
    def parse(cls, text: str) -> AllowedHosts:
        """Read a list such as ``db.example.com, 10.0.0.5:5432, *.corp.example, [2001:db8::1]:5432``.

        Raises:
            ConfigError: an item is no host, ``*.domain`` or either with a port.
        """
        items = (item.strip() for item in text.split(","))
        return cls(tuple(_entry(item) for item in items if item))

    def check(self, host: str, port: int) -> str:
        """The host in the spelling to connect to.

        Args:
            host: as a request gives it.
            port: likewise; where it gives none, the one that will be used.

        Raises:
            HostNotAllowedError: the host is not in the list, or no plain name or address.
        """
        plain = plain_host(host)
        if plain is None:
            # Not shown: it may hold a user and password.
            raise HostNotAllowedError(
                "the database's host is no plain name or address: give it without user, port, path, options "
                "and final dot, an address as four decimal numbers or as IPv6"
            )
        if not is_port(port):
            raise HostNotAllowedError(f"the database's port {port!r} is no number from 1 to {MAX_PORT}")
        if not any(entry.allows(plain, port) for entry in self.entries):
            raise HostNotAllowedError(
                f"this server may not connect to {plain} on port {port}; whoever runs it lists the hosts in "
                "server_allowed_hosts (environment: SQLFLOW_SERVER_ALLOWED_HOSTS)"
            )
        return plain


def is_port(port: object) -> bool:
    """Whether this is the number of a port."""
    return isinstance(port, int) and not isinstance(port, bool) and 1 <= port <= MAX_PORT


def _entry(item: str) -> AllowedHost:
    place, port = _split_port(item)
    is_domain = place.startswith(_ANY_BELOW)
    host = plain_host(place.removeprefix(_ANY_BELOW))
    # Addresses have nothing below them.
    is_address = host is not None and (":" in host or _ADDRESS.fullmatch(host) is not None)
    if host is None or (is_domain and is_address):
        raise ConfigError(
            f"server_allowed_hosts: {item!r} is neither a host such as db.example.com, 10.0.0.5 or "
            "[2001:db8::1] nor *.domain; each may end with :port"
        )
    return AllowedHost(host, port, is_domain)


def _split_port(item: str) -> tuple[str, int | None]:
    """Host and port of an item; an IPv6 address has a port only behind brackets."""
    host, colon, port = item.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return item, None
    if _PORT.fullmatch(port) is None or not is_port(int(port)):
        return item, None  # which is no host either, except for an IPv6 address in brackets
    return host, int(port)
