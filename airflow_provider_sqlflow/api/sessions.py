"""Sessions: results of queries that are no jobs, kept for a while for further questions about them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select, update

from airflow_provider_sqlflow.api.bounds import USE_NOTED_EVERY, drop_beyond
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.packing import pack_bytes, unpack_bytes
from airflow_provider_sqlflow.jobs.store.rows import insert_new
from airflow_provider_sqlflow.jobs.store.tables import session

MAX_SESSIONS = 200
"""How many a user has; the oldest leave first."""

MAX_BYTES = 256 * 1024 * 1024
"""How much they take, packed, for one user."""

_ID_BYTES = 32
_ID = re.compile(r"[0-9a-f]{64}_[0-9]{1,15}", re.ASCII)
_CLEANED_EVERY = timedelta(minutes=10)


class Sessions:
    """Results kept for users, in the store. All methods raise ``StoreUnavailableError``.

    Args:
        database: of the store, its schema up to date.
        life: how long a session lasts after its last use.
        clock: gives the time now.
        max_sessions: how many a user has.
        max_bytes: how much a user's sessions take, packed.
    """

    def __init__(
        self,
        database: Database,
        life: timedelta = timedelta(hours=24),
        clock: Callable[[], datetime] = utc_now,
        *,
        max_sessions: int = MAX_SESSIONS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._database = database
        self._life = life
        self._clock = clock
        self._max_sessions = max_sessions
        self._max_bytes = max_bytes
        self._clean_at: datetime | None = None

    def keep(self, owner: str, payload: bytes) -> str:
        """Keep a result; its session id, which nobody can guess."""
        now = self._clock()
        session_id = f"{secrets.token_hex(_ID_BYTES)}_{int(now.timestamp() * 1000)}"
        packed = pack_bytes(payload)
        values = {
            "id": session_id,
            "owner": owner,
            "expires_at": now + self._life,
            "size": len(packed),
            "payload": packed,
        }
        self._database.write(lambda connection: self._insert(connection, values), repeatable=True)
        if self._clean_at is None or now >= self._clean_at:
            self._clean_at = now + _CLEANED_EVERY
            self.clean()
        return session_id

    def find(self, session_id: str, owner: str) -> bytes | None:
        """What was kept, for another while; ``None`` if unknown, over, or another user's."""
        if not _ID.fullmatch(session_id):
            return None
        now = self._clock()
        is_it = (
            session.c.id == session_id,
            session.c.owner == owner,
            session.c.expires_at > now,
        )
        query = select(session.c.expires_at, session.c.payload).where(*is_it)
        row = self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        expires_at = now + self._life
        if expires_at - row.expires_at >= USE_NOTED_EVERY:
            prolong = update(session).where(*is_it).values(expires_at=expires_at)
            self._database.write(lambda connection: connection.execute(prolong), repeatable=True)
        return unpack_bytes(row.payload)

    def remove(self, session_id: str, owner: str) -> None:
        """Forget a session, if it is there and the user's."""
        if _ID.fullmatch(session_id):
            statement = delete(session).where(session.c.id == session_id, session.c.owner == owner)
            self._database.write(lambda connection: connection.execute(statement), repeatable=True)

    def clean(self) -> int:
        """Remove the sessions that are over; how many. :meth:`keep` does so now and then."""
        statement = delete(session).where(session.c.expires_at <= self._clock())
        return self._database.write(
            lambda connection: connection.execute(statement).rowcount, repeatable=True
        )

    def _insert(self, connection: Connection, values: dict[str, Any]) -> None:
        connection.execute(insert_new(connection, session).values(values))
        drop_beyond(
            connection,
            session,
            session.c.owner == values["owner"],
            order=(session.c.number.desc(),),
            max_rows=self._max_sessions,
            max_bytes=self._max_bytes,
        )
