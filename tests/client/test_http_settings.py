from __future__ import annotations

import pytest

from airflow_provider_sqlflow.client.http.client import HttpClient
from airflow_provider_sqlflow.client.http.settings import HttpSettings, service_url
from airflow_provider_sqlflow.errors import ConfigError


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"host": "api.gudusoft.com"}, "https://api.gudusoft.com/gspLive_backend"),
        ({"host": "https://api.gudusoft.com/"}, "https://api.gudusoft.com/gspLive_backend"),
        (
            {"host": "https://API.gudusoft.com/api/gspLive_backend/"},
            "https://api.gudusoft.com/api/gspLive_backend",
        ),
        ({"host": "sqlflow.gudusoft.com"}, "https://api.gudusoft.com/gspLive_backend"),
        ({"host": "lineage.example.com"}, "https://lineage.example.com/api/gspLive_backend"),
        (
            {"host": "lineage.example.com", "port": 8165, "scheme": "http"},
            "http://lineage.example.com:8165/api/gspLive_backend",
        ),
        ({"host": "http://10.0.0.1:8081", "port": 1}, "http://10.0.0.1:8081/api/gspLive_backend"),
        ({"host": "http://[::1]:8081"}, "http://[::1]:8081/api/gspLive_backend"),
        ({"host": "h", "prefix": "/lineage/"}, "https://h/lineage"),
        ({"host": "h", "prefix": ""}, "https://h"),
        ({"host": "h/given", "prefix": "other"}, "https://h/other"),
        ({"host": " h "}, "https://h/api/gspLive_backend"),
    ],
)
def test_addresses(arguments, expected):
    assert service_url(**arguments) == expected


@pytest.mark.parametrize(
    "host",
    ["ftp://h", "", "http://", "h:port", "https://user:hidden@h", "h?token=hidden", "h#hidden", "h:99999999"],
)
def test_what_is_no_address(host):
    with pytest.raises(ConfigError) as caught:
        service_url(host)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["connect_timeout", "read_timeout", "deadline", "transfer_deadline", "attempts"]
)
def test_limits_are_above_zero(name):
    with pytest.raises(ConfigError, match=name):
        HttpSettings("http://h", **{name: 0})


def test_secrets_are_not_shown():
    shown = repr(
        HttpSettings("http://h", secret_key="hidden-a", token="hidden-b", proxy="http://u:hidden-c@p")
    )
    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"proxy": "what://u:hidden@p"}, "proxy"),
        ({"ca_file": "/does/not/exist.pem"}, "/does/not/exist.pem"),
        ({"base_url": "http://\x00"}, "address"),
    ],
)
def test_what_shows_only_when_used(changes, message):
    client = HttpClient(HttpSettings(**{"base_url": "http://127.0.0.1:1", **changes}))
    with pytest.raises(ConfigError, match=message) as caught:
        client.ping()
    assert "hidden" not in str(caught.value)
    client.close()


def test_an_unknown_time_zone():
    with pytest.raises(ConfigError, match="Europe/Nowhere"):
        HttpClient(HttpSettings("http://h", timezone="Europe/Nowhere"))
