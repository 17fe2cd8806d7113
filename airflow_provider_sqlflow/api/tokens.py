"""Tokens: what a user shows with each call in place of the secret key. Signed, and good for a time."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from airflow_provider_sqlflow.api.accounts import Account, Accounts
from airflow_provider_sqlflow.errors import ExpiredTokenError, InvalidTokenError
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.rows import insert_new
from airflow_provider_sqlflow.jobs.store.tables import server_key

_ALGORITHM = "HS256"
_KEY_NAME = "token"
_KEY_BYTES = 32
_KEPT = select(server_key.c.value).where(server_key.c.name == _KEY_NAME)
_KEY_VERSION = "ver"
_MAX_TOKEN = 8192  # the longest user id gives less


class Tokens:
    """Gives tokens and tells whose they are. Both raise ``StoreUnavailableError``.

    Args:
        database: of the store, its schema up to date.
        accounts: the users.
        hours: how long a token is good; 0 or less: until the user's secret key changes.
        key: what signs; empty: a random key in the store, which all processes share.
        clock: gives the time now.
    """

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        hours: int = 24,
        key: str = "",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._life = timedelta(hours=hours) if hours > 0 else None
        self._key = key
        self._clock = clock

    def issue(self, account: Account) -> str:
        """A token for a user."""
        import jwt

        now = int(self._clock().timestamp())
        claims = {"sub": account.id, "iat": now, _KEY_VERSION: account.key_version}
        if self._life is not None:
            claims["exp"] = now + int(self._life.total_seconds())
        return jwt.encode(claims, self._signing_key(), algorithm=_ALGORITHM)

    def account_of(self, token: str) -> Account:
        """The user whom a token was given to.

        Raises:
            InvalidTokenError: none of ours, or its user or secret key is gone; the message is the same.
            ExpiredTokenError: its time is over.
        """
        claims = self._claims(token)
        if self._has_expired(claims):
            raise ExpiredTokenError("the token has expired; ask for another one")
        account = self._accounts.find(claims["sub"])
        if account is None or account.key_version != claims[_KEY_VERSION]:
            raise _invalid()
        return account

    def _claims(self, token: str) -> dict[str, Any]:
        """What the token says, once its signature is known to be ours."""
        import jwt

        if len(token) > _MAX_TOKEN or not token.isascii():
            raise _invalid()
        try:
            # Times are looked at later, by our clock.
            claims = jwt.decode(
                token,
                self._signing_key(),
                algorithms=[_ALGORITHM],
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "require": ["sub", "iat", _KEY_VERSION],
                },
            )
        except jwt.InvalidTokenError:
            raise _invalid() from None
        # Somebody else may sign with a key that was given to both.
        if not all(isinstance(claims.get(name, 0), int) for name in ("iat", "exp", _KEY_VERSION)):
            raise _invalid()
        return claims

    def _has_expired(self, claims: dict[str, Any]) -> bool:
        """By what the token says and by what holds now: a shorter time counts for older tokens, too."""
        now = self._clock().timestamp()
        is_over: bool = "exp" in claims and now >= claims["exp"]
        return is_over or (self._life is not None and now >= claims["iat"] + self._life.total_seconds())

    def _signing_key(self) -> str:
        if not self._key:
            kept = self._database.read(lambda connection: connection.execute(_KEPT).scalar())
            self._key = kept or self._database.write(_make_key, repeatable=True)
        return self._key


def _make_key(connection: Connection) -> str:
    """The store's key. Whoever comes first makes it; all others wait, and find that one."""
    fresh = secrets.token_hex(_KEY_BYTES)
    connection.execute(insert_new(connection, server_key).values(name=_KEY_NAME, value=fresh))
    return str(connection.execute(_KEPT).scalar_one())


def _invalid() -> InvalidTokenError:
    return InvalidTokenError("the token is not valid")
