"""Runs, claims, schedules, results kept once, and lineage as rows.

Each job of 0001 becomes a job with one run. Its results are kept under keys of their own, so that no file is
ever taken for one of them: they hold no look-ups. Rows for look-ups across jobs come with the next run.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BATCH = 200
_COUNTS = (
    "files_total",
    "files_done",
    "statements",
    "failed_statements",
    "relations",
    "column_edges",
    "diagnostics",
    "input_bytes",
)
_RUN_COLUMNS = ("status", "created_at", "begin_at", "end_at", "error", *_COUNTS)
_WITH_RESULT = ("success", "partial_success")
_NEW_IN_REQUESTS = ("queue", "options", "origin")


def upgrade() -> None:
    _create_runs()
    _create_results()
    _create_lineage()
    _fill_runs()
    _move_files_to_runs()
    op.drop_table("sqlflow_job_file")
    _extend_jobs()


def downgrade() -> None:
    _shrink_jobs()
    _create_job_files()
    _move_files_to_jobs()
    for table in (
        "sqlflow_relation_use",
        "sqlflow_edge",
        "sqlflow_column",
        "sqlflow_relation",
        "sqlflow_run_file",
        "sqlflow_result",
        "sqlflow_text",
        "sqlflow_run",
    ):
        op.drop_table(table)


# -- tables


def _number(name: str = "id") -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=False, autoincrement=True)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _time(name: str, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _reference(table: str, column: str, target: str, cascade: bool = False) -> sa.ForeignKeyConstraint:
    referred, _, _ = target.partition(".")
    return sa.ForeignKeyConstraint(
        [column], [target], name=f"fk_{table}_{column}_{referred}", ondelete="CASCADE" if cascade else None
    )


def _create_runs() -> None:
    op.create_table(
        "sqlflow_run",
        _number(),
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.String(64), nullable=False),
        sa.Column("incremental", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("inputs_digest", sa.String(64)),
        sa.Column("dag_id", sa.Text()),
        sa.Column("dag_run_id", sa.Text()),
        sa.Column("task_id", sa.Text()),
        sa.Column("map_index", sa.Integer()),
        sa.Column("try_number", sa.Integer()),
        sa.Column("status", sa.String(32), nullable=False),
        _time("created_at", nullable=False),
        _time("begin_at"),
        _time("end_at"),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        *map(_count, _COUNTS),
        _key("sqlflow_run", "id"),
        sa.UniqueConstraint("idempotency_key", name="uq_sqlflow_run_idempotency_key"),
        _reference("sqlflow_run", "job_id", "sqlflow_job.id", cascade=True),
    )
    op.create_index("ix_sqlflow_run_job_id_number", "sqlflow_run", ["job_id", "number"], unique=True)
    op.create_index("ix_sqlflow_run_created_at", "sqlflow_run", ["created_at"])


def _create_results() -> None:
    op.create_table(
        "sqlflow_text",
        _number(),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        _key("sqlflow_text", "id"),
        sa.UniqueConstraint("digest", name="uq_sqlflow_text_digest"),
    )
    op.create_table(
        "sqlflow_result",
        _number(),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("input_key", sa.String(64), nullable=False),
        sa.Column("lookups", sa.LargeBinary(), nullable=False),
        sa.Column("declarations", sa.LargeBinary(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, server_default=""),
        *map(_count, ("statements", "failed_statements", "edges", "diagnostics")),
        _key("sqlflow_result", "id"),
        sa.UniqueConstraint("key", name="uq_sqlflow_result_key"),
    )
    op.create_index("ix_sqlflow_result_input_key", "sqlflow_result", ["input_key"])
    op.create_table(
        "sqlflow_run_file",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        _count("size"),
        sa.Column("result_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("text_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        _key("sqlflow_run_file", "run_id", "position"),
        _reference("sqlflow_run_file", "run_id", "sqlflow_run.id", cascade=True),
        _reference("sqlflow_run_file", "result_id", "sqlflow_result.id"),
        _reference("sqlflow_run_file", "text_id", "sqlflow_text.id"),
    )
    op.create_index("ix_sqlflow_run_file_result_id", "sqlflow_run_file", ["result_id"])
    op.create_index("ix_sqlflow_run_file_text_id", "sqlflow_run_file", ["text_id"])


def _create_lineage() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "sqlflow_relation",
        _number(),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("database", sa.Text()),
        sa.Column("schema", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        _key("sqlflow_relation", "id"),
        sa.UniqueConstraint("key", name="uq_sqlflow_relation_key"),
    )
    op.create_index("ix_sqlflow_relation_name_folded", "sqlflow_relation", ["name_folded"])
    op.create_table(
        "sqlflow_column",
        _number(),
        sa.Column("relation_id", number, nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("name_folded", sa.Text(), nullable=False),
        _key("sqlflow_column", "id"),
        _reference("sqlflow_column", "relation_id", "sqlflow_relation.id", cascade=True),
    )
    op.create_index(
        "ix_sqlflow_column_relation_id_name_folded",
        "sqlflow_column",
        ["relation_id", "name_folded"],
        unique=True,
    )
    op.create_table(
        "sqlflow_edge",
        sa.Column("result_id", number, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("source_id", number, nullable=False),
        sa.Column("target_id", number, nullable=False),
        sa.Column("is_direct", sa.Boolean(), nullable=False),
        sa.Column("subtype", sa.String(16), nullable=False),
        _key("sqlflow_edge", "result_id", "position"),
        _reference("sqlflow_edge", "result_id", "sqlflow_result.id", cascade=True),
        _reference("sqlflow_edge", "source_id", "sqlflow_column.id"),
        _reference("sqlflow_edge", "target_id", "sqlflow_column.id"),
    )
    op.create_index("ix_sqlflow_edge_source_id_target_id", "sqlflow_edge", ["source_id", "target_id"])
    op.create_index("ix_sqlflow_edge_target_id_source_id", "sqlflow_edge", ["target_id", "source_id"])
    op.create_table(
        "sqlflow_relation_use",
        sa.Column("result_id", number, nullable=False),
        sa.Column("relation_id", number, nullable=False),
        sa.Column("uses", sa.SmallInteger(), nullable=False),
        _key("sqlflow_relation_use", "result_id", "relation_id"),
        _reference("sqlflow_relation_use", "result_id", "sqlflow_result.id", cascade=True),
        _reference("sqlflow_relation_use", "relation_id", "sqlflow_relation.id"),
    )
    op.create_index(
        "ix_sqlflow_relation_use_relation_id_uses", "sqlflow_relation_use", ["relation_id", "uses"]
    )


def _create_job_files() -> None:
    op.create_table(
        "sqlflow_job_file",
        sa.Column("job_id", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False, server_default=""),
        *map(_count, ("statements", "failed_statements")),
        sa.Column("result", sa.Text()),
        sa.Column("text", sa.Text()),
        _key("sqlflow_job_file", "job_id", "position"),
        _reference("sqlflow_job_file", "job_id", "sqlflow_job.id", cascade=True),
    )


def _extend_jobs() -> None:
    op.drop_index("ix_sqlflow_job_status", "sqlflow_job")
    with op.batch_alter_table("sqlflow_job") as job:
        job.add_column(sa.Column("kind", sa.String(16), nullable=False, server_default="simple"))
        job.add_column(sa.Column("queue", sa.Text(), nullable=False, server_default="default"))
        job.add_column(sa.Column("run", sa.Integer(), nullable=False, server_default="1"))
        job.add_column(sa.Column("result_run", sa.Integer(), nullable=False, server_default="0"))
        job.add_column(sa.Column("incremental", sa.Boolean(), nullable=False, server_default=sa.true()))
        job.add_column(sa.Column("cron", sa.Text()))
        job.add_column(sa.Column("timezone", sa.Text()))
        job.add_column(sa.Column("is_paused", sa.Boolean(), nullable=False, server_default=sa.false()))
        job.add_column(sa.Column("worker", sa.Text()))
        job.add_column(sa.Column("token", sa.String(64)))
        job.add_column(_time("lease_until"))
        job.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
        job.drop_constraint("uq_sqlflow_job_idempotency_key", type_="unique")
        job.drop_column("idempotency_key")
        job.drop_column("digest")
    op.create_index("ix_sqlflow_job_status_queue_number", "sqlflow_job", ["status", "queue", "number"])
    whole = ", ".join(f"'{status}'" for status in _WITH_RESULT)
    op.execute(f"UPDATE sqlflow_job SET result_run = 1 WHERE status IN ({whole})")  # noqa: S608
    # Nobody can be at work while the schema changes: whoever looks for work may take these over.
    op.execute("UPDATE sqlflow_job SET lease_until = created_at WHERE status = 'running'")


def _shrink_jobs() -> None:
    op.drop_index("ix_sqlflow_job_status_queue_number", "sqlflow_job")
    with op.batch_alter_table("sqlflow_job") as job:
        job.add_column(sa.Column("idempotency_key", sa.Text()))
        job.add_column(sa.Column("digest", sa.String(64), nullable=False, server_default=""))
        for name in (
            "kind",
            "queue",
            "run",
            "incremental",
            "cron",
            "timezone",
            "is_paused",
            "worker",
            "token",
            "lease_until",
            "attempts",
        ):
            job.drop_column(name)
    op.execute(
        "UPDATE sqlflow_job SET (idempotency_key, digest) = ("
        "SELECT idempotency_key, digest FROM sqlflow_run WHERE job_id = sqlflow_job.id "
        "ORDER BY number DESC LIMIT 1)"
    )
    with op.batch_alter_table("sqlflow_job") as job:
        job.alter_column("digest", existing_type=sa.String(64), existing_nullable=False, server_default=None)
        job.create_unique_constraint("uq_sqlflow_job_idempotency_key", ["idempotency_key"])
    op.create_index("ix_sqlflow_job_status", "sqlflow_job", ["status"])
    _drop_new_in_requests()


# -- rows


def _fill_runs() -> None:
    columns = ", ".join(_RUN_COLUMNS)
    op.execute(
        f"INSERT INTO sqlflow_run (job_id, number, batch_id, idempotency_key, digest, {columns}) "  # noqa: S608
        f"SELECT id, 1, id, idempotency_key, digest, {columns} FROM sqlflow_job ORDER BY number"
    )


def _move_files_to_runs() -> None:
    connection = op.get_bind()
    query = sa.text(
        "SELECT sqlflow_run.id AS run_id, sqlflow_job_file.* FROM sqlflow_job_file "
        "JOIN sqlflow_run ON sqlflow_run.job_id = sqlflow_job_file.job_id "
        "WHERE sqlflow_run.id = :run_id AND position > :position ORDER BY position LIMIT :limit"
    )
    for run_id in connection.execute(sa.text("SELECT id FROM sqlflow_run ORDER BY id")).scalars().all():
        for row in _paged(connection, query, run_id=run_id):
            text_id = None if row["text"] is None else _keep_text(connection, row["text"])
            result_id = None if row["result"] is None else _keep_result(connection, row)
            connection.execute(
                sa.text(
                    "INSERT INTO sqlflow_run_file (run_id, position, path, size, result_id, text_id) "
                    "VALUES (:run_id, :position, :path, :size, :result_id, :text_id)"
                ),
                {
                    "run_id": run_id,
                    "position": row["position"],
                    "path": row["path"],
                    "size": len((row["text"] or "").encode()),
                    "result_id": result_id,
                    "text_id": text_id,
                },
            )


def _paged(connection: sa.Connection, query: sa.TextClause, **values: Any) -> Iterator[sa.RowMapping]:
    position = -1
    while True:
        rows = connection.execute(query, {**values, "position": position, "limit": _BATCH}).mappings().all()
        if not rows:
            return
        yield from rows
        position = rows[-1]["position"]


def _keep_text(connection: sa.Connection, text: str) -> int:
    values = {"digest": hashlib.sha256(text.encode()).hexdigest(), "text": zlib.compress(text.encode())}
    return _keep(connection, "sqlflow_text", "digest", values)


def _keep_result(connection: sa.Connection, row: sa.RowMapping) -> int:
    names = ("path", "status", "cause", "statements", "failed_statements")
    summary = {name: row[name] for name in names}
    content = json.dumps([*summary.values(), row["result"]])
    key = hashlib.sha256(f"0001\n{content}".encode()).hexdigest()
    nothing = zlib.compress(b"[]")
    values = {
        "key": key,
        "input_key": key,
        "lookups": nothing,
        "declarations": nothing,
        "document": zlib.compress(row["result"].encode()),
        **summary,
    }
    return _keep(connection, "sqlflow_result", "key", values)


def _keep(connection: sa.Connection, table: str, key: str, values: dict[str, Any]) -> int:
    find = sa.text(f"SELECT id FROM {table} WHERE {key} = :key")  # noqa: S608
    number = connection.execute(find, {"key": values[key]}).scalar()
    if number is None:
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)  # noqa: S608
        number = connection.execute(find, {"key": values[key]}).scalar_one()
    return int(number)


def _move_files_to_jobs() -> None:
    """A job keeps the files of the run that exports show, or of its last one."""
    connection = op.get_bind()
    runs = sa.text(
        "SELECT sqlflow_run.id, job_id FROM sqlflow_run JOIN sqlflow_job ON sqlflow_job.id = job_id "
        "WHERE sqlflow_run.number = CASE WHEN result_run > 0 THEN result_run ELSE "
        "(SELECT max(number) FROM sqlflow_run AS last WHERE last.job_id = sqlflow_job.id) END"
    )
    query = sa.text(
        "SELECT run_file.position, run_file.path, result.status, result.cause, result.statements, "
        "result.failed_statements, result.document, text.text FROM sqlflow_run_file AS run_file "
        "LEFT JOIN sqlflow_result AS result ON result.id = run_file.result_id "
        "LEFT JOIN sqlflow_text AS text ON text.id = run_file.text_id "
        "WHERE run_id = :run_id AND run_file.position > :position ORDER BY run_file.position LIMIT :limit"
    )
    for run_id, job_id in connection.execute(runs).all():
        for row in _paged(connection, query, run_id=run_id):
            is_done = row["document"] is not None
            connection.execute(
                sa.text(
                    "INSERT INTO sqlflow_job_file (job_id, position, path, status, cause, statements, "
                    "failed_statements, result, text) VALUES (:job_id, :position, :path, :status, :cause, "
                    ":statements, :failed_statements, :result, :text)"
                ),
                {
                    "job_id": job_id,
                    "position": row["position"],
                    "path": row["path"],
                    "status": row["status"] if is_done else "create",
                    "cause": row["cause"] or "",
                    "statements": row["statements"] or 0,
                    "failed_statements": row["failed_statements"] or 0,
                    "result": _unpacked(row["document"]),
                    "text": _unpacked(row["text"]),
                },
            )
    with op.batch_alter_table("sqlflow_job") as job:
        job.drop_column("result_run")


def _unpacked(data: bytes | None) -> str | None:
    return None if data is None else zlib.decompress(data).decode("utf-8", "replace").replace("\0", "\ufffd")


def _drop_new_in_requests() -> None:
    connection = op.get_bind()
    for number, text in connection.execute(sa.text("SELECT number, request FROM sqlflow_job")).all():
        request = json.loads(text or "{}")
        if request.keys() & set(_NEW_IN_REQUESTS):
            kept = {name: value for name, value in request.items() if name not in _NEW_IN_REQUESTS}
            connection.execute(
                sa.text("UPDATE sqlflow_job SET request = :request WHERE number = :number"),
                {"number": number, "request": json.dumps(kept, sort_keys=True, separators=(",", ":"))},
            )
