"""Accounts' keys and tokens. Facts: reference sqlflow-api, section 3."""

from __future__ import annotations

import threading

from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api.envelope import Answer
from airflow_provider_sqlflow.api.operations import Call, Operation
from airflow_provider_sqlflow.api.workers import BUSY
from airflow_provider_sqlflow.errors import AccessDeniedError, RequestError, ServerBusyError

GROUP = "User interface"

UNUSED_TOKEN = "token"  # noqa: S105  # the documented word where no token is asked for
"""What clients send where tokens are not asked for (reference sqlflow-api, section 1.3)."""

_CHECKS = threading.BoundedSemaphore(2)
"""A check takes 50 ms and 16 MiB on purpose: who tries many keys waits in a line of his own making."""

_CHECK_SECONDS = 5.0
"""How long anybody waits in it."""


def generate_token(call: Call[p.CredentialsQuery]) -> Answer:
    """A token for an account and its secret key."""
    parameters, server = call.parameters, call.server
    if not parameters.user_id:
        raise RequestError("userId: is required")
    if server.settings.server_ignore_token:
        return Answer(members={"code": "200", "token": UNUSED_TOKEN})
    if not _CHECKS.acquire(timeout=_CHECK_SECONDS):
        raise ServerBusyError(BUSY)
    try:
        account = server.state.accounts.check(parameters.user_id, parameters.secret_key)
    finally:
        _CHECKS.release()
    if account is None:
        raise AccessDeniedError("userId or secretKey is not valid")
    return Answer(members={"code": "200", "token": server.state.tokens.issue(account)})


def generate_secret_key(call: Call[p.Parameters]) -> Answer:
    """A new secret key for the caller; the one before, and tokens made with it, stop working."""
    if call.server.settings.server_ignore_token:
        raise RequestError("this server asks for no token, so there are no secret keys")
    return Answer({"secretKey": call.server.state.accounts.new_secret_key(call.user)})


OPERATIONS = (
    Operation(
        "/user/generateToken", p.CredentialsQuery, generate_token, "Get a token", GROUP, needs_account=False
    ),
    Operation("/user/generateSecretKey", p.Parameters, generate_secret_key, "Get a new secret key", GROUP),
)
"""The user interface."""
