"""Sessions: results kept for a while, each for its user only."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from airflow_provider_sqlflow.api.sessions import Sessions
from airflow_provider_sqlflow.jobs.store.database import Database
from tests.api.conftest import Clock
from tests.jobs.factories import START

LIFE = timedelta(hours=24)


@pytest.fixture
def sessions(database: Database, clock: Clock) -> Sessions:
    return Sessions(database, LIFE, clock)


def count(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM sqlflow_session")).scalar_one())


def test_a_result_is_found_again_by_its_user_alone(sessions: Sessions) -> None:
    payload = bytes(range(256)) * 1000
    kept = sessions.keep("ann", payload)
    assert re.fullmatch(r"[0-9a-f]{64}_[0-9]+", kept)
    assert int(kept.partition("_")[2]) == int(START.timestamp() * 1000)
    assert sessions.find(kept, "ann") == payload
    for owner in ("bob", "Ann", "", "ann\0", "\ud800"):
        assert sessions.find(kept, owner) is None
    assert sessions.find(sessions.keep("ann", b""), "ann") == b""


def test_ids_are_never_the_same(sessions: Sessions) -> None:
    assert len({sessions.keep("ann", b"x").partition("_")[0] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "session_id",
    [
        "",
        "x",
        "' OR 1=1 --",
        "\ud800",
        "0" * 64,
        "A" * 64 + "_1",
        *(
            "0" * 64 + end
            for end in ("_", "_1", "_1\0", "_1\n", "_" + "1" * 9999, "_\N{ARABIC-INDIC DIGIT ONE}")
        ),
    ],
    ids=lambda value: ascii(value[-12:]),
)
def test_what_is_no_session(sessions: Sessions, session_id: str) -> None:
    kept = sessions.keep("ann", b"x")
    assert sessions.find(session_id, "ann") is None
    sessions.remove(session_id, "ann")
    assert sessions.find(kept, "ann") == b"x"


def test_a_session_ends_after_its_last_use(sessions: Sessions, clock: Clock, database: Database) -> None:
    used, unused = sessions.keep("ann", b"1"), sessions.keep("ann", b"2")
    clock.move(hours=23)
    assert sessions.find(used, "ann") == b"1"
    assert sessions.find(unused, "bob") is None, "which prolongs nothing"
    clock.move(hours=1)
    assert sessions.find(unused, "ann") is None
    assert sessions.find(used, "ann") == b"1"
    assert sessions.clean() == 1
    clock.move(hours=23, minutes=59)
    assert sessions.find(used, "ann") == b"1"
    clock.move(hours=24)
    assert sessions.find(used, "ann") is None
    assert sessions.clean() == 1
    assert count(database) == 0


def test_a_use_is_written_down_at_most_every_five_minutes(
    sessions: Sessions, clock: Clock, database: Database
) -> None:
    kept = sessions.keep("ann", b"1")
    written: list[str] = []
    event.listen(
        database.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_more: written.append(statement) if "UPDATE" in statement else None,
    )
    clock.move(minutes=4, seconds=59)
    for _ in range(3):
        assert sessions.find(kept, "ann") == b"1"
    assert written == []
    clock.move(seconds=1)
    for _ in range(3):
        assert sessions.find(kept, "ann") == b"1"
    assert len(written) == 1


def test_keeping_cleans_now_and_then(sessions: Sessions, clock: Clock, database: Database) -> None:
    sessions.keep("ann", b"1")
    clock.move(hours=24)
    sessions.keep("bob", b"2")
    assert count(database) == 1, "the one that is over went"
    clock.move(hours=23, minutes=55)
    sessions.keep("bob", b"3")
    clock.move(minutes=5)
    sessions.keep("bob", b"4")
    assert count(database) == 3, "not yet time to look again"
    clock.move(minutes=5)
    sessions.keep("bob", b"5")
    assert count(database) == 3


def test_removing_is_for_the_user_alone(sessions: Sessions) -> None:
    kept = sessions.keep("ann", b"x")
    sessions.remove(kept, "bob")
    assert sessions.find(kept, "ann") == b"x"
    sessions.remove(kept, "ann")
    sessions.remove(kept, "ann")
    assert sessions.find(kept, "ann") is None


def test_a_user_keeps_the_newest(database: Database, clock: Clock) -> None:
    sessions = Sessions(database, LIFE, clock, max_sessions=3)
    other = sessions.keep("bob", b"b")
    kept = [sessions.keep("ann", bytes([number])) for number in range(5)]
    assert [sessions.find(each, "ann") for each in kept] == [None, None, b"\2", b"\3", b"\4"]
    assert sessions.find(other, "bob") == b"b"


def test_a_user_has_so_much_room(database: Database, clock: Clock) -> None:
    sessions = Sessions(database, LIFE, clock, max_bytes=100)
    kept = [sessions.keep("ann", bytes([number])) for number in range(30)]
    with database.reading() as connection:
        size = connection.execute(text("SELECT sum(size) FROM sqlflow_session")).scalar_one()
    assert 80 < size <= 100
    assert sessions.find(kept[-1], "ann") == b"\x1d"
    assert sessions.find(kept[0], "ann") is None
    large = bytes(range(256))
    assert sessions.find(sessions.keep("ann", large), "ann") == large, "the newest stays, however large"
    assert count(database) == 1


def test_processes_share_sessions(sessions: Sessions, store_url: str, clock: Clock) -> None:
    kept = sessions.keep("ann", b"x")
    other = Database(store_url)
    assert Sessions(other, LIFE, clock).find(kept, "ann") == b"x"
    other.close()
