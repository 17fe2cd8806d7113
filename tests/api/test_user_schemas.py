"""DDL that users leave with the server."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_sqlflow.api.accounts import Accounts
from airflow_provider_sqlflow.api.sessions import Sessions
from airflow_provider_sqlflow.api.user_schemas import UserSchema, UserSchemas
from airflow_provider_sqlflow.errors import AccountLimitError, InvalidAccountError
from airflow_provider_sqlflow.jobs.store.database import Database
from tests.api.conftest import Clock
from tests.jobs.factories import START

DDL = "CREATE TABLE é (a INT)"


@pytest.fixture
def schemas(database: Database, clock: Clock) -> UserSchemas:
    return UserSchemas(database, clock)


def test_files_by_user_and_dialect(schemas: UserSchemas, clock: Clock) -> None:
    saved = schemas.save("ann", "oracle", "b.sql", DDL)
    assert saved == UserSchema("oracle", "b.sql", len(DDL) + 1, START)
    clock.move(minutes=1)
    schemas.save("ann", "oracle", "B.sql", "\ud800\0")
    schemas.save("ann", "", "a.sql", "generic")
    schemas.save("bob", "oracle", "b.sql", "of bob")
    assert [(file.dialect, file.name) for file in schemas.list("ann")] == [
        ("", "a.sql"),
        ("oracle", "B.sql"),
        ("oracle", "b.sql"),
    ]
    assert schemas.list("ann", "oracle")[1] == saved
    assert schemas.list("ann", "hive") == ()
    texts = schemas.texts("ann", "oracle")
    assert list(texts.items()) == [("B.sql", "\ud800\0"), ("b.sql", DDL)]
    assert schemas.texts("ann", "") == {"a.sql": "generic"}
    assert schemas.texts("eve", "oracle") == {}


def test_a_file_is_replaced(schemas: UserSchemas, clock: Clock) -> None:
    schemas.save("ann", "oracle", "a.sql", DDL)
    clock.move(minutes=1)
    saved = schemas.save("ann", "oracle", "a.sql", "")
    assert schemas.list("ann") == (saved,)
    assert (saved.size, saved.changed_at > START) == (0, True)
    assert schemas.texts("ann", "oracle") == {"a.sql": ""}


def test_a_file_is_removed_by_its_user(schemas: UserSchemas) -> None:
    schemas.save("ann", "oracle", "a.sql", DDL)
    assert not schemas.remove("bob", "oracle", "a.sql")
    assert not schemas.remove("ann", "hive", "a.sql")
    assert not schemas.remove("ann", "oracle", "\0")
    assert schemas.remove("ann", "oracle", "a.sql")
    assert not schemas.remove("ann", "oracle", "a.sql")
    assert schemas.list("ann") == ()


@pytest.mark.parametrize("name", ["", "a\0.sql", "a\n.sql", "x" * 256])
def test_names_that_no_file_has(schemas: UserSchemas, name: str) -> None:
    with pytest.raises(InvalidAccountError, match="is no file name"):
        schemas.save("ann", "oracle", name, DDL)


def test_limits_leave_what_was_there(database: Database, clock: Clock) -> None:
    schemas = UserSchemas(database, clock, max_files=2, max_bytes=10)
    schemas.save("ann", "oracle", "a", "1234")
    schemas.save("ann", "hive", "b", "1234")
    with pytest.raises(AccountLimitError, match="a user keeps at most 2 files of DDL"):
        schemas.save("ann", "oracle", "c", "")
    schemas.save("ann", "oracle", "a", "123456")
    with pytest.raises(AccountLimitError, match="at most 10 bytes of DDL, and 'a' would make it 11"):
        schemas.save("ann", "oracle", "a", "1234567")
    assert schemas.texts("ann", "oracle") == {"a": "123456"}
    schemas.save("bob", "oracle", "a", "1234567890")


def test_many_at_once_do_not_pass_the_limit_together(database: Database, clock: Clock) -> None:
    schemas = UserSchemas(database, clock, max_files=3)
    refused: list[AccountLimitError] = []
    ready = threading.Barrier(6)

    def work(number: int) -> None:
        ready.wait()
        try:
            schemas.save("ann", "oracle", f"{number}.sql", DDL)
        except AccountLimitError as error:
            refused.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(schemas.list("ann")), len(refused)) == (3, 3)


def test_what_is_kept_for_a_user_goes_with_the_user(schemas: UserSchemas, database: Database) -> None:
    accounts, sessions = Accounts(database), Sessions(database)
    for user_id in ("ann", "bob"):
        accounts.add(user_id)
        schemas.save(user_id, "oracle", "a.sql", DDL)
    ann, bob = sessions.keep("ann", b"a"), sessions.keep("bob", b"b")
    accounts.remove("ann")
    assert (schemas.list("ann"), sessions.find(ann, "ann")) == ((), None)
    assert (len(schemas.list("bob")), sessions.find(bob, "bob")) == (1, b"b")
