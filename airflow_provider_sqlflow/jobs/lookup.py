"""What is known of lineage jobs, and what they found. Nothing here changes a job."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.errors import ConfigError, JobNotReadyError
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.jobs.model import (
    DatabaseSource,
    ExportSummary,
    InstancePage,
    Job,
    JobFile,
    JobFilter,
    JobId,
    JobPage,
    JobRequest,
    JobRun,
    JobTable,
    TableRole,
    TextSource,
)
from airflow_provider_sqlflow.jobs.store.base import JobStore

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult
    from airflow_provider_sqlflow.jobs.publish import JobLineage


_OUTLINES_KEPT = 100
_PAGE = 100

ListJobs = Callable[[JobFilter, int, int], JobPage]
"""Filter, limit and offset to jobs, newest first: ``list`` of the service, ``list_jobs`` of clients."""


def iter_jobs(list_jobs: ListJobs, where: JobFilter) -> Iterator[Job]:
    """All jobs that match, newest first, however many; each once, though others come while it looks."""
    seen: set[JobId] = set()
    offset = 0
    while True:
        page = list_jobs(where, _PAGE, offset)
        for job in page.jobs:
            if job.id not in seen:
                seen.add(job.id)
                yield job
        offset += len(page.jobs)
        if not page.jobs or offset >= page.total:
            return


@dataclass(frozen=True, slots=True)
class RequestOutline:
    """What a job was asked, without its SQL and columns, which can be large.

    Attributes:
        default_database: completes names without one.
        default_schema: likewise.
        options: what exports show unless told.
        has_catalog: whether it brought columns of tables.
        text_names: names of the texts that it brought.
        database: the first database that it reads, without its password: three stars where there is one.
    """

    default_database: str | None
    default_schema: str | None
    options: ExportOptions
    has_catalog: bool
    text_names: tuple[str, ...]
    database: DatabaseSource | None

    @classmethod
    def of(cls, request: JobRequest) -> RequestOutline:
        """The outline of a request."""
        database = next((item for item in request.sources if isinstance(item, DatabaseSource)), None)
        if database is not None:
            database = replace(database, password="***" if database.password else "")
        return cls(
            request.default_database,
            request.default_schema,
            request.options,
            bool(request.catalog),
            tuple(source.name for source in request.sources if isinstance(source, TextSource)),
            database,
        )


class JobLookup:
    """Looks jobs up, tells how they stand and exports what they found.

    Every method with a job id raises ``JobNotFoundError`` for one that is unknown.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._outlines: OrderedDict[tuple[JobId, int], RequestOutline] = OrderedDict()
        self._remembering = threading.Lock()

    def get(self, job_id: JobId) -> Job:
        """Look a job up."""
        return self._store.get_job(job_id)

    def get_request(self, job_id: JobId) -> JobRequest:
        """What a job was asked, all batches of a persist job together; a deleted one has none."""
        return self._store.get_request(job_id)

    def get_outline(self, job: Job) -> RequestOutline:
        """What a job was asked, without the large parts; a request is read once, for all looks at its run."""
        key = (job.id, job.run)
        with self._remembering:
            known = self._outlines.get(key)
        if known is None:
            known = RequestOutline.of(self.get_request(job.id))
            with self._remembering:
                self._outlines[key] = known
                while len(self._outlines) > _OUTLINES_KEPT:
                    self._outlines.popitem(last=False)
        return known

    def list(self, where: JobFilter, limit: int = 50, offset: int = 0) -> JobPage:
        """Jobs that match, newest first.

        Raises:
            ConfigError: ``limit`` or ``offset`` is negative.
        """
        _check_page(limit, offset)
        return self._store.list_jobs(where, limit, offset)

    def list_files(self, job_id: JobId, run: int | None = None) -> tuple[JobFile, ...]:
        """What became of each file of a run (the last one unless told), in input order."""
        self._store.get_job(job_id)
        return self._store.list_files(job_id, run)

    def list_names(self, jobs: Sequence[Job]) -> dict[JobId, tuple[str, ...]]:
        """The names of each job's files; what a job is to read, where its run has not begun."""
        found = self._store.list_names([job.id for job in jobs])
        for job in jobs:
            if job.id not in found and not job.status.is_terminal:
                found[job.id] = self.get_outline(job).text_names
        return found

    def list_runs(self, job_id: JobId) -> tuple[JobRun, ...]:
        """The runs of a job, newest first."""
        self._store.get_job(job_id)
        return self._store.list_runs(job_id)

    def list_instances(
        self,
        table: str,
        role: TableRole | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> InstancePage:
        """Runs submitted by Airflow tasks whose SQL reads or writes a table, newest first.

        Args:
            table: a dotted name, compared without case; missing parts match any.
            role: only those that read, or only those that write it.
            start: submitted at this time or later.
            end: submitted at this time or earlier.
            limit: how many at most.
            offset: how many to pass over.

        Raises:
            ConfigError: ``limit`` or ``offset`` is negative.
        """
        _check_page(limit, offset)
        return self._store.list_instances(table, role, start, end, limit, offset)

    def list_tables(self, job_id: JobId, role: TableRole | None = None) -> tuple[JobTable, ...]:
        """The tables that a job's last whole run reads or writes, by name."""
        self._store.get_job(job_id)
        return self._store.list_tables(job_id, role)

    def find_last_run(self, table: str, role: TableRole | None = None) -> JobRun | None:
        """The run with a result, of any job, that ended last and reads or writes a table.

        Args:
            table: a dotted name, compared without case; missing parts match any.
            role: only those that read, or only those that write it.
        """
        return self._store.find_last_run(table, role)

    def count(self) -> int:
        """How many jobs the store holds, deleted ones left out."""
        return self._store.count_jobs()

    # -- results

    def export(
        self, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
    ) -> ExportSummary:
        """Write the result of a job's last whole run to a local file, whole or not at all.

        ``options`` say what to show, by name (:func:`airflow_provider_sqlflow.jobs.export.read_options`).

        Raises:
            JobNotReadyError: the job has no result.
            UnknownFormatError: no such format.
            ExportOptionError: an unknown option, or a value that it cannot have.
            ExportError: the file cannot be written.
        """
        from airflow_provider_sqlflow import engine
        from airflow_provider_sqlflow.jobs import export

        job = self._with_result(job_id)
        export.check_format(format)
        export.read_options(options)
        result = engine.merge_results(map(engine.result_from_json, self._store.iter_results(job_id)))
        return export.export_result(
            result,
            format,
            path,
            title=job.name,
            instant=job.begin_at or job.created_at,
            texts=lambda: dict(self._store.iter_texts(job_id)),
            options=options,
        )

    def lineage(self, job_id: JobId) -> JobLineage:
        """What a job found, with the SQL that it read.

        Raises:
            JobNotFoundError: no such job.
            JobNotReadyError: the job has no result.
        """
        from airflow_provider_sqlflow import engine
        from airflow_provider_sqlflow.jobs.publish import JobLineage

        job = self._with_result(job_id)
        [run] = [run for run in self._store.list_runs(job_id) if run.number == job.result_run]
        by_dialect: dict[str, list[LineageResult]] = {}
        for result in map(engine.result_from_json, self._store.iter_results(job_id)):
            by_dialect.setdefault(result.dialect, []).append(result)
        results = tuple(map(engine.merge_results, by_dialect.values())) or (engine.merge_results(()),)
        instant = run.begin_at or run.created_at
        return JobLineage(job, instant, results, dict(self._store.iter_texts(job_id)))

    def _with_result(self, job_id: JobId) -> Job:
        job = self._store.get_job(job_id)
        if not job.result_run:
            reason = f": {job.error}" if job.error else ""
            raise JobNotReadyError(f"job {job_id} is {job.status.value} and has no result{reason}")
        return job


def _check_page(limit: int, offset: int) -> None:
    if limit < 0 or offset < 0:
        raise ConfigError(f"limit={limit} and offset={offset} must not be negative")
