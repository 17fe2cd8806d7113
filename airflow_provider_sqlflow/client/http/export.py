"""Exports of a service's jobs to local files, whole or not at all.

A service writes ``json``, ``csv`` and ``graphml`` itself. Every other format is made here from its JSON
answer, by the same code that writes results of the embedded engine.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from airflow_provider_sqlflow.client.http import io_loop
from airflow_provider_sqlflow.client.http.calls import Call, Expected
from airflow_provider_sqlflow.client.http.downloads import (
    FULL_JSON_PATH,
    JSON_PATH,
    Counter,
    Counts,
    count_document,
    count_graph,
    csv_counter,
)
from airflow_provider_sqlflow.client.http.job_objects import file_names
from airflow_provider_sqlflow.client.http.parameters import settings_of
from airflow_provider_sqlflow.client.http.remote_jobs import JobObject, RemoteJobs
from airflow_provider_sqlflow.errors import ClientError, JobNotReadyError
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.jobs.model import ExportSummary, Job, JobFile, JobId, JobTable, TableRole

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult
    from airflow_provider_sqlflow.jobs.publish import JobLineage

_log = logging.getLogger(__name__)


def export_remote(
    jobs: RemoteJobs, job_id: JobId, format: str, path: str, options: Mapping[str, str] | None = None
) -> ExportSummary:
    """Write a job's result; the service's own formats as it writes them, byte for byte.

    Raises:
        UnknownFormatError: no such format.
        ExportOptionError: an unknown option, or a value that it cannot have.
        JobNotReadyError: the job has no result.
        ExportError: the file cannot be written.
    """
    from airflow_provider_sqlflow.jobs import export

    export.check_format(format)
    shown = export.read_options(options)
    job = _ended_job(jobs, job_id)
    if not _is_written_there(format, shown):
        return _export_here(jobs, job, format, path, options, shown)
    fields = {"jobId": str(job_id), **settings_of(shown), "delimiter": shown.delimiter}
    with TemporaryFile(prefix="sqlflow-export-") as file:
        sink = cast("BinaryIO", file)
        counts = _fetch(jobs, format, fields, sink)
        sink.seek(0)
        size = export.write_whole(Path(path), lambda stream: copyfileobj(sink, stream))
    return ExportSummary(format, path, size, counts.relations, counts.edges)


def _is_written_there(format: str, shown: ExportOptions) -> bool:
    """Whether the service's own file shows what is asked; its CSV takes two options only."""
    if format == "csv":
        return replace(shown, delimiter=",", table_level=False) == DEFAULT_OPTIONS
    return format in ("json", "graphml")


def file_causes(jobs: RemoteJobs, found: JobObject, files: tuple[JobFile, ...]) -> tuple[JobFile, ...]:
    """Files with what the lineage document says against them; a document that cannot be had says nothing."""
    from airflow_provider_sqlflow.formats.sqlflow.reading import read_document

    try:
        with TemporaryFile(prefix="sqlflow-export-") as file:
            fields = {"jobId": str(found.get("jobId")), **settings_of(DEFAULT_OPTIONS)}
            answer = _document(jobs, fields, cast("BinaryIO", file))
            problems = list(read_document(answer, file_names(found)).errors())
    except ClientError as error:
        _log.warning("What failed in job %s cannot be told: %s", found.get("jobId"), error)
        return files
    causes: dict[str, list[str]] = {}
    for problem in problems:
        causes.setdefault(problem.span.source_name, []).append(f"{problem.span}: {problem.message}")
    # A service that does not say which file an error belongs to: the first one shows it.
    unplaced = [
        text for name, texts in causes.items() if name not in {f.path for f in files} for text in texts
    ]
    told = []
    for number, item in enumerate(files):
        own = [*causes.get(item.path, ()), *(unplaced if number == 0 else ())]
        told.append(replace(item, cause="; ".join(own), failed_statements=len(own)) if own else item)
    return tuple(told)


def tables_of(jobs: RemoteJobs, job_id: JobId, role: TableRole | None) -> tuple[JobTable, ...]:
    """The tables that a job's lineage reads or writes, by name; none without a result."""
    job = io_loop.run(jobs.get(job_id))
    if not job.status.has_result:
        return ()
    result = _result(jobs, job, settings_of(DEFAULT_OPTIONS))
    kinds = result.kinds()
    found = [
        JobTable(name.database, name.schema, name.name, kinds[name].value, each)
        for each, names in ((TableRole.READ, result.sources), (TableRole.WRITE, result.targets))
        if role in (None, each)
        for name in names
    ]
    return tuple(
        sorted(found, key=lambda table: (table.name.casefold(), str(table.schema), table.role.value))
    )


def lineage_of(jobs: RemoteJobs, job_id: JobId) -> JobLineage:
    """What a job found, read from the service's JSON; a service keeps the SQL to itself.

    Raises:
        JobNotReadyError: the job has no result.
    """
    from airflow_provider_sqlflow.jobs.publish import JobLineage

    job = _ended_job(jobs, job_id)
    result = _result(jobs, job, settings_of(DEFAULT_OPTIONS))
    return JobLineage(job, job.begin_at or job.created_at, (result,), {})


def _ended_job(jobs: RemoteJobs, job_id: JobId) -> Job:
    job = io_loop.run(jobs.get(job_id))
    if not job.status.has_result:
        reason = f": {job.error}" if job.error else ""
        raise JobNotReadyError(f"job {job_id} is {job.status.value} and has no result{reason}")
    return job


def _fetch(jobs: RemoteJobs, format: str, fields: Mapping[str, str], sink: BinaryIO) -> Counts:
    if format == "json":
        return count_document(_document(jobs, fields, sink))
    paths: Mapping[str, tuple[str, Expected, Counter]] = {
        "csv": ("exportFullLineageAsCsv", Expected.CSV, csv_counter(fields["delimiter"])),
        "graphml": ("exportLineageAsGraphml", Expected.XML, count_graph),
    }
    operation, expected, count = paths[format]
    io_loop.run(jobs.send(Call(f"/sqlflow/job/{operation}", fields, sink=sink, expected=expected)))
    sink.seek(0)
    return count(sink)


def _document(jobs: RemoteJobs, fields: Mapping[str, str], sink: BinaryIO) -> Mapping[str, Any]:
    """The JSON answer with a job's lineage, also in ``sink``."""
    from airflow_provider_sqlflow.formats.sqlflow.shapes import is_summary

    answer = io_loop.run(jobs.send(Call(JSON_PATH, fields, sink=sink))).members
    if is_summary(answer):
        _log.info("The lineage is above the SQLFlow service's limit of relations: asking for all of it")
        answer = io_loop.run(jobs.send(Call(FULL_JSON_PATH, fields, sink=sink))).members
    return answer


def _export_here(
    jobs: RemoteJobs,
    job: Job,
    format: str,
    path: str,
    options: Mapping[str, str] | None,
    shown: ExportOptions,
) -> ExportSummary:
    from airflow_provider_sqlflow.jobs import export

    # The format itself joins tables and spells names; it needs the columns and the text's names for that.
    fields = settings_of(replace(shown, table_level=False, normalize_names=False))
    return export.export_result(
        _result(jobs, job, fields),
        format,
        path,
        title=job.name,
        instant=job.begin_at or job.created_at,
        texts=dict,  # a service keeps the SQL to itself
        options=options,
    )


def _result(jobs: RemoteJobs, job: Job, fields: Mapping[str, str]) -> LineageResult:
    """A job's lineage, read from the service's JSON."""
    from airflow_provider_sqlflow.formats.sqlflow.reading import read_document

    names = file_names(io_loop.run(jobs.job_object(job.id)))
    with TemporaryFile(prefix="sqlflow-export-") as file:
        answer = _document(jobs, {"jobId": str(job.id), **fields}, cast("BinaryIO", file))
    return read_document(answer, names, job.dialect)
