"""The server's users. Their secret keys are shown once, when they are made, and kept as hashes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select, update

from airflow_provider_sqlflow.api import secret_keys
from airflow_provider_sqlflow.errors import AccountExistsError, AccountNotFoundError, InvalidAccountError
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.rows import insert_new
from airflow_provider_sqlflow.jobs.store.tables import session, user, user_schema

MAX_NAME = 255
"""Characters that an id, an address or the name of a file may have."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user.

    Attributes:
        id: opaque text.
        email: empty where unknown.
        created_at: when the user was added.
        key_version: number of the secret key; a new key has another one, and ends tokens of the old.
    """

    id: str
    email: str
    created_at: datetime
    key_version: int


class Accounts:
    """The users of a server, in the store. All methods raise ``StoreUnavailableError``.

    Args:
        database: of the store, its schema up to date.
        clock: gives the time now.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    def add(self, user_id: str, email: str = "") -> str:
        """Add a user.

        Returns:
            The secret key, which cannot be had again.

        Raises:
            InvalidAccountError: the id or the address cannot be one.
            AccountExistsError: there is a user with this id.
        """
        check_name(user_id, "user id")
        if email:
            check_name(email, "email address")
        key = secret_keys.new_key()
        values = {"id": user_id, "email": email, "created_at": self._clock(), **_key_values(key)}
        # Done twice, the second time finds the row of the first by its random salt.
        if not self._database.write(lambda connection: _insert(connection, values), repeatable=True):
            raise AccountExistsError(f"there is a user {user_id!r} already")
        return key

    def new_secret_key(self, user_id: str) -> str:
        """Give a user another secret key. The old one and all tokens that were given for it stop working.

        Raises:
            AccountNotFoundError: no such user.
        """
        key = secret_keys.new_key()
        statement = update(user).where(user.c.id == user_id).values(_key_values(key))
        is_known = can_be_name(user_id) and self._database.write(
            lambda connection: connection.execute(statement).rowcount, repeatable=True
        )
        if not is_known:
            raise _not_found(user_id)
        return key

    def remove(self, user_id: str) -> None:
        """Remove a user, with the sessions and the DDL kept for them; their tokens stop working.

        Jobs stay: whoever is added under the same id sees them.

        Raises:
            AccountNotFoundError: no such user.
        """
        if not can_be_name(user_id) or not self._database.write(
            lambda connection: _delete(connection, user_id)
        ):
            raise _not_found(user_id)

    def list(self) -> tuple[Account, ...]:
        """All users, by id."""
        rows = self._database.read(lambda connection: connection.execute(select(user)).mappings().all())
        # Not by the database: each has an order of its own.
        return tuple(sorted(map(_account, rows), key=lambda account: account.id))

    def find(self, user_id: str) -> Account | None:
        """The user with this id."""
        row = self._find(user_id)
        return None if row is None else _account(row)

    def check(self, user_id: str, secret_key: str) -> Account | None:
        """The user, if the secret key is theirs. An unknown user costs the same work as a wrong key."""
        row = self._find(user_id)
        is_right = secret_keys.is_of(secret_key, secret_keys.NOBODY if row is None else row["secret_hash"])
        return _account(row) if row is not None and is_right else None

    def _find(self, user_id: str) -> RowMapping | None:
        if not can_be_name(user_id):  # not every database could even compare it
            return None
        query = select(user).where(user.c.id == user_id)
        return self._database.read(lambda connection: connection.execute(query).mappings().first())


def can_be_name(text: str) -> bool:
    """Whether text can be an id, an address or the name of a file: short, and all of it can be seen."""
    return 0 < len(text) <= MAX_NAME and text.isprintable() and text == text.strip()


def check_name(text: str, what: str) -> None:
    """Refuse what :func:`can_be_name` does not allow.

    Raises:
        InvalidAccountError: with ``what`` in its message.
    """
    if not can_be_name(text):
        raise InvalidAccountError(
            f"{text[:MAX_NAME]!r} is no {what}: it has 1 to {MAX_NAME} characters, none of them invisible, "
            "and neither begins nor ends with a space"
        )


def _insert(connection: Connection, values: dict[str, Any]) -> bool:
    connection.execute(insert_new(connection, user).values(values))
    kept = connection.execute(select(user.c.secret_hash).where(user.c.id == values["id"])).scalar_one()
    return bool(kept == values["secret_hash"])


def _delete(connection: Connection, user_id: str) -> int:
    for table in (session, user_schema):
        connection.execute(delete(table).where(table.c.owner == user_id))
    return connection.execute(delete(user).where(user.c.id == user_id)).rowcount


def _key_values(key: str) -> dict[str, Any]:
    return {"secret_hash": secret_keys.hashed(key), "key_version": secret_keys.new_version()}


def _account(row: RowMapping) -> Account:
    return Account(row["id"], row["email"], row["created_at"], row["key_version"])


def _not_found(user_id: str) -> AccountNotFoundError:
    return AccountNotFoundError(f"there is no user {user_id[:MAX_NAME]!r}")
