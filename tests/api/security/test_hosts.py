"""Databases that a job may name: only hosts that the operator lists, however the request spells others."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from airflow_provider_sqlflow.ingest.drivers import DRIVERS
from tests.api.security.server import free_port, running
from tests.postgres_server import running_postgres

TARGETS = (
    "169.254.169.254", "localhost", "127.0.0.1", "[::1]", "0.0.0.0", "2130706433", "0x7f000001", "0177.0.0.1",
    "127.1", "db.example.com.evil.net", "evil.net,db.example.com", "db.example.com,evil.net",
    "user@db.example.com", "db.example.com@evil.net", "db.example.com:22", "db.example.com/x",
    "db.example.com?host=evil.net", "db.example.com#evil.net", "/var/run/postgresql",
    "@abstract", "db.example.com ", "db.example.com\tevil.net", "db.example.com\r\nevil.net",
    "db\uff0eexample\uff0ecom", "\u24d3b.example.com", "db.example.com.", "*", "*.example.com",
    "http://db.example.com", "::ffff:127.0.0.1", "",
)  # fmt: skip
"""None is ``db.example.com`` on any port or ``127.0.0.1`` on port 5999, which are allowed."""


def submit(server, user, path="/sqlflow/job/submitUserJob", **more):
    data = {
        "jobName": "db", "dbvendor": "dbvpostgresql", "account": "a", "password": "pa55word", "database": "d",
        **user, **more,
    }  # fmt: skip
    return server.post(path, data)


@pytest.mark.parametrize("host", TARGETS, ids=ascii)
def test_other_hosts_are_refused_before_anything_is_kept(server, user, host):
    for path in ("/sqlflow/job/submitUserJob", "/sqlflow/job/submitPersistJob"):
        answer = submit(server, user, path, hostname=host)
        # Without a host there is nothing to analyse.
        assert answer.status_code == (403 if host else 400), answer.text
        assert "pa55word" not in answer.text
    assert server.post("/sqlflow/job/displayUserJobsSummary", user).json()["data"]["total"] == 0


@pytest.mark.parametrize("port", ["22", "5432", "5998", "0", "-1", "99999", "5999x", "5999,22"])
def test_other_ports_are_refused(server, user, port):
    answer = submit(server, user, hostname="127.0.0.1", port=port)
    assert answer.status_code in (400, 403), answer.text


@pytest.mark.parametrize("vendor", ["sqlite", "duckdb", "dbvhive", "generic", "dbvaccess"])
def test_databases_without_a_host_are_refused(server, user, vendor):
    """Databases in files, behind whatever host: no job of a request opens a file."""
    answer = submit(server, user, dbvendor=vendor, hostname="db.example.com", database="/etc/passwd")
    assert answer.status_code == 400, answer.text
    assert "sqlite" not in DRIVERS


@pytest.mark.parametrize("name", ["hostname", "database", "sqlfiles", "sqltext", "sqlsource", "path", "url"])
@pytest.mark.parametrize(
    "place", ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x.sql", "s3://b/k"]
)
def test_no_parameter_is_a_path_or_url_to_read(server, user, name, place):
    values = {**user, "jobName": "j", "dbvendor": "dbvpostgresql", name: place}
    for path in ("/sqlflow/job/submitUserJob", "/sqlflow/job/submitPersistJob"):
        answer = server.post(path, values)
        assert answer.status_code in (400, 403), answer.text
        assert "root:" not in answer.text
    graph = server.post("/sqlflow/generation/sqlflow/graph", values | {"sqltext": f"SELECT a FROM '{place}'"})
    assert "root:" not in graph.text


@pytest.fixture
def listener():
    """Somebody who notes who connects."""
    seen = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.2)
        is_over = threading.Event()

        def accept():
            while not is_over.is_set():
                try:
                    connection, _ = door.accept()
                except TimeoutError:
                    continue
                seen.append(1)
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield door.getsockname()[1], seen
        is_over.set()
        thread.join()


@pytest.mark.parametrize(
    "database",
    [
        "host=127.0.0.1 port={port}",
        "postgresql://127.0.0.1:{port}/x",
        "x hostaddr=127.0.0.1 port={port}",
        "service=x",
        "dbname=x host=/tmp",
    ],
)
def test_no_database_name_leads_elsewhere(server, user, listener, database):
    """Drivers read such a name as a place to connect to."""
    port, seen = listener
    answer = submit(server, user, hostname="db.example.com", database=database.format(port=port))
    if answer.status_code == 200:
        job = server.wait(user, answer.json()["data"]["jobId"])
        assert job["status"] == "fail"
        assert "pa55word" not in json.dumps(job)
    else:
        assert answer.status_code == 400, answer.text
    assert seen == []


@pytest.mark.postgres
def test_an_allowed_database_is_read_and_forbidden_again_for_the_next_run(tmp_path):
    """What an operator takes back holds for jobs of before, too; and no answer tells a password."""
    port = free_port()
    with running_postgres(port) as host:
        import psycopg

        with psycopg.connect(host=host, port=port, user="postgres", autocommit=True) as connection:
            connection.execute("CREATE TABLE orders (id int, amount int)")
            connection.execute("CREATE VIEW totals AS SELECT sum(amount) AS total FROM orders")
        given = {"hostname": "127.0.0.1", "port": str(port), "account": "postgres", "database": "postgres"}
        folder = tmp_path / "server"
        folder.mkdir()
        with running(folder, server_allowed_hosts=f"127.0.0.1:{port}") as server:
            user = server.add_user("reader")
            answer = submit(server, user, **given)
            assert answer.status_code == 200, answer.text
            job = server.wait(user, answer.json()["data"]["jobId"])
            assert job["status"] == "success", job
            assert job["dataSource"]["password"] == "***"
            rows = server.post("/sqlflow/job/exportFullLineageAsCsv", user).text
            assert "orders,amount" in rows
            assert "pa55word" not in json.dumps(job) + rows + server.log.read_text()
        with running(folder, server_allowed_hosts="db.example.com") as server:
            token = server.state.tokens.issue(server.state.accounts.find("reader"))
            user = {"userId": "reader", "token": token}
            answer = server.post("/sqlflow/job/rerunJob", {**user, "jobId": job["jobId"]})
            assert answer.status_code == 403, answer.text
