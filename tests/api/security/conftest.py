from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.security.server import RunningServer, running

ALLOWED_HOSTS = "db.example.com,127.0.0.1:5999"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with small limits that all tests here attack; each test has users of its own."""
    folder = tmp_path_factory.mktemp("attacked")
    with running(
        folder,
        server_request_seconds=20,
        server_max_request_bytes=4 * 1024 * 1024,
        server_max_query_bytes=100 * 1024,
        server_allowed_hosts=ALLOWED_HOSTS,
    ) as found:
        yield found


@pytest.fixture
def user(server: RunningServer, request: pytest.FixtureRequest) -> dict[str, str]:
    """Parameters of a user of the test's own."""
    return server.add_user(f"user of {request.node.name}"[:250])
