"""The mode without tokens: for this machine only, and for nobody's web page."""

from __future__ import annotations

import pytest

from airflow_provider_sqlflow.api.serving import Address, check_address
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.settings import Settings
from tests.api.security.server import PREFIX, running

FOREIGN = (
    *("0.0.0.0", "", "::", "example.com", "192.168.1.1", "127.0.0.1.evil.net", "localhost.evil.net"),
    *("evil.net", "10.0.0.1"),
)
OWN = ("127.0.0.1", "localhost", "127.0.0.1:{port}", "LOCALHOST:{port}", "[::1]:{port}", "127.8.9.1")
STRANGE = ("evil.net:{port}", "127.0.0.1@evil.net", "evil.net@x", "[", "[::1", "a b", "localhost:x@evil.net")
PAGES = (
    *({"Origin": "http://evil.net"}, {"Origin": "null"}, {"Origin": "http://localhost:1"}, {"Origin": ""}),
    *({"Origin": "http://["}, {"Origin": "http://127.0.0.1"}, {"Origin": "evil"}),
    *({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}),
)
JOBS = f"{PREFIX}/sqlflow/job/displayUserJobsSummary"


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("open"), "--workers", "0", "--ignore-token") as found:
        yield found


@pytest.mark.parametrize("host", FOREIGN)
def test_other_machines_are_not_listened_to(host):
    with pytest.raises(ConfigError, match="asks for no token"):
        check_address(Settings(server_ignore_token=True), Address(host))
    check_address(Settings(), Address(host))


def test_user_ids_are_believed(open_server):
    for user in ("gudu|0123456789", "ann"):
        answer = open_server.post("/user/generateToken", {"userId": user, "secretKey": ""})
        assert answer.json() == {"code": "200", "token": "token"}
        assert open_server.post("/sqlflow/job/displayUserJobsSummary", {"userId": user}).status_code == 200


@pytest.mark.parametrize("host", OWN)
def test_names_of_this_machine_are_answered(open_server, host):
    headers = {"Host": host.format(port=open_server.port)}
    assert open_server.client.post(JOBS, headers=headers).status_code == 200


@pytest.mark.parametrize("host", [*FOREIGN, *STRANGE])
def test_a_name_that_somebody_else_rules_is_refused(open_server, host):
    """A page whose name leads here (DNS rebinding) sends its own name."""
    answer = open_server.client.post(JOBS, headers={"Host": host.format(port=open_server.port)})
    assert answer.status_code in (400, 401), answer.text
    assert "jobIds" not in answer.text


@pytest.mark.parametrize("headers", PAGES, ids=str)
def test_pages_of_others_are_refused(open_server, headers):
    """What a browser sends for a page of somebody else, which needs nobody's leave for a form."""
    for method in ("GET", "POST"):
        url = f"{PREFIX}/sqlflow/generation/sqlflow/downstreamGraph"
        answer = open_server.client.request(method, url, headers=headers)
        assert answer.status_code == 401, answer.text
        assert "access-control-allow-origin" not in answer.headers


def test_pages_of_this_server_are_answered(open_server):
    own = {"Origin": open_server.url, "Sec-Fetch-Site": "same-origin"}
    assert open_server.client.post(JOBS, headers=own).status_code == 200
    asked = own | {"Access-Control-Request-Method": "POST"}
    assert open_server.client.options(JOBS, headers=asked).status_code == 405


def test_users_see_their_own_only(open_server):
    files = {"sqlfiles": ("a.sql", b"SELECT 1")}
    data = {"userId": "ann", "jobName": "of ann", "dbvendor": "dbvpostgresql"}
    job = open_server.post("/sqlflow/job/submitUserJob", data, files=files).json()["data"]["jobId"]
    answer = open_server.post("/sqlflow/job/displayUserJobSummary", {"userId": "bob", "jobId": job})
    assert answer.status_code == 404
