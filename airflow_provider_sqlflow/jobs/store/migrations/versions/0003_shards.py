"""The plan of a run that tasks share between them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sqlflow_shard_plan",
        sa.Column(
            "run_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            autoincrement=False,
        ),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["sqlflow_run.id"], "fk_sqlflow_shard_plan_run_id_sqlflow_run", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name="pk_sqlflow_shard_plan"),
    )


def downgrade() -> None:
    op.drop_table("sqlflow_shard_plan")
