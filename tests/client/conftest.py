from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_sqlflow.client.http import transport
from airflow_provider_sqlflow.client.http.client import HttpClient
from airflow_provider_sqlflow.client.http.settings import HttpSettings
from tests.client.fake_sqlflow import SECRET, USER, FakeSqlFlow, running


@pytest.fixture
def fake() -> Iterator[FakeSqlFlow]:
    with running() as service:
        yield service


@pytest.fixture
def make_client(fake: FakeSqlFlow, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., HttpClient]]:
    """Clients of the fake that do not wait long between attempts."""
    monkeypatch.setattr(transport, "FIRST_WAIT", 0.01)
    opened: list[HttpClient] = []

    def make(**changes: Any) -> HttpClient:
        values: dict[str, Any] = {"user_id": USER, "secret_key": SECRET, "base_url": fake.url, **changes}
        opened.append(HttpClient(HttpSettings(**values)))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., HttpClient]) -> HttpClient:
    return make_client()
