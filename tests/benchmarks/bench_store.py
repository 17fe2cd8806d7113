"""What it costs to keep the results of many small files, on SQLite and PostgreSQL.

python tests/benchmarks/bench_store.py [FILES]

Each file is a text of a few hundred bytes with a result of its own, three relations and four edges. The runs:
all new; another job with the same files (results known, as the incremental run finds them); the same job
again with nothing changed (one INSERT ... SELECT). On a busy machine only the process's own CPU time says
something; PostgreSQL works in a process of its own beside it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow_provider_sqlflow.jobs.lineage.rows import EdgeRow, IndexRows, RelationRow
from airflow_provider_sqlflow.jobs.model import Job, JobCounts, JobFile, JobId, JobRequest, JobStatus
from airflow_provider_sqlflow.jobs.store.base import Claim, FileResult, SavedFile
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import running_postgres

BATCH = 64
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
REQUEST = JobRequest("bench", "postgres", ())


def main() -> None:
    """Measure both databases."""
    files = make_files(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/jobs.db", files)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(f"  file: {size / len(files):,.0f} bytes for each SQL file")
    with running_postgres() as host:
        measure("PostgreSQL", f"postgresql://postgres@/postgres?host={host}", files)


def measure(name: str, url: str, files: list[SavedFile]) -> None:
    """All steps on one database."""
    print(f"{name}, {len(files):,} files in batches of {BATCH}")
    store = SqlJobStore(url)
    with timed("first run, all new", len(files)):
        claim = begin(store, "first")
        names = [f"{file.position}.sql" for file in files]
        with timed("  plan_files", len(files)):
            store.plan_files(claim, names, "inputs")
        with timed("  save_files", len(files)):
            save(store, claim, files)
        end(store, claim)
    with timed("another job, results known", len(files)):
        claim = begin(store, "second")
        store.plan_files(claim, names, "inputs")
        with timed("  find_results", len(files)):
            known = store.find_results([f"{file.position:064}" for file in files])
        save(store, claim, [replace(file, result=known[f"{file.position:064}"][0]) for file in files])
        end(store, claim)
    store.create_run(JobId("first"), REQUEST, "digest", NOW, True)
    with timed("same job again, unchanged", len(files)):
        claim = store.claim_job(JobId("first"), "bench", NOW, NOW + timedelta(hours=1))
        assert claim is not None
        assert store.reuse_run(claim, "inputs") is not None
        end(store, claim)
    with timed("read all results", len(files)):
        assert sum(1 for _ in store.iter_results(JobId("first"))) == len(files)
    with timed("delete, results shared", len(files)):
        store.delete_job(JobId("first"), NOW)
    with timed("delete, results with it", len(files)):
        store.delete_job(JobId("second"), NOW)
    store.close()


def begin(store: SqlJobStore, job_id: str) -> Claim:
    """A claimed job."""
    store.create_job(Job(JobId(job_id), "bench", "postgres", JobStatus.CREATE, NOW), REQUEST, "digest")
    claim = store.claim_job(JobId(job_id), "bench", NOW, NOW + timedelta(hours=1))
    assert claim is not None
    return claim


def save(store: SqlJobStore, claim: Claim, files: list[SavedFile]) -> None:
    """Save in batches, as an execution does."""
    for start in range(0, len(files), BATCH):
        store.save_files(claim, files[start : start + BATCH], JobCounts(files_done=start))


def end(store: SqlJobStore, claim: Claim) -> None:
    """End the run."""
    store.finish_run(claim, JobStatus.SUCCESS, NOW, JobCounts())


def make_files(number: int) -> list[SavedFile]:
    """Files that read two tables of a hundred and write one of their own."""
    return [make_file(at) for at in range(number)]


def make_file(at: int) -> SavedFile:
    """One file."""
    text = (
        f"INSERT INTO mart.target_{at} (a, b, c) SELECT s.a, s.b, d.c FROM raw.source_{at % 97} s JOIN dim d"
    )
    relations = (
        RelationRow(None, "raw", f"source_{at % 97}", "table", True, False),
        RelationRow(None, "raw", f"dim_{at % 13}", "table", True, False),
        RelationRow(None, "mart", f"target_{at}", "table", False, True),
    )
    edges = tuple(EdgeRow(n % 2, "abcd"[n], 2, "abcd"[n], True, "IDENTITY") for n in range(4))
    result = FileResult(
        input_key=f"{at:064}",
        lookups="[]",
        declarations="[]",
        document='{"version":1,"relations":[' + ",".join(f'"{text} {n}"' for n in range(6)) + "]}",
        rows=IndexRows(relations, edges, ((0, 2), (1, 2))),
        summary=JobFile(f"{at}.sql", JobStatus.SUCCESS, 1),
        edges=4,
        diagnostics=0,
    )
    return SavedFile(at, len(text), text, result)


@contextmanager
def timed(step: str, files: int) -> Iterator[None]:
    """Print how long a step takes."""
    began, worked = time.perf_counter(), time.process_time()
    yield
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    print(f"  {step:<30} {seconds:6.2f} s, own CPU {cpu:5.2f} s = {cpu / files * 1e6:4.0f} us a file")


if __name__ == "__main__":
    main()
