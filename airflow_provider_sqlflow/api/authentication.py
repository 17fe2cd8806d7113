"""Whose request it is, when our own accounts decide. Airflow decides otherwise (``plugins/api.py``).

Facts: reference sqlflow-api, section 1.3. The token stands in the parameter ``token``, or in the header
``Authorization`` (bare, or after ``Bearer`` or ``Token``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request

from airflow_provider_sqlflow.api.context import Caller
from airflow_provider_sqlflow.api.reading import Given
from airflow_provider_sqlflow.api.tokens import Tokens
from airflow_provider_sqlflow.errors import AccessDeniedError

NO_TOKEN_USER = "gudu|0123456789"  # noqa: S105  # an account, no secret
"""Account of requests that name none, where tokens are not asked for."""

_SCHEMES = ("bearer", "token")


@dataclass(frozen=True, slots=True)
class TokenAuthentication:
    """Asks for a token; ``userId`` must be the token's account."""

    tokens: Tokens

    async def __call__(self, request: Request, given: Given) -> Caller:
        """The account.

        Raises:
            AccessDeniedError: there is no token, or it is not the account's.
        """
        user = given.values.get("userId") or given.values.get("userid") or ""
        token = given.values.get("token") or token_of_header(request)
        if not token:
            raise AccessDeniedError("no token: get one with /user/generateToken, and send userId and token")
        account = await asyncio.to_thread(self.tokens.account_of, token)
        if user and user != account.id:
            raise AccessDeniedError("userId is not valid: the token belongs to another account")
        return Caller(account.id)


@dataclass(frozen=True, slots=True)
class NoAuthentication:
    """Believes ``userId``: the documented on-premise mode without token.

    Web pages of others, which a browser on this machine shows, must not get in: a request has to name this
    machine, and one that a page sends has to come from a page of this server.
    """

    async def __call__(self, request: Request, given: Given) -> Caller:
        """The account that the request names.

        Raises:
            AccessDeniedError: the request came by another name of the server, or from another's page.
        """
        if not is_loopback(_host_of(f"//{request.headers.get('host', '')}")):
            raise AccessDeniedError("without tokens, the server answers on its loopback address only")
        origin = request.headers.get("origin")
        is_foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host")
        if is_foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise AccessDeniedError("requests of other web pages are not answered")
        return Caller(given.values.get("userId") or given.values.get("userid") or NO_TOKEN_USER)


def _host_of(url: str) -> str:
    """The host of a URL; empty where it has none, or is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def token_of_header(request: Request) -> str:
    """The token in ``Authorization``; empty without one."""
    said = request.headers.get("authorization", "").strip()
    scheme, _, rest = said.partition(" ")
    return rest.strip() if scheme.lower() in _SCHEMES else said


def is_loopback(host: str) -> bool:
    """Whether only this machine is reached by a name or address."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
