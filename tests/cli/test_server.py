"""``sqlflow server`` as a process: where it listens, how it ends, what it refuses."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import httpx
import psutil
import pytest

from tests.api.server_process import COMMAND, PATIENCE_SECONDS, ServerProcess, add_user, server_on, wait_until
from tests.cli.conftest import Run

SQL = "INSERT INTO t (a) SELECT a FROM s"


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


def refused(store_url: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """Exit code and last words of a server that does not start."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SQLFLOW_")}
    done = subprocess.run(
        [*COMMAND, "server", *arguments],
        env={**environment, "SQLFLOW_STORE_URL": store_url, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()[-1]


def analysed(server: ServerProcess, login: dict[str, str]) -> None:
    """Make it start a process for requests."""
    answer = httpx.post(
        f"{server.url}/sqlflow/generation/sqlflow", data={**login, "sqltext": SQL}, timeout=60
    )
    assert answer.json()["code"] == 200, answer.text


def all_processes(server: ServerProcess) -> list[psutil.Process]:
    """The server's: its jobs' supervisor with a worker, and the one that analysed."""
    wait_until(lambda: "serves" in server.log.read_text(), server.log.read_text)
    return server.descendants()


def test_listens_on_loopback_and_ends_as_asked(store_url: str, tmp_path: Path) -> None:
    key = add_user(store_url, "anna")
    with server_on(store_url, tmp_path / "log") as server:
        analysed(server, server.login("anna", key))
        processes = all_processes(server)
        assert len(processes) >= 3
        listening = {
            c.laddr.ip
            for c in psutil.Process(server.process.pid).net_connections("tcp")
            if c.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        assert server.stop() == 0
        assert not psutil.wait_procs(processes, timeout=10)[1]
    said = server.log.read_text()
    assert "ERROR" not in said
    assert key not in said


def test_workers_do_not_outlive_a_killed_server(store_url: str, tmp_path: Path) -> None:
    key = add_user(store_url, "anna")
    with server_on(store_url, tmp_path / "log", "--workers", "2") as server:
        analysed(server, server.login("anna", key))
        processes = all_processes(server)
        server.process.kill()
        assert server.process.wait(PATIENCE_SECONDS) == -9
        assert not psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)[1]


def test_a_request_ends_with_a_killed_server(store_url: str, tmp_path: Path) -> None:
    """Also one that is being worked on."""
    key = add_user(store_url, "anna")
    with server_on(store_url, tmp_path / "log", "--workers", "0") as server:
        login = server.login("anna", key)
        with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2]))) as client:
            body = httpx.Request("POST", "http://x", data={**login, "sqltext": f"{SQL};" * 12000}).read()
            client.sendall(
                b"POST /gspLive_backend/sqlflow/generation/sqlflow HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n"
                + f"Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            wait_until(server.descendants, server.log.read_text)
            [busy] = server.descendants()
            wait_until(lambda: busy.cpu_times().user > 2, server.log.read_text)
            server.process.kill()
            assert not psutil.wait_procs([busy], timeout=10)[1]


def test_refuses_to_be_open_to_everybody(store_url: str) -> None:
    code, said = refused(store_url, "--host", "0.0.0.0", "--ignore-token")
    assert code == 2
    assert said.startswith("error: the server asks for no token, so it does not listen on 0.0.0.0")
    code, said = refused(store_url, "--host", "0.0.0.0", SQLFLOW_SERVER_IGNORE_TOKEN="true")
    assert (code, said[:40]) == (2, "error: the server asks for no token, so ")


def test_port_that_is_taken(store_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused(store_url, "--port", str(port))
    assert (code, said) == (2, f"error: cannot listen on 127.0.0.1, port {port}: Address already in use")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u:hush-hush@h/d", "the store cannot be mysql: use SQLite or PostgreSQL"),
        ("no url at all", "store URL"),
        ("sqlite:////dev/null/store.db", "/dev/null"),
    ],
)
def test_store_that_cannot_be_used(url: str, message: str) -> None:
    code, said = refused(url, "--port", "0", SQLFLOW_STORE_RETRY_SECONDS="1")
    assert code == 2
    assert message in said
    assert "hush" not in said


def test_names_its_options(run: Run) -> None:
    told = " ".join(run("server", "--help").output.split())
    assert "[default: 127.0.0.1]" in told
    assert "[default: 8165; " in told
    assert run("server", "--port", "70000").exit_code == 2
