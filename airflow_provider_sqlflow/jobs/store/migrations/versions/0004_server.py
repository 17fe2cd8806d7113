"""What the server keeps for its users: accounts, its key, results of queries, answers, their DDL."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = (
    "sqlflow_user",
    "sqlflow_server_key",
    "sqlflow_session",
    "sqlflow_answer",
    "sqlflow_user_schema",
)


def _number() -> sa.Column[Any]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("number", number, autoincrement=True, nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _size() -> sa.Column[Any]:
    return sa.Column("size", sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    op.add_column("sqlflow_job", sa.Column("on_top", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "sqlflow_user",
        _text("id"),
        sa.Column("email", sa.Text(), nullable=False, server_default=""),
        _time("created_at"),
        _text("secret_hash"),
        sa.Column("key_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sqlflow_user"),
    )
    op.create_table(
        "sqlflow_server_key",
        sa.Column("name", sa.String(64), nullable=False),
        _text("value"),
        sa.PrimaryKeyConstraint("name", name="pk_sqlflow_server_key"),
    )
    op.create_table(
        "sqlflow_session",
        _number(),
        sa.Column("id", sa.String(80), nullable=False),
        _text("owner"),
        _time("expires_at"),
        _size(),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sqlflow_session"),
        sa.UniqueConstraint("id", name="uq_sqlflow_session_id"),
    )
    op.create_index("ix_sqlflow_session_owner_number", "sqlflow_session", ["owner", "number"])
    op.create_index("ix_sqlflow_session_expires_at", "sqlflow_session", ["expires_at"])
    op.create_table(
        "sqlflow_answer",
        _number(),
        sa.Column("digest", sa.String(64), nullable=False),
        _time("used_at"),
        _size(),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sqlflow_answer"),
        sa.UniqueConstraint("digest", name="uq_sqlflow_answer_digest"),
    )
    op.create_index("ix_sqlflow_answer_used_at_number", "sqlflow_answer", ["used_at", "number"])
    op.create_table(
        "sqlflow_user_schema",
        _text("owner"),
        sa.Column("dialect", sa.String(64), nullable=False),
        _text("name"),
        _time("changed_at"),
        _size(),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "dialect", "name", name="pk_sqlflow_user_schema"),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.drop_column("sqlflow_job", "on_top")
