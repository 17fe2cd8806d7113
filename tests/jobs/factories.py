"""Requests, jobs and clocks for the tests of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_sqlflow.jobs.lineage.rows import EdgeRow, IndexRows, RelationRow
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobCounts,
    JobFile,
    JobId,
    JobRequest,
    JobStatus,
    TextSource,
)
from airflow_provider_sqlflow.jobs.store.base import Claim, FileResult, JobStore, SavedFile

START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)
LATER = START + timedelta(minutes=1)


class TickingClock:
    """Each look at it is one second later."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def make_request(**changes: Any) -> JobRequest:
    values: dict[str, Any] = {
        "name": "nightly",
        "dialect": "snowflake",
        "sources": (TextSource("a.sql", "INSERT INTO t (a) SELECT a FROM s"),),
    }
    return JobRequest(**{**values, **changes})


def make_job(job_id: str = "j1", **changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": JobId(job_id),
        "name": "nightly",
        "dialect": "snowflake",
        "status": JobStatus.CREATE,
        "created_at": START,
        "counts": JobCounts(files_total=1),
    }
    return Job(**{**values, **changes})


def make_rows(*edges: tuple[str, str]) -> IndexRows:
    """Rows of a file that copies column ``a`` from one table to another, for each pair of dotted names."""
    names = list(dict.fromkeys(name for edge in edges for name in edge))
    reads, writes = {source for source, _ in edges}, {target for _, target in edges}
    return IndexRows(
        tuple(_relation_row(name, name in reads, name in writes) for name in names),
        tuple(
            EdgeRow(names.index(source), "a", names.index(target), "a", True, "IDENTITY")
            for source, target in edges
        ),
    )


def make_result(name: str = "a.sql", **changes: Any) -> FileResult:
    """What a worker found in a file; the input key and the document follow the name."""
    values: dict[str, Any] = {
        "input_key": f"key of {name}",
        "lookups": "[]",
        "declarations": "[]",
        "document": f"document of {name}",
        "rows": make_rows(("s", "t")),
        "summary": JobFile(name, JobStatus.SUCCESS, 1),
        "edges": 1,
        "diagnostics": 0,
    }
    return FileResult(**{**values, **changes})


def make_saved(position: int = 0, name: str = "a.sql", text: str = "SELECT 1", **changes: Any) -> SavedFile:
    """A file of a run with a new result."""
    return SavedFile(position, len(text), text, make_result(name, **changes))


def add_job(store: JobStore, job_id: str = "j1", *, key: str | None = None, **changes: Any) -> Job:
    """A queued job in the store."""
    job = make_job(job_id, **changes)
    request = make_request(
        name=job.name, tags=job.tags, owner=job.owner, queue=job.queue, idempotency_key=key
    )
    return store.create_job(job, request, "digest")


def claim_job(store: JobStore, job_id: str = "j1", worker: str = "w", seconds: float = 60) -> Claim:
    """A claim that must succeed."""
    claim = store.claim_job(JobId(job_id), worker, START, START + timedelta(seconds=seconds))
    assert claim is not None
    return claim


def run_job(
    store: JobStore,
    job_id: str = "j1",
    files: Sequence[SavedFile] = (),
    status: JobStatus = JobStatus.SUCCESS,
    digest: str = "inputs",
) -> Job:
    """Claim the job, save files and end the run."""
    claim = claim_job(store, job_id)
    store.plan_files(claim, [_name_of(file) for file in files], digest)
    counts = JobCounts(files_total=len(files), files_done=len(files))
    store.save_files(claim, files, counts)
    return store.finish_run(claim, status, LATER, counts)


def _relation_row(name: str, is_read: bool, is_written: bool) -> RelationRow:
    database, schema, table = [None, None, *name.split(".")][-3:]
    assert table is not None
    return RelationRow(database, schema, table, "table", is_read, is_written)


def _name_of(file: SavedFile) -> str:
    return file.result.summary.path
