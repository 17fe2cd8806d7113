"""Requests that take too much: they cost their own answer, and never the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from airflow_provider_sqlflow.api.workers import BUSY
from tests.api.security.server import PREFIX, RunningServer, running
from tests.api.security.test_bodies import PROMPT

LIMIT_SECONDS = 6
GRAPH = "/sqlflow/generation/sqlflow/graph"
SLOW = "SELECT " + ", ".join(
    f"(SELECT max(c{n}) FROM t{n} WHERE a{n} = (SELECT {n})) AS x{n}" for n in range(2500)
)
"""SQL that takes the engine some seconds."""


def ask(server: RunningServer, user: dict[str, str], sql: str, **more: str) -> httpx.Response:
    return server.post(GRAPH, {**user, "dbvendor": "dbvpostgresql", "sqltext": sql, **more})


NESTED = {
    "brackets": "SELECT " + "(" * 40_000 + "1" + ")" * 40_000,
    "queries": "SELECT * FROM " + "(SELECT * FROM " * 5_000 + "t" + ")" * 5_000,
    "cases": "SELECT " + "CASE WHEN a THEN " * 4_000 + "1" + " END" * 4_000,
    "sums": "SELECT " + "+".join(["a"] * 15_000),
    "nots": "SELECT " + "NOT " * 20_000 + "a",
    "minus": "SELECT " + "- " * 45_000 + "a",
    "unions": " UNION ".join(["SELECT a FROM t"] * 4_000),
    "ands": "SELECT a FROM t WHERE " + " AND ".join(["b"] * 10_000),
    "dots": "SELECT " + ".".join(["a"] * 30_000),
    "commas": "SELECT " + ",".join(["a"] * 20_000) + " FROM t",
    "subscripts": "SELECT a" + "[0]" * 4_000,
    "calls": "SELECT " + "f(" * 25_000 + ")" * 25_000,
    "comments": "/*" * 45_000,
    "quotes": "'" * 90_001,
    "name": "SELECT " + "a" * 90_000,
    "number": "SELECT " + "9" * 90_000,
    "statements": "SELECT 1;" * 5_000,
    "arrays": "SELECT " + "ARRAY[" * 10_000 + "]" * 10_000,
    "joins": "SELECT * FROM t" + " JOIN t ON a" * 2_000,
    "ctes": "WITH "
    + ",".join(f"c{n} AS (SELECT * FROM c{n - 1})" for n in range(2_000))
    + " SELECT a FROM c9",
}


@pytest.mark.parametrize("shape", NESTED)
def test_no_sql_takes_the_server_down(server, user, shape):
    for path, name in ((GRAPH, "sqltext"), ("/demo/xml/toXML", "sql"), ("/demo/syntax/check", "sql")):
        data = {**user, "dbvendor": "dbvpostgresql", name: NESTED[shape]}
        body = httpx.Request("POST", "http://x", data=data)
        files = None if len(body.content) < 300_000 else {"unused": b""}  # urlencoded, brackets take three
        answer = server.post(path, data, files=files)
        assert answer.status_code in (200, 203, 500, 504), (path, answer.text[:300])
        if answer.status_code == 500:  # told, not met by chance
            assert "died" in answer.json()["error"], (path, answer.text)
    assert ask(server, user, "SELECT a FROM t").status_code == 200


EXPRESSIONS = (
    *("(a+)+$", "(a|a)*b", "(.*)*x", "((a{1,100}){1,100}){1,100}", "(?=a)", "(a)\\1", "["),
    *("(" * 3000, "a{0,99999}{0,99999}"),
)
COORDINATES = (
    *("[" * 50_000, "[" * 900 + "]" * 900, '[{"x": 1e999, "y": 1, "hashCode": "0"}]', "{}", "nonsense"),
    *('[{"x": ' + "9" * 5000 + ', "y": 1}]', '[{"x": true, "y": null}]'),
)
ACCEPTS = (
    "image/svg+xml;q=nan, image/png;q=inf",
    "image/*;q=-1",
    ",;=" * 1000,
    "image/png;q=1e999",
    "*/*;q=x",
)


@pytest.mark.parametrize("pattern", EXPRESSIONS)
@pytest.mark.parametrize("name", ["tableNamePattern", "stopat"])
def test_no_expression_keeps_the_server_busy(server, user, name, pattern):
    target = "a" * 60
    session = ask(server, user, f"INSERT INTO {target} SELECT x FROM {target}b").json()["sessionId"]
    for kind in ("upstreamGraph", "downstreamGraph", "leftMostSourceTableGraph"):
        begin = time.monotonic()
        answer = server.post(
            f"/sqlflow/generation/sqlflow/{kind}", {**user, "sessionId": session, name: pattern}
        )
        assert answer.status_code in (200, 400), answer.text
        assert time.monotonic() - begin < PROMPT


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_no_coordinates_are_a_fault_of_the_server(server, user, coordinates):
    session = ask(server, user, "SELECT a FROM t").json()["sessionId"]
    answer = server.post(
        "/sqlflow/generation/sqlflow/getSelectedDbObjectInfo",
        {**user, "sessionId": session, "coordinates": coordinates},
    )
    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize("accept", ACCEPTS)
def test_no_accept_header_is_a_fault_of_the_server(server, user, accept):
    data = {**user, "dbvendor": "dbvpostgresql", "sqltext": "SELECT a FROM t"}
    answer = server.post("/sqlflow/generation/sqlflow/graph/image", data, headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("image/")


# A server whose limits are reached soon -------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with running(
        tmp_path_factory.mktemp("small"),
        "--workers",
        "0",
        server_parallel=1,
        server_queue=1,
        server_request_seconds=LIMIT_SECONDS,
        server_max_query_bytes=2_000_000,
    ) as found:
        yield found


@pytest.fixture(scope="module")
def asker(small):
    return small.add_user("asker")


def processes(server: RunningServer) -> set[int]:
    """The processes that analyse."""
    return {one.pid for one in server.tree() if any("work_process" in word for word in one.cmdline())}


@pytest.fixture
def stuck(small, asker) -> Iterator[psutil.Process]:
    """The one process that analyses, which makes no step from now on."""
    for _ in range(10):
        if ask(small, asker, "SELECT a FROM warm").status_code == 200:
            break
    [number] = processes(small)
    process = psutil.Process(number)
    process.suspend()
    yield process
    assert not process.is_running(), "whoever waited for it in vain ended it"


def assert_recovers(server: RunningServer, user: dict[str, str]) -> None:
    """Another process takes over; it may need a while to start on a busy machine."""
    codes = {ask(server, user, f"SELECT a FROM t{number}").status_code for number in range(5)}
    assert 200 in codes
    assert len(processes(server)) == 1


def test_a_request_that_takes_too_long_costs_its_process_only(small, asker, stuck):
    begin = time.monotonic()
    answer = ask(small, asker, "SELECT a FROM long")
    assert answer.status_code == 504, answer.text[:200]
    assert f"longer than {LIMIT_SECONDS} seconds" in answer.json()["error"]
    assert LIMIT_SECONDS <= time.monotonic() - begin < LIMIT_SECONDS + PROMPT
    assert_recovers(small, asker)


def test_sql_that_takes_too_long_is_given_up(small, asker):
    answer = ask(small, asker, f"INSERT INTO t {SLOW};" * 8)
    assert answer.status_code in (200, 504), "a fast machine may do it"
    assert_recovers(small, asker)


def test_a_process_that_dies_costs_its_request_only(small, asker, stuck):
    found: list[httpx.Response] = []
    sender = threading.Thread(target=lambda: found.append(ask(small, asker, "SELECT a FROM dying")))
    sender.start()
    time.sleep(1)
    stuck.kill()
    sender.join()
    assert found[0].status_code == 500
    assert "died" in found[0].json()["error"]
    assert_recovers(small, asker)


def test_a_process_that_died_idle_is_replaced(small, asker, stuck):
    stuck.kill()
    time.sleep(0.5)
    assert_recovers(small, asker)


def test_the_documented_words_when_all_processes_are_taken(small, asker, stuck):
    """One works, one waits, all others are told; what needs no process is answered meanwhile."""
    found: list[httpx.Response] = []

    def send(number: int) -> None:
        data = {**asker, "dbvendor": "dbvpostgresql", "sqltext": f"SELECT a FROM t{number}"}
        with httpx.Client(base_url=small.url, timeout=60) as client:
            found.append(client.post(f"{PREFIX}{GRAPH}", data=data))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for sender in senders:
        sender.start()
    assert small.post("/sqlflow/job/displayUserJobsSummary", asker).status_code == 200
    for sender in senders:
        sender.join()
    told = [answer.json() for answer in found if answer.status_code == 503]
    assert len(told) >= 10
    assert all(answer == {"code": 503, "error": BUSY} for answer in told)
    assert all(answer.headers["retry-after"] == "1" for answer in found if answer.status_code == 503)
    assert BUSY == "Sorry, the service is busy. Please try again later."
    assert_recovers(small, asker)
