"""The store's tables, for SQLite and PostgreSQL alike.

Names carry a prefix: the database may also hold tables of others. A change here needs a migration
(a test compares the two).
"""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA_REVISION = "0001"
"""The newest migration: what a store must be at for this code."""

VERSION_TABLE = "sqlflow_schema_version"


class UtcDateTime(TypeDecorator[datetime]):
    """Aware times in and out, kept as UTC. SQLite has no zones, so there the zone is added on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(timezone.utc)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the time its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


job = Table(
    "sqlflow_job",
    metadata,
    # A number of our own settles the order of jobs made at the same moment.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),  # casefold() of name: databases fold differently
    Column("dialect", String(64), nullable=False),
    Column("status", String(32), nullable=False),
    Column("owner", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("begin_at", UtcDateTime),
    Column("end_at", UtcDateTime),
    Column("idempotency_key", Text, unique=True),
    Column("digest", String(64), nullable=False),
    Column("request", Text, nullable=False),
    Column("current_file", Text, nullable=False, server_default=""),
    Column("error", Text, nullable=False, server_default=""),
    _count("files_total"),
    _count("files_done"),
    _count("statements"),
    _count("failed_statements"),
    _count("relations"),
    _count("column_edges"),
    _count("diagnostics"),
    _count("input_bytes"),
    Index(None, "created_at", "number"),
    Index(None, "status"),
)

job_tag = Table(
    "sqlflow_job_tag",
    metadata,
    Column("job_id", ForeignKey("sqlflow_job.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "tag"),
)

job_file = Table(
    "sqlflow_job_file",
    metadata,
    Column("job_id", ForeignKey("sqlflow_job.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("status", String(32), nullable=False),
    Column("cause", Text, nullable=False, server_default=""),
    _count("statements"),
    _count("failed_statements"),
    Column("result", Text),  # engine.result_to_json; null until the file is analysed
    Column("text", Text),  # what was analysed: the file may change or go afterwards
)
