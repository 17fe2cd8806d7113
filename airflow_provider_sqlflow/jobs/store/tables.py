"""The store's tables, for SQLite and PostgreSQL alike.

Names carry a prefix: the database may also hold tables of others. A change here needs a migration
(a test compares the two).
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    true,
)

from airflow_provider_sqlflow.jobs.lineage.names import stored_name

SCHEMA_REVISION = "0004"
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


class StoredText(TypeDecorator[str]):
    """Text of others, as both databases can hold it: file names may have signs that they refuse.

    What is looked for is put the same way, so that it finds what was kept.
    """

    impl: type[String] = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See :func:`~airflow_provider_sqlflow.jobs.lineage.names.stored_name`."""
        return None if value is None else stored_name(value)


class StoredId(StoredText):
    """The same, of limited length."""

    impl = String
    cache_ok = True


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


def _number(name: str = "id") -> Column[int]:
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)


def _run_columns() -> list[Column[Any]]:
    return [
        Column("status", String(32), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("begin_at", UtcDateTime),
        Column("end_at", UtcDateTime),
        Column("error", StoredText, nullable=False, server_default=""),
        _count("files_total"),
        _count("files_done"),
        _count("statements"),
        _count("failed_statements"),
        _count("relations"),
        _count("column_edges"),
        _count("diagnostics"),
        _count("input_bytes"),
    ]


# -- jobs and their runs; a job's row repeats its last run, so that lists need no join

job = Table(
    "sqlflow_job",
    metadata,
    _number("number"),  # settles the order of jobs made at the same moment
    Column("id", StoredId(64), nullable=False, unique=True),
    Column("name", StoredText, nullable=False),
    Column("name_folded", StoredText, nullable=False),  # casefold() of name: databases fold differently
    Column("dialect", String(64), nullable=False),
    Column("owner", StoredText, nullable=False),
    Column("request", Text, nullable=False),
    Column("current_file", StoredText, nullable=False, server_default=""),
    Column("kind", String(16), nullable=False, server_default="simple"),
    Column("queue", StoredText, nullable=False, server_default="default"),
    Column("run", Integer, nullable=False, server_default="1"),
    Column("result_run", Integer, nullable=False, server_default="0"),
    Column("incremental", Boolean, nullable=False, server_default=true()),
    Column("cron", StoredText),
    Column("timezone", StoredText),
    Column("is_paused", Boolean, nullable=False, server_default=false()),
    Column("worker", StoredText),
    Column("token", String(64)),  # of the claim; null while nobody works on the job
    Column("lease_until", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),  # claims of the last run
    Column("on_top", Boolean, nullable=False, server_default=false()),
    *_run_columns(),
    Index(None, "created_at", "number"),
    Index(None, "status", "queue", "number"),
)

job_tag = Table(
    "sqlflow_job_tag",
    metadata,
    Column("job_id", ForeignKey("sqlflow_job.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", StoredText, primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "tag"),
)

run = Table(
    "sqlflow_run",
    metadata,
    _number(),
    Column("job_id", ForeignKey("sqlflow_job.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("batch_id", String(64), nullable=False),
    Column("incremental", Boolean, nullable=False, server_default=true()),
    Column("idempotency_key", StoredText, unique=True),  # null once the run failed, or its job was deleted
    Column("digest", String(64), nullable=False),  # of what this submit asked
    Column("inputs_digest", String(64)),
    # The Airflow task instance that submitted it.
    Column("dag_id", StoredText),
    Column("dag_run_id", StoredText),
    Column("task_id", StoredText),
    Column("map_index", Integer),
    Column("try_number", Integer),
    *_run_columns(),
    Index(None, "job_id", "number", unique=True),
    Index(None, "created_at"),
)

# -- what runs found; texts and results are kept once, however many runs use them

source_text = Table(
    "sqlflow_text",
    metadata,
    _number(),
    Column("digest", String(64), nullable=False, unique=True),
    Column("text", LargeBinary, nullable=False),  # zlib of UTF-8
)

result = Table(
    "sqlflow_result",
    metadata,
    _number(),
    Column("key", String(64), nullable=False, unique=True),  # digest of input_key and lookups
    Column("input_key", String(64), nullable=False),
    Column("lookups", LargeBinary, nullable=False),  # zlib of JSON, as the two below
    Column("declarations", LargeBinary, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("path", StoredText, nullable=False),
    Column("status", String(32), nullable=False),
    Column("cause", StoredText, nullable=False, server_default=""),
    _count("statements"),
    _count("failed_statements"),
    _count("edges"),
    _count("diagnostics"),
    Index(None, "input_key"),
)

run_file = Table(
    "sqlflow_run_file",
    metadata,
    Column("run_id", ForeignKey("sqlflow_run.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("path", StoredText, nullable=False),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("result_id", ForeignKey("sqlflow_result.id")),  # null until the file is analysed
    Column("text_id", ForeignKey("sqlflow_text.id")),
    Index(None, "result_id"),
    Index(None, "text_id"),
)

shard_plan = Table(
    "sqlflow_shard_plan",
    metadata,
    Column("run_id", ForeignKey("sqlflow_run.id", ondelete="CASCADE"), primary_key=True),
    Column("document", LargeBinary, nullable=False),  # zlib of JSON: jobs.sharding.plan
)

# -- lineage as rows, for look-ups across jobs

relation = Table(
    "sqlflow_relation",
    metadata,
    _number(),
    Column("key", StoredText, nullable=False, unique=True),  # the folded dotted name
    Column("database", StoredText),
    Column("schema", StoredText),
    Column("name", StoredText, nullable=False),
    Column("name_folded", StoredText, nullable=False),
    Column("kind", String(32), nullable=False),
    Index(None, "name_folded"),
)

column = Table(
    "sqlflow_column",
    metadata,
    _number(),
    Column("relation_id", ForeignKey("sqlflow_relation.id", ondelete="CASCADE"), nullable=False),
    Column("name", StoredText),  # null: the rows of the relation
    Column("name_folded", StoredText, nullable=False),  # empty: the rows of the relation
    Index(None, "relation_id", "name_folded", unique=True),
)

edge = Table(
    "sqlflow_edge",
    metadata,
    Column("result_id", ForeignKey("sqlflow_result.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("source_id", ForeignKey("sqlflow_column.id"), nullable=False),
    Column("target_id", ForeignKey("sqlflow_column.id"), nullable=False),
    Column("is_direct", Boolean, nullable=False),
    Column("subtype", String(16), nullable=False),
    Index(None, "source_id", "target_id"),
    Index(None, "target_id", "source_id"),
)

relation_use = Table(
    "sqlflow_relation_use",
    metadata,
    Column("result_id", ForeignKey("sqlflow_result.id", ondelete="CASCADE"), primary_key=True),
    Column("relation_id", ForeignKey("sqlflow_relation.id"), primary_key=True),
    Column("uses", SmallInteger, nullable=False),  # bits: 1 read, 2 written; 0 only mentioned
    Index(None, "relation_id", "uses"),
)

# -- what the server keeps for its users

user = Table(
    "sqlflow_user",
    metadata,
    Column("id", StoredText, primary_key=True),
    Column("email", StoredText, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("key_version", BigInteger, nullable=False),  # of the secret key; tokens name it
)

server_key = Table(
    "sqlflow_server_key",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

session = Table(
    "sqlflow_session",
    metadata,
    _number("number"),
    Column("id", StoredId(80), nullable=False, unique=True),
    Column("owner", StoredText, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # zlib; last, so that SQLite passes it over
    Index(None, "owner", "number"),
    Index(None, "expires_at"),
)

answer = Table(
    "sqlflow_answer",
    metadata,
    _number("number"),
    Column("digest", String(64), nullable=False, unique=True),
    Column("used_at", UtcDateTime, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # zlib; last, as above
    Index(None, "used_at", "number"),
)

user_schema = Table(
    "sqlflow_user_schema",
    metadata,
    Column("owner", StoredText, primary_key=True),
    Column("dialect", String(64), primary_key=True),
    Column("name", StoredText, primary_key=True),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("size", BigInteger, nullable=False),  # of the text, in bytes
    Column("text", LargeBinary, nullable=False),  # zlib of UTF-8
)
