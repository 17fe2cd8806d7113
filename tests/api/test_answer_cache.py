"""The cache of answers: what is used stays, within bounds."""

from __future__ import annotations

import threading
from hashlib import sha256

import pytest
from sqlalchemy import text

from airflow_provider_sqlflow.api.answer_cache import AnswerCache
from airflow_provider_sqlflow.jobs.store.database import Database
from tests.api.conftest import Clock


def digest(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


@pytest.fixture
def cache(database: Database, clock: Clock) -> AnswerCache:
    return AnswerCache(database, clock)


def test_an_answer_is_found_again(cache: AnswerCache) -> None:
    payload = bytes(range(256)) * 100
    assert cache.get(digest(1)) is None
    cache.put(digest(1), payload)
    cache.put(digest(2), b"")
    assert cache.get(digest(1)) == payload
    assert cache.get(digest(2)) == b""
    assert cache.get(digest(3)) is None
    cache.put(digest(1), b"another")
    assert cache.get(digest(1)) == payload


def test_what_nobody_used_for_longest_leaves_first(database: Database, clock: Clock) -> None:
    cache = AnswerCache(database, clock, max_answers=3)
    for number in range(3):
        cache.put(digest(number), bytes([number]))
        clock.move(minutes=10)
    assert cache.get(digest(0)) == b"\0"
    clock.move(seconds=1)
    cache.put(digest(3), b"\3")
    assert [cache.get(digest(number)) for number in range(4)] == [b"\0", None, b"\2", b"\3"]


def test_answers_have_so_much_room(database: Database, clock: Clock) -> None:
    cache = AnswerCache(database, clock, max_bytes=60)
    for number in range(10):
        cache.put(digest(number), bytes([number]))
        clock.move(seconds=1)
    with database.reading() as connection:
        size = connection.execute(text("SELECT sum(size) FROM sqlflow_answer")).scalar_one()
    assert 40 < size <= 60
    assert cache.get(digest(9)) == b"\x09"
    cache.put(digest(10), bytes(range(256)))
    assert cache.get(digest(10)) is None, "too large for the cache"
    assert cache.get(digest(9)) == b"\x09", "and no reason to empty it"


def test_many_put_the_same_and_others_at_once(database: Database) -> None:
    cache = AnswerCache(database, max_answers=4)
    errors: list[Exception] = []
    ready = threading.Barrier(6)

    def work(of: int) -> None:
        ready.wait()
        try:
            for number in range(10):
                cache.put(digest(number * (of % 2 + 1)), b"same")
                assert cache.get(digest(number)) in (None, b"same")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(of,)) for of in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    cache.put(digest(99), b"last")
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM sqlflow_answer")).scalar_one() == 4
