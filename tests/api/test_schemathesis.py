"""Schemathesis over the OpenAPI document that the server serves; the account's own token on each request.

``test_openapi_properties.py`` sends values that mean something; this one reads the document independently.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings

from airflow_provider_sqlflow.api.app import OPERATIONS, PREFIXES
from airflow_provider_sqlflow.api.openapi import build_document
from tests.api.server_process import RunningServer

schemathesis = pytest.importorskip("schemathesis", reason="there is no schemathesis for Python 3.10")

from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    response_schema_conformance,
    status_code_conformance,
)

pytestmark = pytest.mark.slow

SCHEMA = schemathesis.openapi.from_dict(build_document(OPERATIONS, PREFIXES))
SCHEMA.config.phases.coverage.enabled = False  # it would be made for all operations at each collection
NEW_KEY = "/user/generateSecretKey"
"""Ends the token of whoever asks."""


@pytest.fixture(scope="module")
def login(running_server: RunningServer) -> dict[str, str]:
    user, secret = running_server.new_user()
    answer = httpx.post(
        f"{running_server.url}/user/generateToken", data={"userId": user, "secretKey": secret}
    )
    return {"userId": user, "token": answer.json()["token"]}


@SCHEMA.parametrize()
@settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_server(
    case: Any, running_server: RunningServer, login: dict[str, str]
) -> None:
    if case.path != NEW_KEY:
        case.query = {**(case.query or {}), **login}
        if isinstance(case.body, dict):
            case.body = {**case.body, **login}
    case.call_and_validate(
        base_url=running_server.url,
        checks=[not_a_server_error, status_code_conformance, response_schema_conformance],
    )
