"""Jobs, their tags and their files."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def upgrade() -> None:
    op.create_table(
        "sqlflow_job",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=True
        ),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("dialect", sa.String(64), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begin_at", sa.DateTime(timezone=True)),
        sa.Column("end_at", sa.DateTime(timezone=True)),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("current_file", sa.Text(), nullable=False, server_default=""),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        _count("files_total"),
        _count("files_done"),
        _count("statements"),
        _count("failed_statements"),
        _count("relations"),
        _count("column_edges"),
        _count("diagnostics"),
        _count("input_bytes"),
        sa.PrimaryKeyConstraint("number", name="pk_sqlflow_job"),
        sa.UniqueConstraint("id", name="uq_sqlflow_job_id"),
        sa.UniqueConstraint("idempotency_key", name="uq_sqlflow_job_idempotency_key"),
    )
    op.create_index("ix_sqlflow_job_created_at_number", "sqlflow_job", ["created_at", "number"])
    op.create_index("ix_sqlflow_job_status", "sqlflow_job", ["status"])
    op.create_table(
        "sqlflow_job_tag",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "tag", name="pk_sqlflow_job_tag"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["sqlflow_job.id"], name="fk_sqlflow_job_tag_job_id_sqlflow_job", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_sqlflow_job_tag_tag", "sqlflow_job_tag", ["tag"])
    op.create_table(
        "sqlflow_job_file",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, server_default=""),
        _count("statements"),
        _count("failed_statements"),
        sa.Column("result", sa.Text()),
        sa.Column("text", sa.Text()),
        sa.PrimaryKeyConstraint("job_id", "position", name="pk_sqlflow_job_file"),
        sa.ForeignKeyConstraint(
            ["job_id"], ["sqlflow_job.id"], name="fk_sqlflow_job_file_job_id_sqlflow_job", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("sqlflow_job_file")
    op.drop_table("sqlflow_job_tag")
    op.drop_table("sqlflow_job")
