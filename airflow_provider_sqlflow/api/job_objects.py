"""Our jobs as SQLFlow's job objects. Facts: reference sqlflow-api, sections 5.2 to 5.7. Times are UTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.api.subjects import session_of
from airflow_provider_sqlflow.engine.dialects import vendor_of
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.jobs.lookup import RequestOutline
from airflow_provider_sqlflow.jobs.model import Job, JobKind, JobRun, JobStatus

_WORDS = {JobStatus.CANCEL: "fail"}
"""A cancelled job is told as a failed one: a client goes on asking about a word that it does not know."""

_CANCELLED = "the job was cancelled"


def short_object(job: Job) -> dict[str, Any]:
    """What lists show of a job."""
    is_persist = job.kind is JobKind.PERSIST
    schedule = job.schedule
    found: dict[str, Any] = {
        "jobId": job.id,
        "jobName": job.name,
        "userId": job.owner,
        "dbVendor": vendor_of(job.dialect),
        "createTime": _time(job.created_at),
        "status": word_of(job.status),
        "executeTime": _duration(job.duration_seconds),
        "executeTimeMillis": round((job.duration_seconds or 0) * 1000),
        "onTop": job.on_top,
        "parallel": False,
        "simple": not is_persist,
        "persist": is_persist,
        "incremental": is_persist and job.incremental,
        "schedulable": schedule is not None,
        "cancelSchedule": schedule is not None and schedule.is_paused,
        "version": __version__,
    }
    optional = {
        "cronExpression": schedule.cron if schedule else "",
        "lastExecuteTime": _time(job.begin_at) if job.begin_at else "",
        "sessionId": session_of(job),
        "errorMessage": _CANCELLED if job.status is JobStatus.CANCEL else job.error,
    }
    return found | {name: value for name, value in optional.items() if value}


FilesOf = Callable[[JobRun], Sequence[str]]


def job_object(
    job: Job, asked: RequestOutline | None, runs: Sequence[JobRun], files_of: FilesOf
) -> dict[str, Any]:
    """Everything about a job.

    Args:
        job: the job.
        asked: what it was asked; a deleted job has none.
        runs: newest first.
        files_of: the names of all files of a run, for runs whose sources were replaced since.
    """
    found = short_object(job)
    if asked is None:
        return found
    options = asked.options
    names = asked.text_names
    found |= {
        "defaultDatabase": asked.default_database or "",
        "defaultSchema": asked.default_schema or "",
        "dataSource": _data_source(asked),
        "showRelationType": _relation_types(options),
        "ignoreRecordSet": options.result_sets is not ResultSets.ALL,
        "ignoreFunction": not options.functions,
        "showConstantTable": options.constants,
        "showTransform": options.transforms,
        "dataflowOfAggregateFunction": "direct" if options.count_is_direct else "indirect",
        "treatArgumentsInCountFunctionAsDirectDataflow": options.count_is_direct,
        "hasMetadata": asked.has_catalog,
        "fileNames": list(names),
        "subJobs": [],
    }
    if job.kind is JobKind.PERSIST:
        found["subJobs"] = _sub_jobs(_as_of(job, runs), names, files_of)
    return found


def word_of(status: JobStatus) -> str:
    """A status as clients know it."""
    return _WORDS.get(status, status.value)


def _as_of(job: Job, runs: Sequence[JobRun]) -> list[JobRun]:
    """The runs when the job was looked at: a worker may have gone on since."""
    return [
        replace(
            run,
            status=job.status,
            begin_at=job.begin_at,
            end_at=job.end_at,
            counts=job.counts,
            error=job.error,
        )
        if run.number == job.run
        else run
        for run in runs
        if run.number <= job.run
    ]


def _sub_jobs(runs: Sequence[JobRun], names: Sequence[str], files_of: FilesOf) -> list[dict[str, Any]]:
    """The batches, oldest first, each with the files that it brought; one that brought none, with all."""
    replaced = max((run.number for run in runs if not run.incremental), default=0)
    found = []
    begin = 0
    for run in reversed(runs):
        known = names if run.number >= replaced else files_of(run)
        end = run.counts.files_total or len(known)  # not counted before it is begun
        begin = begin if run.incremental else 0
        found.append(_sub_job(run, known[begin:end] or known))
        begin = end
    return found


def _sub_job(run: JobRun, names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "batchId": run.batch_id,
        "fileNames": list(names),
        "createTime": _time(run.created_at),
        "status": word_of(run.status),
    }
    if run.begin_at:
        found["lastExecuteTime"] = _time(run.begin_at)
    if run.begin_at and run.end_at:
        found["executeTime"] = _duration((run.end_at - run.begin_at).total_seconds())
    if run.error or run.status is JobStatus.CANCEL:
        found["errorMessage"] = run.error or _CANCELLED
    return found


def _data_source(asked: RequestOutline) -> dict[str, Any]:
    """The database that a job reads, its password never."""
    source = asked.database
    if source is None:
        return {}
    return {
        "account": source.user,
        "database": source.database,
        "hostname": source.host,
        "password": source.password,
    }


def _relation_types(options: ExportOptions) -> str:
    shown = {
        "fdd": options.direct,
        "fdr": options.indirect,
        "join": options.joins,
        "er": options.keys,
        "call": options.calls,
    }
    return ",".join(word for word, is_shown in shown.items() if is_shown)


def _time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def _duration(seconds: float | None) -> str:
    minutes, rest = divmod(round(seconds or 0), 60)
    return f"{minutes}min {rest}sec"
