"""Which hosts a server may connect to, and every trick to get around the list."""

from __future__ import annotations

import pickle
import re
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sqlflow.errors import ConfigError, HostNotAllowedError
from airflow_provider_sqlflow.ingest.hosts import AllowedHosts, plain_host

ALLOWED = AllowedHosts.parse(
    "db.example.com, 10.0.0.5:5432, *.corp.example, *.limited.example:5432, "
    "[2001:db8::1]:5432, ::2, localhost"
)


@pytest.mark.parametrize(
    ("host", "port", "used"),
    [
        ("db.example.com", 1, "db.example.com"),
        ("DB.Example.COM", 65535, "db.example.com"),
        ("10.0.0.5", 5432, "10.0.0.5"),
        ("a.corp.example", 5432, "a.corp.example"),
        ("a_1.B-2.corp.example", 5432, "a_1.b-2.corp.example"),
        ("a.limited.example", 5432, "a.limited.example"),
        ("[2001:db8::1]", 5432, "2001:db8::1"),
        ("2001:DB8:0:0::1", 5432, "2001:db8::1"),
        ("::2", 1, "::2"),
        ("localhost", 5432, "localhost"),
    ],
)
def test_what_is_listed_is_allowed_in_one_spelling(host: str, port: int, used: str) -> None:
    assert ALLOWED.check(host, port) == used


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("example.com", 5432),
        ("xdb.example.com", 5432),
        ("db.example.com.evil.net", 5432),
        ("corp.example", 5432),
        ("evilcorp.example", 5432),
        (".corp.example", 5432),
        ("a..corp.example", 5432),
        ("*.corp.example", 5432),
        ("a.limited.example", 5433),
        ("10.0.0.5", 5433),
        ("2001:db8::1", 5433),
        ("127.0.0.1", 5432),
        ("::1", 5432),
        ("::ffff:10.0.0.5", 5432),
        ("169.254.169.254", 80),
    ],
)
def test_what_is_not_listed_is_not(host: str, port: int) -> None:
    with pytest.raises(HostNotAllowedError) as caught:
        ALLOWED.check(host, port)
    assert "corp.example, " not in str(caught.value)  # the list is the operator's
    assert pickle.loads(pickle.dumps(caught.value)).code == "host_not_allowed"


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "db.example.com.",
        "db.example.com ",
        " db.example.com",
        "db.example.com\n",
        "db.example.com\0",
        "db.example.com\t.evil",
        "db.example.com:5432",
        "10.0.0.5:5432",
        "[2001:db8::1]:5432",
        "[2001:db8::1",
        "[db.example.com]",
        "::2%eth0",
        "::2%25lo",
        "good@db.example.com",
        "db.example.com@evil.net",
        "user:pw@db.example.com",
        "db.example.com/evil",
        "evil/.corp.example",
        "evil#.corp.example",
        "evil?.corp.example",
        "evil\\.corp.example",
        "evil;x.corp.example",
        "evil&x.corp.example",
        "db.example.com?hostaddr=127.0.0.1",
        "db.example.com hostaddr=127.0.0.1",
        "hostaddr=127.0.0.1",
        "service=evil",
        "postgresql://db.example.com",
        "db.example.com,evil.net",
        "evil.net,db.example.com",
        ",",
        "/var/run",
        "/var/run/postgresql",
        "@abstract",
        "..",
        "db.example.com\\INSTANCE",
        "tcp:db.example.com",
        "db(HOST=evil).corp.example",
        "{db.example.com}",
        "'db.example.com'",
        "127.1",
        "0",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "010.0.0.5",
        "10.0.0.05",
        "10.0.5",
        "167772165",
        "0xA000005",
        "10.0.0.0x5",
        "db.example.0x",
        "1.corp.example.5",
        "\u217eb.example.com",
        "db。example。com",
        "db.example.com\u200b",
        "db.exam\u00adple.com",
        "\uff44b.example.com",
        "\uff11\uff10.0.0.5",
        "KELVIN\u212a.corp.example",
        "a" * 64 + ".corp.example",
        "a." * 130 + "corp.example",
        "-a.corp.example",
        "a-.corp.example",
        "%64b.example.com",
    ],
)
def test_no_trick_is_a_host(host: str) -> None:
    assert plain_host(host) is None
    with pytest.raises(HostNotAllowedError, match="no plain name or address") as caught:
        ALLOWED.check(host, 5432)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("port", [0, -1, 65536, True, "5432", 5432.0, None])
def test_ports_that_are_none(port: object) -> None:
    with pytest.raises(HostNotAllowedError, match="port"):
        ALLOWED.check("db.example.com", port)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", " ", ",", " , ,"])
def test_nothing_is_allowed_unless_told(text: str) -> None:
    with pytest.raises(HostNotAllowedError, match="may not connect to localhost on port 5432"):
        AllowedHosts.parse(text).check("localhost", 5432)
    assert AllowedHosts() == AllowedHosts.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*.",
        "a.*.example",
        "*a.example",
        "*.*.example",
        "*.10.0.0.5",
        "*.[::1]",
        "*.5",
        "db.example.com.",
        "db:0",
        "db:65536",
        "db:port",
        "db:",
        ":5432",
        "[::1]:",
        "[::1]:0",
        "[::1]x",
        "010.0.0.5",
        "0x7f000001",
        "10.0.0.0/8",
        "http://db",
        "a b",
        "/var/run",
        "münchen.example",
    ],
)
def test_entries_that_cannot_be_used(text: str) -> None:
    with pytest.raises(ConfigError, match=rf"server_allowed_hosts: {re.escape(repr(text))} is neither"):
        AllowedHosts.parse(f"db.example.com, {text}")


# Every text -----------------------------------------------------------------------------------------

BITS = st.sampled_from(
    [
        "db.example.com", "10.0.0.5", "corp.example", ".corp.example", "::2", "2001:db8::1", "localhost",
        "evil", ".", ",", "@", "/", ":", "[", "]", "=", "?", " ", "\n", "\0", "%", "0x", "0", "5432", "-",
        "_", "\\", "\u017f", "\u212a",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=40), st.lists(BITS, max_size=6).map("".join))


@given(TEXTS, st.integers(-1, 70000))
def test_what_is_allowed_is_in_the_list(host: str, port: int) -> None:
    try:
        used = ALLOWED.check(host, port)
    except HostNotAllowedError:
        return
    assert 1 <= port <= 65535
    is_address = re.fullmatch(r"[0-9.]+|[0-9a-f:]+", used) is not None
    if is_address:
        assert str(ip_address(used)) == used
        assert (used, port) in {("10.0.0.5", 5432), ("2001:db8::1", 5432)} or used == "::2"
    else:
        assert re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", used)
        assert host.lower() == used
        assert (
            used in ("db.example.com", "localhost")
            or used.endswith(".corp.example")
            or (used.endswith(".limited.example") and port == 5432)
        )


@given(TEXTS)
def test_a_plain_host_stays_what_it_is(host: str) -> None:
    plain = plain_host(host)
    if plain is not None:
        assert plain_host(plain) == plain
        assert not set(plain) & set(",@/?=[]%\\\n\0 ;#&")


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_no_number_is_a_host(number: int, spelling: str) -> None:
    assert plain_host(spelling.format(number)) is None


@given(TEXTS)
def test_a_list_is_read_or_refused(text: str) -> None:
    try:
        allowed = AllowedHosts.parse(text)
    except ConfigError:
        return
    for entry in allowed.entries:
        host = f"x.{entry.host}" if entry.is_domain else entry.host
        assert allowed.check(host, entry.port or 1) == host
