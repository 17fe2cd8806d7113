"""Server processes on one store are one service: what one was told, the other knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.golden.world import SAMPLE, World
from tests.api.server_process import RunningServer, server_on

pytestmark = pytest.mark.slow


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as opened:
        yield opened


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_they_agree(kind: str, request: pytest.FixtureRequest, tmp_path: Path, client: httpx.Client) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    if kind == "postgres":
        store = request.getfixturevalue("postgres_url")
    with (
        server_on(store, tmp_path / "one") as first,
        server_on(store, tmp_path / "two", "--workers", "0") as second,
    ):
        one = World(RunningServer(first, store), client)
        two = World.again(one, RunningServer(second, store))
        # The token, and a session of query mode.
        asked = {"sessionId": one.session, "table": "emp", "column": "ename"}
        path = "/sqlflow/generation/sqlflow/selectedgraph"
        assert two.call(path, **asked) == one.call(path, **asked)
        # A job, its session and its answers.
        job = two.submit("submitUserJob", {"a.sql": SAMPLE}, jobName="shared")["jobId"]
        done = one.ended(job)
        assert two.ended(job) == done
        asked = {"sessionId": done["sessionId"], "table": "emp"}
        assert two.call(path, **asked) == one.call(path, **asked)
        # DDL that is kept, and its end.
        assert one.schema_file in str(two.call("/sqlflow/generation/displayUserSchemaSummary"))
        # A new key ends the token everywhere.
        one.call("/user/generateSecretKey")
        answer = client.post(
            f"{second.url}/sqlflow/job/displayUserJobsSummary", data={"userId": two.user, "token": two.token}
        )
        assert (answer.status_code, answer.json()["code"]) == (401, 401)


def test_a_session_lives_on_when_its_server_is_gone(tmp_path: Path, client: httpx.Client) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    with server_on(store, tmp_path / "one") as first:
        world = World(RunningServer(first, store), client)
        session = world.session
        first.process.kill()
        first.process.wait()
    with server_on(store, tmp_path / "two") as second:
        world = World.again(world, RunningServer(second, store))
        found = world.call("/sqlflow/generation/sqlflow/selectedgraph", sessionId=session, table="emp")
        assert found["sessionId"] == session
