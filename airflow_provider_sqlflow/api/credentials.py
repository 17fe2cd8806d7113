"""Who gives tokens and secret keys, when it is not Airflow (``plugins/api.py``).

Facts: reference sqlflow-api, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_sqlflow.api.accounts import Accounts
from airflow_provider_sqlflow.api.context import Caller
from airflow_provider_sqlflow.api.tokens import Tokens
from airflow_provider_sqlflow.errors import AccessDeniedError, RequestError

UNUSED_TOKEN = "token"  # noqa: S105  # the documented word where no token is asked for
"""What clients send where tokens are not asked for (reference sqlflow-api, section 1.3)."""


@dataclass(frozen=True, slots=True)
class KeptCredentials:
    """Those of our own accounts."""

    accounts: Accounts
    tokens: Tokens

    def issue_token(self, user_id: str, secret_key: str) -> str:
        """See the protocol."""
        account = self.accounts.check(user_id, secret_key)
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
