"""Answers that were dear to make, such as graphs with their layout, for whoever asks the same again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from airflow_provider_sqlflow.api.bounds import USE_NOTED_EVERY, drop_beyond
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.packing import pack_bytes, unpack_bytes
from airflow_provider_sqlflow.jobs.store.rows import insert_new
from airflow_provider_sqlflow.jobs.store.tables import answer

MAX_ANSWERS = 1000
"""How many are kept; those that nobody used for longest leave first."""

MAX_BYTES = 256 * 1024 * 1024
"""How much they take, packed."""


class AnswerCache:
    """Answers by the digest of all that decides them. All methods raise ``StoreUnavailableError``.

    The digest must name what the asker may see: the cache knows no users.

    Args:
        database: of the store, its schema up to date.
        clock: gives the time now.
        max_answers: how many are kept.
        max_bytes: how much they take, packed. A larger answer is not kept.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime] = utc_now,
        *,
        max_answers: int = MAX_ANSWERS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._database = database
        self._clock = clock
        self._max_answers = max_answers
        self._max_bytes = max_bytes

    def get(self, digest: str) -> bytes | None:
        """The answer kept under a digest (up to 64 characters), if it is still there."""
        query = select(answer.c.used_at, answer.c.payload).where(answer.c.digest == digest)
        row = self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        now = self._clock()
        if now - row.used_at >= USE_NOTED_EVERY:
            note = update(answer).where(answer.c.digest == digest).values(used_at=now)
            self._database.write(lambda connection: connection.execute(note), repeatable=True)
        return unpack_bytes(row.payload)

    def put(self, digest: str, payload: bytes) -> None:
        """Keep an answer. The one that is there under this digest stays: it is the same."""
        packed = pack_bytes(payload)
        if len(packed) <= self._max_bytes:
            values = {"digest": digest, "used_at": self._clock(), "size": len(packed), "payload": packed}
            self._database.write(lambda connection: self._insert(connection, values), repeatable=True)

    def _insert(self, connection: Connection, values: dict[str, Any]) -> None:
        connection.execute(insert_new(connection, answer).values(values))
        drop_beyond(
            connection,
            answer,
            order=(answer.c.used_at.desc(), answer.c.number.desc()),
            max_rows=self._max_answers,
            max_bytes=self._max_bytes,
        )
