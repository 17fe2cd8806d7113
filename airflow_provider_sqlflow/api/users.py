"""Accounts' keys and tokens. Facts: reference sqlflow-api, section 3."""

from __future__ import annotations

from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import queries as q
from airflow_provider_sqlflow.api.envelope import Answer
from airflow_provider_sqlflow.api.operations import Call, Operation
from airflow_provider_sqlflow.errors import RequestError

GROUP = "User interface"


def generate_token(call: Call[q.CredentialsQuery]) -> Answer:
    """A token for an account and its secret key."""
    parameters = call.parameters
    if not parameters.user_id:
        raise RequestError("userId: is required")
    token = call.server.credentials.issue_token(parameters.user_id, parameters.secret_key)
    return Answer(members={"code": "200", "token": token})


def generate_secret_key(call: Call[p.Parameters]) -> Answer:
    """A new secret key for the caller; the one before, and tokens made with it, stop working."""
    return Answer({"secretKey": call.server.credentials.new_secret_key(call.caller)})


OPERATIONS = (
    Operation(
        "/user/generateToken", q.CredentialsQuery, generate_token, "Get a token", GROUP, needs_account=False
    ),
    Operation("/user/generateSecretKey", p.Parameters, generate_secret_key, "Get a new secret key", GROUP),
)
"""The user interface."""
