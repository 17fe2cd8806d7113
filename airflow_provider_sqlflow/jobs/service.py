"""The use cases of lineage jobs. No SQL, no HTTP, no Airflow."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from uuid import uuid4

from airflow_provider_sqlflow.errors import ConfigError, JobNotReadyError, JobTransitionError
from airflow_provider_sqlflow.jobs.document import request_digest
from airflow_provider_sqlflow.jobs.inputs import named_dialect, open_inputs
from airflow_provider_sqlflow.jobs.model import (
    ExportSummary,
    Job,
    JobCounts,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobStatus,
)
from airflow_provider_sqlflow.jobs.runners.base import JobRunner
from airflow_provider_sqlflow.jobs.store.base import JobStore, same_request
from airflow_provider_sqlflow.settings import Settings


def utc_now() -> datetime:
    """The present time, aware and UTC."""
    return datetime.now(timezone.utc)


def new_job_id() -> JobId:
    """A fresh id: 32 hexadecimal digits, as SQLFlow's."""
    return JobId(uuid4().hex)


class JobService:
    """Submits jobs, tells how they stand and exports what they found.

    Args:
        store: keeps the jobs.
        runner: analyses them.
        settings: limits.
        clock: the present time, aware.
        new_id: makes job ids.
    """

    def __init__(
        self,
        store: JobStore,
        runner: JobRunner,
        settings: Settings,
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], JobId] = new_job_id,
    ) -> None:
        self._store = store
        self._runner = runner
        self._settings = settings
        self._clock = clock
        self._new_id = new_id

    def submit(self, request: JobRequest) -> Job:
        """Create a job and hand it to the runner; everything that can be refused is refused before.

        Raises:
            UnknownDialectError: the dialect has no name we know.
            InputError: a source is missing, empty or unreadable.
            JobConflictError: the idempotency key belongs to another request.
        """
        request = replace(request, dialect=named_dialect(request.dialect))
        digest = request_digest(request)
        if request.idempotency_key is not None:
            found = self._store.find_key(request.idempotency_key)
            if found is not None:
                return self._store.get_job(same_request(found, request.idempotency_key, digest))
        inputs = open_inputs(request.sources, self._settings)
        request = replace(request, dialect=inputs.dialect(request.dialect))
        new = Job(
            id=self._new_id(),
            name=request.name,
            dialect=request.dialect,
            status=JobStatus.CREATE,
            created_at=self._clock(),
            owner=request.owner,
            tags=request.tags,
            counts=JobCounts(files_total=len(inputs.names)),
        )
        job = self._store.create_job(new, request, digest, inputs.names)
        if job.id == new.id:
            self._runner.run(job, request, inputs)
        return self._store.get_job(job.id)

    def get(self, job_id: JobId) -> Job:
        """Look a job up.

        Raises:
            JobNotFoundError: no such job.
        """
        return self._store.get_job(job_id)

    def list(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """Jobs that match, newest first.

        Raises:
            ConfigError: ``limit`` or ``offset`` is negative.
        """
        if limit < 0 or offset < 0:
            raise ConfigError(f"limit={limit} and offset={offset} must not be negative")
        return self._store.list_jobs(where, limit, offset)

    def list_files(self, job_id: JobId) -> tuple[JobFile, ...]:
        """What became of each file, in input order.

        Raises:
            JobNotFoundError: no such job.
        """
        self._store.get_job(job_id)
        return self._store.list_files(job_id)

    def cancel(self, job_id: JobId) -> Job:
        """Stop a job that has not ended; one that has is returned as it is.

        Raises:
            JobNotFoundError: no such job.
        """
        with suppress(JobTransitionError):
            return self._store.change_status(job_id, JobStatus.CANCEL, self._clock())
        return self._store.get_job(job_id)

    def delete(self, job_id: JobId) -> Job:
        """Remove a job's input and results and mark it deleted; twice is the same as once.

        Raises:
            JobNotFoundError: no such job.
        """
        with suppress(JobTransitionError):
            return self._store.delete_job(job_id, self._clock())
        return self._store.get_job(job_id)

    def export(self, job_id: JobId, format: str, path: str) -> ExportSummary:
        """Write a job's result to a local file, whole or not at all.

        Raises:
            JobNotFoundError: no such job.
            JobNotReadyError: the job has no result.
            UnknownFormatError: no such format.
            ExportError: the file cannot be written.
        """
        from airflow_provider_sqlflow import engine
        from airflow_provider_sqlflow.jobs import export

        job = self._store.get_job(job_id)
        if not job.status.has_result:
            reason = f": {job.error}" if job.error else ""
            raise JobNotReadyError(f"job {job_id} is {job.status.value} and has no result{reason}")
        export.check_format(format)
        result = engine.merge_results(map(engine.result_from_json, self._store.iter_results(job_id)))
        return export.export_result(
            result,
            format,
            path,
            title=job.name,
            instant=job.begin_at or job.created_at,
            texts=lambda: dict(self._store.iter_texts(job_id)),
        )

    def count(self) -> int:
        """How many jobs the store holds, deleted ones left out."""
        return self._store.count_jobs()

    def close(self) -> None:
        """Release the store's connections."""
        self._store.close()
