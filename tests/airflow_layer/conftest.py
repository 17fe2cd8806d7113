"""Airflow without a database: connections from the environment, contexts by hand, jobs in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

# Airflow reads these when it is first imported, so they are set while tests are collected.
if "AIRFLOW_HOME" not in os.environ:
    _home = tempfile.TemporaryDirectory(prefix="sqlflow-airflow-home-", ignore_cleanup_errors=True)
    os.environ["AIRFLOW_HOME"] = _home.name
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_sqlflow.errors import JobConflictError, JobNotFoundError, JobNotReadyError
from airflow_provider_sqlflow.jobs.document import request_digest
from airflow_provider_sqlflow.jobs.model import (
    TRANSITIONS,
    ExportSummary,
    Job,
    JobCounts,
    JobFile,
    JobFilter,
    JobId,
    JobKind,
    JobPage,
    JobRequest,
    JobRun,
    JobStatus,
    JobTable,
    Schedule,
    SyntaxProblem,
    TableRole,
    TextSource,
)
from airflow_provider_sqlflow.jobs.syntax import check_syntax
from airflow_provider_sqlflow.settings import Settings


class MemoryClient:
    """Lineage jobs in memory. Each look at a job moves it one step along ``path``."""

    def __init__(self, path: Iterable[JobStatus] = (JobStatus.RUNNING, JobStatus.SUCCESS)) -> None:
        self.path = tuple(path)
        self.jobs: dict[JobId, Job] = {}
        self.requests: dict[JobId, JobRequest] = {}
        self.ahead: dict[JobId, list[JobStatus]] = {}
        self.files: tuple[JobFile, ...] = ()
        self.failures: list[Exception] = []
        self.cancelled: list[JobId] = []
        self.closed = 0
        self.resumed: list[JobId] = []
        self.resume_seconds: float | None = None
        self.batches: list[tuple[JobId | None, bool, Schedule | None]] = []
        self.tables: tuple[JobTable, ...] = ()
        self.last_runs: list[JobRun | None] = []
        self.looked_for: list[tuple[str, TableRole | None]] = []
        self.url = ""

    def submit_job(self, request: JobRequest) -> Job:
        for job_id, earlier in self.requests.items():
            if request.idempotency_key and earlier.idempotency_key == request.idempotency_key:
                if request_digest(earlier) != request_digest(request):
                    raise JobConflictError("other input")
                return self.jobs[job_id]
        job_id = JobId(f"job-{len(self.jobs) + 1}")
        job = Job(
            job_id,
            request.name,
            request.dialect,
            JobStatus.CREATE,
            datetime(2026, 1, 1, tzinfo=timezone.utc),
            tags=request.tags,
            counts=JobCounts(files_total=2, files_done=2, statements=5, failed_statements=1),
        )
        self.jobs[job_id], self.requests[job_id] = job, request
        self.ahead[job_id] = list(self.path)
        return job

    def get_job(self, job_id: JobId) -> Job:
        if self.failures:
            raise self.failures.pop(0)
        if job_id not in self.jobs:
            raise JobNotFoundError(f"no job {job_id}")
        if self.ahead[job_id]:
            self._move(job_id, self.ahead[job_id].pop(0))
        return self.jobs[job_id]

    def resume_job(self, job_id: JobId) -> Job:
        self.resumed.append(job_id)
        return self.get_job(job_id)

    def submit_persist_job(
        self,
        request: JobRequest,
        job_id: JobId | None = None,
        *,
        incremental: bool = True,
        schedule: Schedule | None = None,
    ) -> Job:
        self.batches.append((job_id, incremental, schedule))
        job = self.submit_job(replace(request, idempotency_key=None))
        self.jobs[job.id] = replace(job, kind=JobKind.PERSIST, owner=request.owner)
        return self.jobs[job.id]

    def list_tables(self, job_id: JobId, role: TableRole | None = None) -> tuple[JobTable, ...]:
        return tuple(table for table in self.tables if role in (None, table.role))

    def find_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        if self.failures:
            raise self.failures.pop(0)
        self.looked_for.append((table, role))
        return self.last_runs.pop(0) if self.last_runs else None

    async def afind_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        return self.find_last_run(table, role)

    def check_syntax(self, source: TextSource, dialect: str) -> tuple[SyntaxProblem, ...]:
        return check_syntax(source, dialect, Settings())

    def job_url(self, job_id: JobId) -> str:
        return self.url and f"{self.url}/{job_id}"

    async def aget_job(self, job_id: JobId) -> Job:
        return self.get_job(job_id)

    def list_jobs(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        found = tuple(
            job
            for job in self.jobs.values()
            if (not where.status or job.status in where.status) and (not where.tag or where.tag in job.tags)
        )
        return JobPage(found[offset : offset + limit], len(found))

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        return self.files

    def cancel_job(self, job_id: JobId) -> Job:
        if not self.jobs[job_id].status.is_terminal:
            self._move(job_id, JobStatus.CANCEL)
            self.ahead[job_id] = []
            self.cancelled.append(job_id)
        return self.jobs[job_id]

    async def acancel_job(self, job_id: JobId) -> Job:
        return self.cancel_job(job_id)

    def delete_job(self, job_id: JobId) -> Job:
        self._move(job_id, JobStatus.DELETE)
        return self.jobs[job_id]

    def export_job(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        if not self.jobs[job_id].status.has_result:
            raise JobNotReadyError(f"job {job_id} has no result")
        text = f"{format} of {job_id}" + "".join(
            f" {name}={value}" for name, value in (options or {}).items()
        )
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text)
        return ExportSummary(format, path, len(text), 3, 4)

    def ping(self) -> str:
        return "in memory"

    def close(self) -> None:
        self.closed += 1

    def _move(self, job_id: JobId, status: JobStatus) -> None:
        job = self.jobs[job_id]
        if status is not job.status:
            assert status in TRANSITIONS[job.status], f"{job.status} -> {status}"
            self.jobs[job_id] = replace(job, status=status)


class StateStore(dict):
    """Airflow's task state store with a dict behind it."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


@dataclass
class TaskInstance:
    """What the operators use of a running task instance."""

    dag_id: str = "dag"
    run_id: str = "run"
    task_id: str = "task"
    map_index: int = -1
    try_number: int = 1
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        return self.xcoms.get(key) if (task_ids, map_indexes) == (self.task_id, self.map_index) else None


@pytest.fixture
def make_client() -> Callable[..., MemoryClient]:
    return MemoryClient


@pytest.fixture
def context() -> dict[str, Any]:
    return {
        "ti": TaskInstance(),
        "task_state_store": StateStore(),
        "outlet_events": OutletEventAccessors(),
    }


@pytest.fixture(autouse=True)
def fresh_options() -> Iterator[None]:
    """Options are cached for a process; a test may set them by environment."""
    from airflow_provider_sqlflow import conf

    conf.clear_cache()
    yield
    conf.clear_cache()
