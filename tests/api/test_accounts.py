"""Users and their secret keys, in the store."""

from __future__ import annotations

import hashlib
import logging
import threading
from datetime import datetime, timezone
from typing import Any

import pytest
from sqlalchemy import text

from airflow_provider_sqlflow.api import secret_keys
from airflow_provider_sqlflow.api.accounts import Account, Accounts
from airflow_provider_sqlflow.errors import (
    AccountExistsError,
    AccountNotFoundError,
    InvalidAccountError,
    SqlFlowError,
    StoreUnavailableError,
)
from airflow_provider_sqlflow.jobs.store.database import Database
from tests.api.conftest import Clock
from tests.jobs.factories import START

IDS = [
    "ann",
    "auth0|5f",
    "gudu|0123456789",
    "ann@example.com",
    "Zoë Müller",
    "李四",
    "x" * 255,
    "a/../b",
    "' --",
]
NO_IDS = ["", " ", "x" * 256, "a\0", "a\nb", "\tann", "ann ", "a\u202eb", "zero\u200bwidth", "half\ud800"]


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, clock)


def rows(database: Database, table: str) -> list[str]:
    """All that a table holds, as text."""
    with database.reading() as connection:
        return [str(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {table}"))]


@pytest.mark.parametrize("user_id", IDS)
def test_a_user_is_found_under_any_text_that_can_be_seen(accounts: Accounts, user_id: str) -> None:
    key = accounts.add(user_id, "ann@example.com")
    found = accounts.find(user_id)
    assert found is not None
    assert (found.id, found.email, found.created_at) == (user_id, "ann@example.com", START)
    assert accounts.check(user_id, key) == found
    assert accounts.list() == (found,)


@pytest.mark.parametrize("user_id", NO_IDS)
def test_what_cannot_be_an_id(accounts: Accounts, user_id: str) -> None:
    with pytest.raises(InvalidAccountError, match="is no user id: it has 1 to 255 characters") as caught:
        accounts.add(user_id)
    assert str(caught.value).isprintable(), "nothing of it breaks a line of a log"
    assert accounts.find(user_id) is None
    assert accounts.check(user_id, "key") is None
    with pytest.raises(AccountNotFoundError):
        accounts.new_secret_key(user_id)
    with pytest.raises(AccountNotFoundError):
        accounts.remove(user_id)
    assert accounts.list() == ()


def test_what_cannot_be_an_address(accounts: Accounts) -> None:
    with pytest.raises(InvalidAccountError, match="is no email address"):
        accounts.add("ann", "ann@example.com\r\nBcc: all")
    assert accounts.list() == ()


def test_ids_compare_with_their_case(accounts: Accounts) -> None:
    key = accounts.add("ann")
    accounts.add("Ann")
    assert accounts.check("Ann", key) is None
    assert [account.id for account in accounts.list()] == ["Ann", "ann"]


def test_only_the_right_key_of_the_right_user_opens(accounts: Accounts) -> None:
    ann, bob = accounts.add("ann"), accounts.add("bob")
    assert accounts.check("ann", ann) is not None
    for user_id, key in (
        ("ann", bob),
        ("bob", ann),
        ("ann", ""),
        ("ann", ann[:-1]),
        ("ann", ann.upper()),
        ("ann", ann + "\0"),
        ("ann", "\ud800"),
        ("eve", ann),
        ("", ann),
    ):
        assert accounts.check(user_id, key) is None, (user_id, key)


def test_a_user_is_added_once(accounts: Accounts) -> None:
    key = accounts.add("ann", "first")
    with pytest.raises(AccountExistsError, match="there is a user 'ann' already"):
        accounts.add("ann", "second")
    found = accounts.check("ann", key)
    assert found is not None
    assert found.email == "first"


def test_a_new_key_ends_the_old_one(accounts: Accounts) -> None:
    old = accounts.add("ann")
    before = accounts.find("ann")
    new = accounts.new_secret_key("ann")
    assert new != old
    assert accounts.check("ann", old) is None
    after = accounts.check("ann", new)
    assert before is not None
    assert after is not None
    assert after.key_version != before.key_version
    with pytest.raises(AccountNotFoundError, match="there is no user 'bob'"):
        accounts.new_secret_key("bob")


def test_a_user_who_comes_back_has_another_key_and_version(accounts: Accounts) -> None:
    key = accounts.add("ann")
    before = accounts.find("ann")
    accounts.remove("ann")
    assert accounts.find("ann") is None
    assert accounts.check("ann", key) is None
    with pytest.raises(AccountNotFoundError):
        accounts.remove("ann")
    accounts.add("ann")
    after = accounts.find("ann")
    assert accounts.check("ann", key) is None
    assert before is not None
    assert after is not None
    assert after.key_version != before.key_version


def test_the_store_holds_no_secret_key(accounts: Accounts, database: Database) -> None:
    keys = [accounts.add("ann"), accounts.add("bob"), accounts.new_secret_key("bob")]
    kept = "".join(rows(database, "sqlflow_user"))
    assert "scrypt$16384$8$1$" in kept
    for key in keys:
        assert len(key) == 64
        assert key not in kept
        assert hashlib.sha256(key.encode()).hexdigest() not in kept


def test_the_same_key_has_another_hash_each_time() -> None:
    first, second = secret_keys.hashed("key"), secret_keys.hashed("key")
    assert first != second
    assert secret_keys.is_of("key", first)
    assert secret_keys.is_of("key", second)
    assert not secret_keys.is_of("other", first)
    assert not any(secret_keys.is_of(key, secret_keys.NOBODY) for key in ("", "key"))


@pytest.mark.parametrize("user_id", ["ann", "eve", "", "a\0b"])
def test_each_check_is_the_same_work(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch, user_id: str
) -> None:
    accounts.add("ann")
    costs: list[dict[str, Any]] = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, **options: Any) -> bytes:
        costs.append({name: len(value) if name == "salt" else value for name, value in options.items()})
        return scrypt(password, **options)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    assert accounts.check(user_id, "wrong") is None
    assert costs == [{"salt": 16, "n": 16384, "r": 8, "p": 1, "maxmem": 2**25}]


def test_secrets_are_in_no_message_and_no_log(accounts: Accounts, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        keys = [accounts.add("ann"), accounts.new_secret_key("ann")]
        accounts.check("ann", keys[0])
        accounts.check("ann", keys[1])
        with pytest.raises(SqlFlowError) as caught:
            accounts.add("ann")
    shown = f"{caplog.text}{caught.value!r}{accounts!r}{accounts.list()!r}{vars(accounts)!r}"
    assert "ann" in shown
    assert not [key for key in keys if key in shown]
    assert "scrypt" not in shown


def test_a_store_that_is_gone_says_so_without_the_key(tmp_path: Any) -> None:
    database = Database(f"sqlite:///{tmp_path}/none/jobs.db", retry_seconds=0)
    with pytest.raises(StoreUnavailableError) as caught:
        Accounts(database).add("ann")
    assert "scrypt" not in f"{caught.value!r}{caught.value.__cause__!r}"
    database.close()


def test_of_many_who_add_a_user_at_once_one_gets_the_key_that_works(database: Database) -> None:
    accounts = Accounts(database)
    outcomes: list[str | Exception] = []
    ready = threading.Barrier(6)

    def work() -> None:
        ready.wait()
        try:
            outcomes.append(accounts.add("ann"))
        except AccountExistsError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (key,) = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(outcomes) == 6
    assert accounts.check("ann", key) is not None


def test_an_account_is_a_plain_value() -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert repr(Account("ann", "", at, 7)).startswith("Account(id='ann', email='', created_at=")
