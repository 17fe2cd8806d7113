"""Tokens: whose they are, when they end, and what is none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import multiprocessing
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from airflow_provider_sqlflow.api.accounts import Account, Accounts
from airflow_provider_sqlflow.api.tokens import Tokens
from airflow_provider_sqlflow.errors import ExpiredTokenError, InvalidTokenError, TokenError
from airflow_provider_sqlflow.jobs.store.database import Database
from tests.api.conftest import Clock
from tests.jobs.factories import START

KEY = "a key of the operator's own, long enough"


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, clock)


@pytest.fixture
def tokens(database: Database, accounts: Accounts, clock: Clock) -> Tokens:
    return Tokens(database, accounts, clock=clock)


@pytest.fixture
def ann(accounts: Accounts) -> Account:
    accounts.add("ann")
    found = accounts.find("ann")
    assert found is not None
    return found


def signing_key(database: Database) -> str:
    with database.reading() as connection:
        return str(connection.execute(text("SELECT value FROM sqlflow_server_key")).scalar_one())


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpart(encoded: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def refuse(tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidTokenError) as caught:
        tokens.account_of(token)
    assert str(caught.value) == "the token is not valid", "whatever the reason is"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_token_names_its_user_for_a_day(tokens: Tokens, ann: Account, clock: Clock) -> None:
    token = tokens.issue(ann)
    head, claims, _signature = token.split(".")
    second = int(START.timestamp())
    assert unpart(head) == {"alg": "HS256", "typ": "JWT"}
    assert unpart(claims) == {"sub": "ann", "iat": second, "exp": second + 86400, "ver": ann.key_version}
    assert tokens.account_of(token) == ann
    clock.move(hours=23, minutes=59, seconds=58)
    assert tokens.account_of(token) == ann
    clock.move(seconds=2)
    with pytest.raises(ExpiredTokenError, match="the token has expired; ask for another one"):
        tokens.account_of(token)
    assert tokens.account_of(tokens.issue(ann)) == ann


@pytest.mark.parametrize("hours", [0, -1])
def test_tokens_that_never_expire(
    database: Database, accounts: Accounts, ann: Account, clock: Clock, hours: int
) -> None:
    endless = Tokens(database, accounts, hours, clock=clock)
    token = endless.issue(ann)
    assert "exp" not in unpart(token.split(".")[1])
    clock.move(days=36500)
    assert endless.account_of(token) == ann
    accounts.new_secret_key("ann")
    refuse(endless, token)


def test_a_shorter_time_holds_for_tokens_that_are_out(
    database: Database, accounts: Accounts, ann: Account, clock: Clock
) -> None:
    given = [Tokens(database, accounts, hours, clock=clock).issue(ann) for hours in (0, 24, 1)]
    clock.move(hours=2)
    short = Tokens(database, accounts, 1, clock=clock)
    for token in given:
        with pytest.raises(ExpiredTokenError):
            short.account_of(token)
    endless = Tokens(database, accounts, 0, clock=clock)
    assert [endless.account_of(token) for token in given[:2]] == [ann, ann]
    with pytest.raises(ExpiredTokenError):
        endless.account_of(given[2])


def test_the_longest_user_id_has_a_token(tokens: Tokens, accounts: Accounts) -> None:
    user_id = "\N{GRINNING FACE}" * 255
    accounts.add(user_id)
    account = accounts.find(user_id)
    assert account is not None
    assert tokens.account_of(tokens.issue(account)) == account


def test_tokens_end_with_their_key_and_their_user(tokens: Tokens, accounts: Accounts, ann: Account) -> None:
    first = tokens.issue(ann)
    accounts.new_secret_key("ann")
    refuse(tokens, first)
    renewed = accounts.find("ann")
    assert renewed is not None
    second = tokens.issue(renewed)
    assert tokens.account_of(second) == renewed
    accounts.remove("ann")
    refuse(tokens, second)
    accounts.add("ann")
    refuse(tokens, first)
    refuse(tokens, second)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_token_that_was_changed_anywhere(
    tokens: Tokens, accounts: Accounts, ann: Account, place: int
) -> None:
    accounts.add("bob")
    parts = tokens.issue(ann).split(".")
    bytes_ = bytearray(base64.urlsafe_b64decode(parts[place] + "=="))
    for at in range(0, len(bytes_), 5):
        changed = bytes_.copy()
        changed[at] ^= 1
        refuse(tokens, ".".join([*parts[:place], part(bytes(changed)), *parts[place + 1 :]]))
    refuse(tokens, ".".join([*parts[:place], "", *parts[place + 1 :]]))
    refuse(tokens, ".".join(parts[:place] + parts[place + 1 :]))


def test_claims_of_another_user_under_the_same_signature(
    tokens: Tokens, accounts: Accounts, ann: Account
) -> None:
    accounts.add("bob")
    bob = accounts.find("bob")
    assert bob is not None
    head, _, signature = tokens.issue(ann).split(".")
    refuse(tokens, f"{head}.{tokens.issue(bob).split('.')[1]}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", "HS512", "RS256"])
def test_unsigned_tokens_and_other_algorithms(
    database: Database, tokens: Tokens, ann: Account, algorithm: str
) -> None:
    _, claims, signature = tokens.issue(ann).split(".")
    head = part({"alg": algorithm, "typ": "JWT"})
    signed = f"{head}.{claims}".encode()
    key = signing_key(database).encode()
    for last in (
        "",
        signature,
        part(hmac.digest(key, signed, "sha512")),
        part(hmac.digest(key, signed, "sha256")),
    ):
        refuse(tokens, f"{head}.{claims}.{last}")


def test_a_key_in_the_header_is_not_believed(tokens: Tokens, ann: Account) -> None:
    _, claims, _ = tokens.issue(ann).split(".")
    mine = "k" * 32
    jwk = {"kty": "oct", "k": part(mine.encode())}
    for extra in (
        {"jwk": jwk},
        {"jku": "http://127.0.0.1/k"},
        {"kid": "../../dev/null"},
        {"crit": ["x"], "x": 1},
    ):
        refuse(tokens, jwt.encode(unpart(claims), mine, algorithm="HS256", headers=extra))


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": 7},
        {"sub": None},
        {"sub": ["ann"]},
        {"sub": "a\0nn"},
        {"ver": None},
        {"ver": "1"},
        {"ver": 1.5},
        {"ver": True},
        {"iat": "now"},
        {"iat": None},
        {"exp": "never"},
        {"exp": None},
        {"exp": 1e300},
    ],
)
def test_claims_that_we_never_make(
    database: Database, tokens: Tokens, ann: Account, claims: dict[str, Any]
) -> None:
    good = unpart(tokens.issue(ann).split(".")[1])
    head = part({"alg": "HS256", "typ": "JWT"})

    def signed(values: dict[str, Any]) -> str:
        body = f"{head}.{part(values)}"
        return f"{body}.{part(hmac.digest(signing_key(database).encode(), body.encode(), hashlib.sha256))}"

    assert tokens.account_of(signed(good)) == ann, "signed here as it is there"
    refuse(tokens, signed({**good, **claims}))
    (name,) = claims
    if name != "exp":
        refuse(tokens, signed({key: value for key, value in good.items() if key != name}))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "token",
        "a.b.c",
        "é.é.é",
        "\ud800",
        "\0",
        "x" * 10_000,
        *(
            f"{part(head)}.e30.AA"
            for head in (
                b"[" * 5000,
                b'{"alg":' * 800,
                b"7" * 5000,
                [],
                {"alg": []},
                {"alg": "HS256", "kid": 5},
            )
        ),
    ],
    ids=lambda token: ascii(token[:12]),
)
def test_what_is_no_token(tokens: Tokens, token: str) -> None:
    refuse(tokens, token)


def test_a_token_of_another_server(
    tokens: Tokens, database: Database, accounts: Accounts, ann: Account, clock: Clock
) -> None:
    own = Tokens(database, accounts, key=KEY, clock=clock)
    refuse(tokens, own.issue(ann))
    refuse(own, tokens.issue(ann))


def test_a_key_that_is_given_is_not_kept(
    database: Database, accounts: Accounts, ann: Account, clock: Clock
) -> None:
    first, second = (Tokens(database, accounts, key=KEY, clock=clock) for _ in range(2))
    assert second.account_of(first.issue(ann)) == ann
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlflow_server_key")).scalar() == 0


def test_the_key_outlives_the_process(
    database: Database, tokens: Tokens, accounts: Accounts, ann: Account, clock: Clock
) -> None:
    token = tokens.issue(ann)
    assert len(signing_key(database)) == 64
    assert Tokens(database, accounts, clock=clock).account_of(token) == ann


def issue_token(url: str, ready: Any, answers: Any) -> None:
    """What each process of the race below does."""
    database = Database(url)
    accounts = Accounts(database)
    account = accounts.find("ann")
    assert account is not None
    ready.wait()
    answers.put(Tokens(database, accounts).issue(account))
    database.close()


def test_processes_that_start_at_once_agree_on_the_key(
    database: Database, store_url: str, ann: Account
) -> None:
    database.close()
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(3), context.Queue()
    processes = [context.Process(target=issue_token, args=(store_url, ready, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    given = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    answers.close()
    tokens = Tokens(database, Accounts(database))
    assert [tokens.account_of(token).id for token in given] == ["ann"] * 3


def test_secrets_are_in_no_message_and_no_log(
    tokens: Tokens, database: Database, ann: Account, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        token = tokens.issue(ann)
        tokens.account_of(token)
        with pytest.raises(TokenError) as caught:
            tokens.account_of(token + "x")
    key = signing_key(database)
    shown = f"{caplog.text}{caught.value!r}{tokens!r}"
    assert key not in shown
    assert token not in shown
