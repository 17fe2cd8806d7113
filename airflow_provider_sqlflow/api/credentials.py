"""Who gives tokens and secret keys, when it is not Airflow (``plugins/api.py``).

Facts: reference sqlflow-api, section 3.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from airflow_provider_sqlflow.api.accounts import Accounts
from airflow_provider_sqlflow.api.context import Caller
from airflow_provider_sqlflow.api.tokens import Tokens
from airflow_provider_sqlflow.api.workers import BUSY
from airflow_provider_sqlflow.errors import AccessDeniedError, RequestError, ServerBusyError

UNUSED_TOKEN = "token"  # noqa: S105  # the documented word where no token is asked for
"""What clients send where tokens are not asked for (reference sqlflow-api, section 1.3)."""

_CHECKS = threading.BoundedSemaphore(2)
"""A check takes 50 ms and 16 MiB on purpose: who tries many keys waits in a line of his own making."""

_CHECK_SECONDS = 5.0
"""How long anybody waits in it."""


@dataclass(frozen=True, slots=True)
class KeptCredentials:
    """Those of our own accounts."""

    accounts: Accounts
    tokens: Tokens

    def issue_token(self, user_id: str, secret_key: str) -> str:
        """See the protocol."""
        if not _CHECKS.acquire(timeout=_CHECK_SECONDS):
            raise ServerBusyError(BUSY)
        try:
            account = self.accounts.check(user_id, secret_key)
        finally:
            _CHECKS.release()
        if account is None:
            raise AccessDeniedError("userId or secretKey is not valid")
        return self.tokens.issue(account)

    def new_secret_key(self, caller: Caller) -> str:
        """See the protocol."""
        return self.accounts.new_secret_key(caller.id)


@dataclass(frozen=True, slots=True)
class NoCredentials:
    """A server that asks for no token."""

    def issue_token(self, user_id: str, secret_key: str) -> str:
        """See the protocol."""
        return UNUSED_TOKEN

    def new_secret_key(self, caller: Caller) -> str:
        """See the protocol."""
        raise RequestError("this server asks for no token, so there are no secret keys")
