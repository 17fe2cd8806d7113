"""Exports of a job. Facts: reference sqlflow-api, sections 5.8 to 5.11 and 5.16."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import queries as q
from airflow_provider_sqlflow.api import work
from airflow_provider_sqlflow.api.envelope import Answer, FileAnswer
from airflow_provider_sqlflow.api.graphs import EVERYTHING, answer_of, options_of, selected
from airflow_provider_sqlflow.api.operations import GET, Call, Operation
from airflow_provider_sqlflow.api.subjects import Found, job_of, of_job
from airflow_provider_sqlflow.errors import JobNotFoundError, RequestError
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
from airflow_provider_sqlflow.jobs.model import JobId, TextSource

GROUP = "Job interface: exports"
CSV = "text/csv;charset=utf-8"
DOWNLOAD = "application/octet-stream"

FULL_OPTIONS = replace(DEFAULT_OPTIONS, normalize_names=True)
"""Everything, under the names that all answers about jobs use."""


def as_json(call: Call[q.JobExportQuery]) -> Answer:
    """Lineage of a job as its graph shows it; above the limit of relations, a summary."""
    return _json(call, call.server.settings.server_relation_limit, selected(call.parameters))


def as_full_json(call: Call[q.FullExportQuery]) -> Answer:
    """All lineage of a job."""
    return _json(call, None, EVERYTHING)


def _json(call: Call[Any], limit: int | None, selection: Selection) -> Answer:
    found = of_job(call, call.parameters.job_id)
    options = options_of(call, found, self_lineage=True)
    return answer_of(found, call.server.workers.run(work.document, found.subject, options, selection, limit))


def as_graphml(call: Call[q.JobExportQuery]) -> FileAnswer:
    """Lineage of a job as GraphML."""
    found = of_job(call, call.parameters.job_id)
    options = options_of(call, found, self_lineage=True)
    return _file(call, found, "graphml", options, DOWNLOAD, selected(call.parameters))


def as_csv(call: Call[q.JobExportQuery]) -> FileAnswer:
    """Lineage of a job as CSV, as its graph shows it."""
    found = of_job(call, call.parameters.job_id)
    options = options_of(call, found, self_lineage=True)
    selection = selected(call.parameters)
    if selection.is_everything:
        return _file(call, found, "csv", options, CSV)
    rows = call.server.workers.run(work.csv_rows, found.subject, options, selection, ())
    return FileAnswer(rows, CSV, f"{found.job_id}.csv")


def as_full_csv(call: Call[q.FullExportQuery]) -> FileAnswer:
    """Lineage of a job as CSV: all of it, unless settings are given."""
    found = of_job(call, call.parameters.job_id)
    options = p.read_options(call.parameters, FULL_OPTIONS, only_given=True)
    return _file(call, found, "csv", options, CSV)


def _file(
    call: Call[Any],
    found: Found,
    format: str,
    options: Any,
    media_type: str,
    selection: Selection | None = None,
) -> FileAnswer:
    with _new_file() as path:
        call.server.workers.run(work.export, found.subject, format, options, path, selection)
    return FileAnswer(path, media_type, f"{found.job_id}.{format}")


@contextmanager
def _new_file() -> Iterator[Path]:
    """An empty temporary file, which goes if an error follows.

    Made here, not by the process that fills it: that one may be ended at any time.
    """
    number, name = tempfile.mkstemp(prefix="sqlflow-answer-")
    os.close(number)
    try:
        yield Path(name)
    except BaseException:
        Path(name).unlink()
        raise


def metadata(call: Call[q.MetadataQuery]) -> Answer:
    """What the job knows of tables: the objects of its document, with SQL where that is asked for."""
    found = of_job(call, call.parameters.job_id)
    is_with_source = call.parameters.display_query_source
    return answer_of(found, call.server.workers.run(work.metadata, found.subject, is_with_source))


def metadata_file(call: Call[p.JobKey]) -> FileAnswer:
    """The same as a file in the format of the ingester."""
    found = of_job(call, call.parameters.job_id)
    made = call.server.workers.run(work.metadata, found.subject, True)
    return FileAnswer(made.data, DOWNLOAD, "metadata.json")


def make_parquet(call: Call[q.BatchQuery]) -> Answer:
    """Say that a batch can be had as Parquet; nothing needs making before."""
    found = _batch(call)
    return Answer({"batchId": call.parameters.batch_id}, found.session_id, found.job_id)


def parquet(call: Call[q.BatchQuery]) -> FileAnswer:
    """The rows of the CSV export as Parquet."""
    found = _batch(call)
    with _new_file() as path:
        call.server.workers.run(work.export_parquet, found.subject, FULL_OPTIONS, path)
    return FileAnswer(path, "application/vnd.apache.parquet", f"{found.job_id}.parquet")


def _batch(call: Call[q.BatchQuery]) -> Found:
    """A job's result, if it is that of the batch: earlier ones are not kept."""
    parameters = call.parameters
    found = of_job(call, parameters.job_id, parameters.job_name)
    shown = found.job.result_run if found.job else 0
    for run in call.server.jobs.list_runs(JobId(found.job_id)):
        if run.batch_id == parameters.batch_id and run.number == shown:
            return found
    raise JobNotFoundError(f"job {found.job_id} has no batch {parameters.batch_id} with a result")


def sub_job_file(call: Call[q.SubJobFileQuery]) -> FileAnswer:
    """The text of a file that a job was given."""
    parameters = call.parameters
    job = job_of(call, parameters.job_id, parameters.job_name)
    jobs = call.server.jobs
    if all(run.batch_id != parameters.batch_id for run in jobs.list_runs(job.id)):
        raise JobNotFoundError(f"job {job.id} has no batch {parameters.batch_id}")
    for source in jobs.get_request(job.id).sources:
        if isinstance(source, TextSource) and source.name == parameters.file_name:
            return FileAnswer(source.text.encode("utf-8", "replace"), DOWNLOAD, source.name)
    raise RequestError(f"fileName: job {job.id} has no file {parameters.file_name}")


def _op(name: str, parameters: Any, run: Any, summary: str, **more: Any) -> Operation[Any]:
    return Operation(f"/sqlflow/job/{name}", parameters, run, summary, GROUP, **more)


OPERATIONS = (
    _op("exportLineageAsJson", q.JobExportQuery, as_json, "Lineage as the graph shows it"),
    _op("exportFullLineageAsJson", q.FullExportQuery, as_full_json, "All lineage"),
    _op("exportLineageAsGraphml", q.JobExportQuery, as_graphml, "GraphML", media_types=(DOWNLOAD,)),
    _op("exportFullLineageAsCsv", q.FullExportQuery, as_full_csv, "CSV", media_types=(CSV,)),
    _op("exportLineageAsCsv", q.JobExportQuery, as_csv, "CSV, by its older name", media_types=(CSV,)),
    _op("generate/parquet", q.BatchQuery, make_parquet, "Ask for Parquet"),
    _op(
        "download/parquet",
        q.BatchQuery,
        parquet,
        "Lineage as Parquet",
        methods=(GET,),
        media_types=("application/vnd.apache.parquet",),
    ),
    _op("exportDatabaseMetadata", q.MetadataQuery, metadata, "Tables that a job knows"),
    _op(
        "exportMetadata",
        p.JobKey,
        metadata_file,
        "The same as a file",
        methods=(GET,),
        media_types=(DOWNLOAD,),
    ),
    _op(
        "download/subJobFile",
        q.SubJobFileQuery,
        sub_job_file,
        "A file that a job was given",
        methods=(GET,),
        media_types=(DOWNLOAD,),
    ),
)
"""Exports of jobs."""
