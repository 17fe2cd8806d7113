"""Secrets are compared in one time, and told nowhere: no log, error, object, page or process list."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator

import pytest

from airflow_provider_sqlflow.api.state import ServerState
from airflow_provider_sqlflow.errors import TokenError
from airflow_provider_sqlflow.settings import Settings
from tests.api.security.server import running


@pytest.fixture
def state(store_url: str) -> Iterator[ServerState]:
    found = ServerState.open(Settings(store_url=store_url))
    yield found
    found.close()


@pytest.fixture
def comparisons(monkeypatch) -> list[int]:
    """Grows with each comparison that takes the same time whatever it finds."""
    made: list[int] = []
    compare = hmac.compare_digest

    def counted(left, right):
        made.append(len(left))
        return compare(left, right)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    return made


def test_keys_are_compared_once_in_one_time_whoever_asks(state, comparisons):
    key = state.accounts.add("ann")
    for user, secret in (
        ("ann", key),
        ("ann", "wrong"),
        ("ann", ""),
        ("nobody", key),
        ("nobody", ""),
        ("", ""),
    ):
        comparisons.clear()
        assert (state.accounts.check(user, secret) is not None) == (user == "ann" and secret == key)
        assert comparisons == [64], (user, secret)


def test_signatures_are_compared_in_one_time(state, comparisons):
    state.accounts.add("ann")
    token = state.tokens.issue(state.accounts.find("ann"))
    head, body, signature = token.split(".")
    other = state.tokens.issue(state.accounts.find("ann")).split(".")[2][::-1]
    for shown in (token, f"{head}.{body}.{other}", f"{head}.{body}.", f"{head}.{body[:-2]}.{signature}"):
        comparisons.clear()
        try:
            assert state.tokens.account_of(shown).id == "ann"
        except TokenError:
            assert shown != token
        # What is no token at all is refused before.
        assert comparisons == [32] or (shown != token and comparisons in ([], [0]) and shown.count(".") == 2)
    comparisons.clear()
    state.tokens.account_of(token)
    assert comparisons == [32]


def test_no_secret_is_told_anywhere(tmp_path):
    """A day in the life of a server, with everything going wrong that can; then all its words are read."""
    key = "the-signing-key-of-this-server-0123456789"
    with running(tmp_path, server_token_key=key, server_allowed_hosts="127.0.0.1:1") as server:
        secret = server.state.accounts.add("ann")
        token = server.token_for("ann", secret)
        user = {"userId": "ann", "token": token}
        hidden = {"secret key": secret, "token": token, "signing key": key, "password": "pa55word-of-db"}
        told = []

        def note(answer):
            told.append(answer.text + json.dumps(dict(answer.headers)))
            return answer

        post = lambda path, **data: note(server.post(path, {**user, **data}))  # noqa: E731
        database = {"hostname": "127.0.0.1", "port": "1", "account": "sa", "password": hidden["password"]}
        source = {"jobName": "j", "dbvendor": "dbvpostgresql", "database": "d", **database}
        job = post("/sqlflow/job/submitUserJob", **source)
        assert job.status_code == 200, job.text
        assert server.wait(user, job.json()["data"]["jobId"])["status"] == "fail"
        post("/sqlflow/job/submitUserJob", jobName="j", hostname="evil", password=hidden["password"])
        post("/sqlflow/job/submitUserJob", jobName="j", dbvendor="nonsense", **database)
        post("/sqlflow/job/submitUserJob", **database)  # no name
        post("/sqlflow/job/displayUserJobSummary")
        post("/sqlflow/job/displayUserJobsSummary")
        post("/sqlflow/job/rerunJob")
        post("/sqlflow/job/exportDatabaseMetadata", displayQuerySource="true")
        post("/sqlflow/job/exportFullLineageAsJson")
        post("/user/generateToken", secretKey=secret + "x")
        post("/user/generateToken", secretKey=secret * 100)
        post("/sqlflow/job/displayUserJobsSummary", token=token + "x")
        post("/sqlflow/job/displayUserJobsSummary", token=token * 10)
        post("/sqlflow/generation/sqlflow/graph", sqltext="SELECT \0", token=token)
        for prefix in ("/gspLive_backend", "/api/gspLive_backend"):
            for page in ("version", "openapi.json", "doc.html", f"nowhere?token={token}"):
                note(server.client.get(f"{prefix}/{page}", headers={"Authorization": f"Bearer {token}"}))
            query = {**user, "secretKey": secret, "password": hidden["password"]}
            note(server.client.post(f"{prefix}/sqlflow/job/displayUserJobsSummary", params=query))
        body = json.dumps({**user, "tablename": 1, "secretKey": [secret]})
        url = "/gspLive_backend/sqlflow/generation/upstream"
        note(server.client.post(url, content=body, headers={"Content-Type": "application/json"}))
        commands = [" ".join(one.cmdline()) for one in server.tree()]
    log = server.log.read_text()
    assert "POST /sqlflow/job/submitUserJob" in log, "the log says what was asked"
    for what, text in hidden.items():
        assert text not in log, f"{what} in the log"
        for command in commands:
            assert text not in command, f"{what} in a process's arguments"
        for answer in told:
            assert text not in answer, f"{what} in an answer: {answer}"
