"""DDL that a user leaves with the server, for each dialect: later queries know its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from airflow_provider_sqlflow.api.accounts import check_name
from airflow_provider_sqlflow.errors import AccountLimitError
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.packing import pack, unpack
from airflow_provider_sqlflow.jobs.store.tables import user_schema

MAX_FILES = 500
"""How many files a user keeps, of all dialects."""

MAX_BYTES = 50 * 1024 * 1024
"""How many bytes of text they have together."""

_ADVISORY_LOCK = 5_772_156_651


@dataclass(frozen=True, slots=True)
class UserSchema:
    """A file of DDL.

    Attributes:
        dialect: the engine's name of the SQL dialect.
        name: of the file.
        size: bytes of text.
        changed_at: when it was saved last.
    """

    dialect: str
    name: str
    size: int
    changed_at: datetime


class UserSchemas:
    """Files of DDL by user and dialect, in the store. All methods raise ``StoreUnavailableError``.

    Args:
        database: of the store, its schema up to date.
        clock: gives the time now.
        max_files: how many a user keeps.
        max_bytes: how many bytes of text a user keeps.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime] = utc_now,
        *,
        max_files: int = MAX_FILES,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._database = database
        self._clock = clock
        self._max_files = max_files
        self._max_bytes = max_bytes

    def save(self, owner: str, dialect: str, name: str, text: str) -> UserSchema:
        """Keep a file, in place of one of the same name and dialect.

        Raises:
            InvalidAccountError: the name cannot be a file's.
            AccountLimitError: the user would have too many files, or too much text; nothing changes.
        """
        check_name(name, "file name")
        saved = UserSchema(dialect, name, len(text.encode("utf-8", "surrogatepass")), self._clock())
        values = {
            "owner": owner,
            **asdict(saved),
            "text": pack(text),
        }
        self._database.write(lambda connection: self._replace(connection, values), repeatable=True)
        return saved

    def remove(self, owner: str, dialect: str, name: str) -> bool:
        """Forget a file; whether it was there."""
        statement = delete(user_schema).where(
            user_schema.c.owner == owner,
            user_schema.c.dialect == dialect,
            user_schema.c.name == name,
        )
        return self._database.write(lambda connection: connection.execute(statement).rowcount > 0)

    def list(self, owner: str, dialect: str | None = None) -> tuple[UserSchema, ...]:
        """A user's files by dialect and name, of all dialects unless told."""
        query = select(
            user_schema.c.dialect, user_schema.c.name, user_schema.c.size, user_schema.c.changed_at
        ).where(user_schema.c.owner == owner)
        if dialect is not None:
            query = query.where(user_schema.c.dialect == dialect)
        rows = self._database.read(lambda connection: connection.execute(query).mappings().all())
        return tuple(sorted((UserSchema(**row) for row in rows), key=lambda file: (file.dialect, file.name)))

    def texts(self, owner: str, dialect: str) -> dict[str, str]:
        """The text of each file of a dialect by its name, in order of names."""
        query = select(user_schema.c.name, user_schema.c.text).where(
            user_schema.c.owner == owner, user_schema.c.dialect == dialect
        )
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return {name: unpack(packed) for name, packed in sorted(map(tuple, rows))}

    def _replace(self, connection: Connection, values: dict[str, Any]) -> None:
        if connection.dialect.name == "postgresql":  # or two at once may pass the limits together
            connection.execute(select(func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        names = ("owner", "dialect", "name")
        connection.execute(delete(user_schema).where(*(user_schema.c[key] == values[key] for key in names)))
        query = select(func.count(), func.coalesce(func.sum(user_schema.c.size), 0))
        files, size = connection.execute(query.where(user_schema.c.owner == values["owner"])).one()
        if files + 1 > self._max_files:
            raise AccountLimitError(f"a user keeps at most {self._max_files} files of DDL; delete some first")
        if size + values["size"] > self._max_bytes:
            raise AccountLimitError(
                f"a user keeps at most {self._max_bytes} bytes of DDL, and {values['name']!r} would make it "
                f"{size + values['size']}; delete some first"
            )
        connection.execute(user_schema.insert().values(values))
