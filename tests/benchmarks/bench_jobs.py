"""Jobs of many files: an unchanged run against the first one, memory, and processes. Ratios of one run.

    python tests/benchmarks/bench_jobs.py [--files 10000] [--store URL] [--processes 2]

Each file is one of the example warehouse's (dags/sql/warehouse) with its names numbered, so files see what
others declare. `unchanged` and `one changed` are wall time over that of the first run; memory is the largest
resident set of this process above that before the first run.
"""

from __future__ import annotations

import argparse
import re
import resource
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.model import Job, JobId, JobKind, JobRequest, JobStatus, PathSource
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings

SQL = Path(__file__).parents[2] / "dags" / "sql"
JOB = JobId("bench")


def now() -> datetime:
    return datetime.now(timezone.utc)


def write_files(folder: Path, count: int, dialect: str) -> None:
    """Copies of the example files, each copy with relations of its own."""
    originals = sorted((SQL / dialect).rglob("*.sql"))
    texts = [path.read_text() for path in originals]
    names = {
        name.lower() for text in texts for name in re.findall(r"(?i)(?:TABLE|VIEW)\s+(?:\w+\.)*(\w+)", text)
    }
    for number in range(count):
        copy, original = divmod(number, len(originals))
        text = re.sub(
            r"\w+",
            lambda match: f"{match[0]}_{copy}" if match[0].lower() in names else match[0],  # noqa: B023
            texts[original],
        )
        (folder / f"{copy:04}_{originals[original].name}").write_text(text)


def run(store: SqlJobStore, request: JobRequest, processes: int, *, first: bool) -> tuple[float, Job]:
    if first:
        job = Job(JOB, "bench", request.dialect, JobStatus.CREATE, now(), kind=JobKind.PERSIST)
        store.create_job(job, request, "digest")
    else:
        store.create_run(JOB, request, "digest", now(), incremental=True)
    claim = store.claim_job(JOB, "bench", now(), now() + timedelta(hours=2))
    assert claim is not None
    start = time.perf_counter()
    done = Execution(store, Settings(processes=processes), now).run(claim, lambda _counts, _name: None)
    return time.perf_counter() - start, done


def memory() -> float:
    """Largest resident set so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--store", default="", help="URL of an empty store; SQLite unless given")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--dialect", default="snowflake")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "sql"
        folder.mkdir()
        write_files(folder, arguments.files, arguments.dialect)
        store = SqlJobStore(arguments.store or f"sqlite:///{name}/store.db")
        request = JobRequest("bench", arguments.dialect, (PathSource(str(folder)),))
        before = memory()
        cold, job = run(store, request, arguments.processes, first=True)
        counts = job.counts
        print(f"{counts.files_done} files, {counts.statements} statements, {counts.column_edges} edges")
        print(f"first run      {cold:8.1f} s")
        print(f"memory         {memory():8.0f} MB in all, {memory() - before:.0f} MB above the start")
        same, again = run(store, request, arguments.processes, first=False)
        assert again.counts == counts
        print(f"unchanged      {same / cold:8.2%} of the first run")
        changed = next(iter(sorted(folder.iterdir())))
        changed.write_text(changed.read_text() + "\n-- changed\n")
        one, _ = run(store, request, arguments.processes, first=False)
        print(f"one changed    {one / cold:8.2%} of the first run")
        store.close()


if __name__ == "__main__":
    main()
