"""Who may call what: every operation, on both prefixes, for everybody who might ask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest

from airflow_provider_sqlflow.api.app import OPERATIONS, PREFIXES
from airflow_provider_sqlflow.api.operations import Operation
from airflow_provider_sqlflow.api.tokens import Tokens
from tests.api.security.server import RunningServer

PUBLIC = {"/user/generateToken"}
"""Operations for whoever has no token yet."""

NOT_OWNED = {"/demo/syntax/check", "/demo/xml/toXML", "/user/generateToken"}
"""Operations whose answer depends on nothing that anybody keeps."""

FILE = "mine.sql"
SQL = b"CREATE TABLE marker_target (marker_column INT); INSERT INTO marker_target SELECT a FROM marker_source"
MARKERS = ("marker_target", "marker_source", "marker_column", "marker job")

LAST = ("rerunJob", "deleteUserSchema", "deleteUserJob", "generateSecretKey")
"""Operations that take away what others need, in the order in which they may be called."""


@dataclass
class Owner:
    """A user who has one of everything."""

    user: dict[str, str]
    job_id: str
    batch_id: str
    session_id: str

    def values(self, operation: Operation[Any]) -> dict[str, str]:
        """Parameters of an operation that point to what the owner has."""
        known = {
            "jobId": self.job_id,
            "jobid": self.job_id,
            "batchId": self.batch_id,
            "sessionId": self.session_id,
            "fileName": FILE,
            "dbvendor": "dbvpostgresql",
            "cronExpression": "0 1 * * *",
            "onTop": "true",
            "sql": "SELECT 1",
            "coordinates": '[{"x": 1, "y": 14, "hashCode": "0"}]',
            "table": "marker_target",
            "tablename": "marker_target",
            "name": "marker_target",
            "sourceTable": "marker_source",
            "targetTable": "marker_target",
        }
        names = {field.alias or name for name, field in operation.parameters.model_fields.items()}
        needed = {
            field.alias or name
            for name, field in operation.parameters.model_fields.items()
            if field.is_required() and (field.alias or name) != "jobName"
        }
        assert needed <= set(known), f"{operation.path}: say here what {needed - set(known)} may be"
        found = {name: value for name, value in known.items() if name in names}
        if operation.path.endswith("/submitUserJob"):
            found["jobName"] = "another"
        return found


def _name(role: str) -> str:
    """A name that no user has: the server outlives this module, which a worker may come back to."""
    return f"{role}-{uuid4().hex}"


@pytest.fixture(scope="module")
def owner(server: RunningServer) -> Owner:
    user = server.add_user(_name("owner"))
    files = {"sqlfiles": (FILE, SQL)}
    vendor = {**user, "dbvendor": "dbvpostgresql"}
    job = server.post(
        "/sqlflow/job/submitPersistJob",
        {**vendor, "jobName": "marker job", "schedulable": "true", "cronExpression": "0 0 1 1 *"},
        files=files,
    ).json()["data"]
    job = server.wait(user, job["jobId"])
    assert job["status"] == "success"
    graph = server.post("/sqlflow/generation/sqlflow/graph", {**vendor, "sqltext": SQL.decode()}).json()
    kept = server.post("/sqlflow/generation/submitUserSchema", vendor, files=files)
    assert kept.status_code == 200
    return Owner(user, job["jobId"], job["subJobs"][0]["batchId"], graph["sessionId"])


def call(
    server: RunningServer,
    prefix: str,
    operation: Operation[Any],
    method: str,
    values: dict[str, str],
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    url = f"{prefix}{operation.path}"
    if operation.is_json:
        low = {name.lower(): value for name, value in values.items()}
        return server.client.request(method, url, json=low, headers=headers)
    if method == "GET":
        return server.client.request(method, url, params=values, headers=headers)
    files = {operation.file_part: (FILE, SQL)} if operation.file_part == "sqlfiles" else None
    return server.client.request(method, url, data=values, files=files, headers=headers)


ROUTES = [
    pytest.param(operation, method, id=f"{method} {operation.path}")
    for operation in OPERATIONS
    for method in operation.methods
]


@pytest.fixture(scope="module")
def refused(server: RunningServer, owner: Owner) -> dict[str, dict[str, str]]:
    """What everybody shows who must not get in, by who it is."""
    state, name = server.state, owner.user["userId"]
    account = state.accounts.find(name)
    assert account is not None
    past = Tokens(
        state.database, state.accounts, 24, clock=lambda: datetime.now(timezone.utc) - timedelta(days=2)
    )
    removed, rotated, impostor = (server.add_user(_name(who)) for who in ("removed", "rotated", "impostor"))
    state.accounts.remove(removed["userId"])
    state.accounts.new_secret_key(rotated["userId"])
    claims = {"sub": name, "iat": 1, "ver": account.key_version}
    return {
        "nobody": {},
        "without token": {"userId": name},
        "garbage": {"userId": name, "token": "garbage"},
        "the word for servers without tokens": {"userId": name, "token": "token"},
        "expired": {"userId": name, "token": past.issue(account)},
        "no signature": {"userId": name, "token": jwt.encode(claims, None, "none")},
        "another signature": {"userId": name, "token": jwt.encode(claims, "k" * 64, "HS256")},
        "another user as the owner": impostor | {"userId": name},
        "removed user": removed,
        "user with a new key": rotated,
        "owner's token, another id": owner.user | {"userId": impostor["userId"]},
    }


def test_all_but_known_operations_need_an_account():
    assert {operation.path for operation in OPERATIONS if not operation.needs_account} == PUBLIC


@pytest.mark.parametrize(("operation", "method"), ROUTES)
def test_nobody_gets_in_without_a_valid_token(server, owner, refused, operation, method):
    if operation.path in PUBLIC:
        return
    for who, shown in refused.items():
        for prefix in PREFIXES:
            ways: list[tuple[dict[str, str], dict[str, str] | None]] = [(shown, None)]
            if who in ("garbage", "expired"):
                ways.append(({"userId": owner.user["userId"]}, {"Authorization": f"Bearer {shown['token']}"}))
            for values, headers in ways:
                answer = call(server, prefix, operation, method, owner.values(operation) | values, headers)
                assert answer.status_code == 401, (who, headers, answer.text)
                assert answer.json()["code"] == 401
                assert set(answer.json()) == {"code", "error"}
                assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize("word", ["", "Bearer ", "Token ", "bearer "])
def test_the_header_is_as_good_as_the_parameter(server, owner, refused, word):
    for who, shown in refused.items():
        if "token" in shown:
            headers = {"Authorization": f"{word}{shown['token']}"}
            answer = server.post(
                "/sqlflow/job/displayUserJobsSummary", {"userId": shown["userId"]}, headers=headers
            )
            assert answer.status_code == 401, who
    headers = {"Authorization": f"{word}{owner.user['token']}"}
    answer = server.post("/sqlflow/job/displayUserJobsSummary", headers=headers)
    assert owner.job_id in answer.json()["data"]["jobIds"]


@pytest.mark.parametrize(("operation", "method"), ROUTES)
def test_other_users_see_nothing_of_the_owners(server, owner, operation, method, user):
    values = owner.values(operation) | user
    answer = call(server, PREFIXES[0], operation, method, values)
    points = {"jobId", "jobid", "sessionId", "fileName"} & set(values)
    if operation.path in PUBLIC:
        assert answer.status_code == 401  # the parameters hold no secret key
    elif points and operation.path not in NOT_OWNED:
        expected = 400 if operation.path.endswith("/deleteUserSchema") else 404
        assert answer.status_code == expected, answer.text
        assert set(answer.json()) == {"code", "error"}
    else:
        assert answer.status_code == 200, answer.text
    secret = (*MARKERS, FILE, owner.job_id, owner.session_id, owner.batch_id)
    for word in secret:
        # A submit answers with what was submitted.
        is_own = word in values.values() or (operation.file_part and word == FILE)
        assert is_own or word not in answer.text, word
    kept = server.post("/sqlflow/job/displayUserJobSummary", {**owner.user, "jobId": owner.job_id}).json()[
        "data"
    ]
    assert kept["status"] == "success"
    assert kept["cronExpression"] == "0 0 1 1 *"
    assert not kept["cancelSchedule"]
    schemas = server.post("/sqlflow/generation/displayUserSchemaSummary", owner.user).json()["data"]
    assert schemas["total"] == 1


@pytest.mark.parametrize(("operation", "method"), ROUTES)
def test_a_latest_job_is_never_another_users(server, owner, operation, method, user):
    """Where the job may be left out, the caller's latest is meant."""
    values = {
        name: value
        for name, value in owner.values(operation).items()
        if name not in ("jobId", "jobid", "sessionId")
    }
    answer = call(server, PREFIXES[0], operation, method, values | user)
    assert answer.status_code < 500, answer.text
    assert owner.job_id not in answer.text
    assert owner.session_id not in answer.text


def test_the_owner_may_call_everything(server, owner):
    def place(operation: Operation[Any]) -> int:
        name = operation.path.rpartition("/")[2]
        return LAST.index(name) + 1 if name in LAST else 0

    for operation in sorted(OPERATIONS, key=place):
        if operation.path in PUBLIC:
            continue
        for method in operation.methods:
            for prefix in PREFIXES if place(operation) == 0 else PREFIXES[:1]:
                if operation.path.endswith("/deleteUserJob"):
                    server.wait(owner.user, owner.job_id)
                values = owner.values(operation) | owner.user
                if operation.path.endswith("/submitPersistJob"):
                    del values["jobId"]
                answer = call(server, prefix, operation, method, values)
                assert answer.status_code in (200, 203), (operation.path, answer.text)
                if answer.headers["content-type"].startswith("application/json"):
                    assert json.loads(answer.content)["code"] in (200, 203), (operation.path, answer.text)
    late = server.post("/sqlflow/job/displayUserJobsSummary", owner.user)
    assert late.status_code == 401, "the key was changed by the last call"
