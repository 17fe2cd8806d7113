"""Look-ups across jobs in a large store: times, ratios and query plans.

python -m tests.benchmarks.bench_lineage_store [--edges 1000000] [--database sqlite|postgresql]

A warehouse in layers: each table reads three tables of the layer below, each of its columns has five source
columns there, and one column filters its rows. A file makes a table, a job has a hundred files. One table of
the lowest layer is read by every table above it.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, insert, select, text

from airflow_provider_sqlflow.jobs.lineage.index import chunks, write_rows
from airflow_provider_sqlflow.jobs.lineage.model import Direction, Reach
from airflow_provider_sqlflow.jobs.lineage.rows import EdgeRow, IndexRows, RelationRow
from airflow_provider_sqlflow.jobs.lineage.service import LineageService
from airflow_provider_sqlflow.jobs.store import tables
from airflow_provider_sqlflow.jobs.store.database import Database
from airflow_provider_sqlflow.jobs.store.schema import upgrade_schema
from tests.postgres_server import running_postgres

LAYERS, COLUMNS, SOURCES, TABLES_READ = 10, 20, 5, 3
FILES_A_JOB = 100
EDGES_A_TABLE = COLUMNS * SOURCES + 1 + TABLES_READ + 1
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)

RECURSIVE = """
WITH RECURSIVE up(id) AS (
    SELECT CAST(:start AS bigint) UNION
    SELECT edge.source_id FROM up JOIN sqlflow_edge edge ON edge.target_id = up.id
    WHERE edge.subtype <> 'ROWS' AND EXISTS (
        SELECT 1 FROM sqlflow_run_file file
        JOIN sqlflow_run run ON run.id = file.run_id
        JOIN sqlflow_job job ON job.id = run.job_id AND job.result_run = run.number
        WHERE file.result_id = edge.result_id AND job.status <> 'delete')
)
SELECT count(*) FROM up
"""
"""The closure as one statement, for comparison: no depth, stop, row sets, stars or edges in the answer."""


def table_rows(layer: int, number: int, width: int) -> IndexRows:
    """What the file finds that makes a table."""
    choice = random.Random(layer * width + number)
    below = [(number + step) % width for step in range(-1, TABLES_READ - 1)]
    relations = [RelationRow("dw", f"layer{layer}", f"table{number}", "table", False, True)]
    relations += [RelationRow("dw", f"layer{layer - 1}", f"table{n}", "table", True, False) for n in below]
    relations.append(RelationRow("dw", "ref", "calendar", "table", True, False))
    edges = {
        EdgeRow(choice.randint(1, TABLES_READ), f"column{choice.randrange(COLUMNS)}", 0, f"column{c}", True,
                "TRANSFORMATION"): None
        for c in range(COLUMNS) for _ in range(SOURCES)
    }  # fmt: skip
    edges[EdgeRow(TABLES_READ + 1, "day", 0, None, False, "FILTER")] = None
    links = tuple((source, 0) for source in range(1, TABLES_READ + 2))
    return IndexRows(tuple(relations), tuple(edges), links)


def fill(database: Database, edges: int) -> tuple[int, float, int]:
    """Fill the store; gives the number of edges, the seconds that their rows took, and a layer's width."""
    width = max(3, edges // EDGES_A_TABLE // (LAYERS - 1))
    files = [(layer, number) for layer in range(1, LAYERS) for number in range(width)]
    written = 0.0
    for job_number, batch in enumerate(chunks(files, FILES_A_JOB), start=1):
        rows = [table_rows(layer, number, width) for layer, number in batch]
        with database.writing() as connection:
            ids = _add_job(connection, f"job{job_number}", len(rows))
            start = time.perf_counter()
            write_rows(connection, list(zip(ids, rows, strict=True)))
            written += time.perf_counter() - start
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
        return connection.scalar(select(func.count()).select_from(tables.edge)), written, width


def _add_job(connection: Any, job_id: str, files: int) -> list[int]:
    counts = {"status": "success", "created_at": NOW, "begin_at": NOW, "end_at": NOW}
    connection.execute(
        insert(tables.job).values(
            id=job_id, name=job_id, name_folded=job_id, dialect="", owner="", request="", run=1,
            result_run=1, **counts,
        )
    )  # fmt: skip
    run_id = connection.execute(
        insert(tables.run).values(job_id=job_id, number=1, batch_id=job_id, digest="", **counts)
    ).inserted_primary_key[0]
    first = (connection.scalar(select(func.max(tables.result.c.id))) or 0) + 1
    ids = list(range(first, first + files))
    empty = {"input_key": "", "lookups": b"", "declarations": b"", "document": b"", "status": "success"}
    connection.execute(
        insert(tables.result), [{"id": n, "key": str(n), "path": f"{n}.sql", **empty} for n in ids]
    )
    connection.execute(
        insert(tables.run_file),
        [
            {"run_id": run_id, "position": n, "path": f"{number}.sql", "result_id": number}
            for n, number in enumerate(ids)
        ],
    )
    return ids


def timed(work: Callable[[], Any], times: int = 5) -> tuple[float, Any]:
    """Median seconds, and the answer."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), answer


def measure(url: str, edges: int) -> None:
    """Fill a store, ask it, print what it took."""
    database = Database(url)
    upgrade_schema(database)
    print(f"\n{database.engine.dialect.name}")
    total, seconds, width = fill(database, edges)
    print(f"  {total:,} edges written in {seconds:.1f} s: {total / seconds:,.0f} a second")
    service = LineageService(database)
    middle = width // 2
    column = f"layer{LAYERS - 1}.table{middle}.column0"
    lowest = f"layer0.table{middle}.column0"
    questions: dict[str, Callable[[], Any]] = {
        "one hop": lambda: service.closure(column, Direction.UPSTREAM, Reach(depth=1)),
        "one hop downstream": lambda: service.closure(lowest, Direction.DOWNSTREAM, Reach(depth=1)),
        "closure upstream": lambda: service.closure(column, Direction.UPSTREAM),
        "closure upstream, direct": lambda: service.closure(column, Direction.UPSTREAM, Reach(direct=True)),
        "closure downstream": lambda: service.closure(lowest, Direction.DOWNSTREAM),
        "tables upstream": lambda: service.closure(
            f"layer{LAYERS - 1}.table{middle}", Direction.UPSTREAM, Reach(table_level=True)
        ),
        "read by every table, downstream": lambda: service.closure("ref.calendar.day", Direction.DOWNSTREAM),
    }
    hop = 0.0
    for name, question in questions.items():
        took, graph = timed(question, 1 if "every" in name else 5)
        hop = hop or took
        per_thousand = took / max(len(graph.edges), 1) * 1_000
        print(
            f"  {name:<32} {took * 1_000:9.1f} ms  {len(graph.edges):9,} edges  "
            f"{per_thousand * 1_000:8.2f} ms per 1,000 edges = {per_thousand / hop:6.2f} x one hop"
        )
    for name, question in {
        "origins": lambda: service.origins(column),
        "path from layer 0": lambda: service.paths(lowest, f"layer{LAYERS - 1}.table{middle}", limit=1),
        "list of tables": lambda: service.tables("table1*", limit=50),
    }.items():
        took, _ = timed(question)
        print(f"  {name:<32} {took * 1_000:9.1f} ms")
    _compare(database, column)
    with _captured(database) as statements:
        service.closure(column, Direction.UPSTREAM, Reach(depth=2))
    _explain(database, [item for item in statements if "sqlflow_edge" in item[0]][-1])
    _explain(database, [item for item in statements if "DISTINCT" in item[0]][-1])
    database.close()


def _compare(database: Database, column: str) -> None:
    schema, table, name = column.split(".")
    query = (
        select(tables.column.c.id)
        .join(tables.relation)
        .where(tables.relation.c.key == f"dw.{schema}.{table}", tables.column.c.name_folded == name)
    )
    with database.reading() as connection:
        start = connection.scalar(query)
        took, nodes = timed(lambda: connection.execute(text(RECURSIVE), {"start": start}).scalar(), 3)
    print(f"  {'one recursive statement':<32} {took * 1_000:9.1f} ms  {nodes:9,} columns")


@contextmanager
def _captured(database: Database) -> Iterator[list[tuple[str, Any]]]:
    statements: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        statements.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", keep)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", keep)


def _explain(database: Database, captured: tuple[str, Any]) -> None:
    statement, parameters = captured
    is_sqlite = database.sqlite_path is not None
    prefix = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "
    with database.reading() as connection:
        rows = connection.exec_driver_sql(prefix + statement, parameters).all()
    print()
    for row in rows:
        line = row[-1]
        print(f"    {line if len(line) < 160 else line[:150] + ' ...'}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    if arguments.database != "postgresql":
        with tempfile.TemporaryDirectory(prefix="lineage-bench-") as folder:
            measure(f"sqlite:///{Path(folder)}/store.db", arguments.edges)
    if arguments.database != "sqlite":
        with running_postgres() as host:
            measure(f"postgresql://postgres@/postgres?host={host}", arguments.edges)


if __name__ == "__main__":
    main()
