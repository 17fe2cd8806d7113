"""SQLFlow's job objects as our jobs, runs and files. Every member may be missing.

Facts: reference sqlflow-api, sections 5.3 to 5.7. Times come without a zone; what ``lastExecuteTime`` marks
is not said, and is taken as the begin of the last run, because ``executeTime`` then gives its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_sqlflow.client.http.marker import read_marker
from airflow_provider_sqlflow.errors import ConfigError, UnexpectedAnswerError
from airflow_provider_sqlflow.jobs.model import (
    Job,
    JobCounts,
    JobFile,
    JobId,
    JobKind,
    JobRun,
    JobStatus,
    Schedule,
)

_DURATION = re.compile(r"(\d+)\s*(h|min|sec|s)", re.IGNORECASE)
_SECONDS = {"h": 3600, "min": 60, "sec": 1, "s": 1}
_FIRST_TIME = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""Creation time of a job object that has none."""


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name.

    Raises:
        ConfigError: there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(f"SQLFlow service: timezone {name!r} is no IANA time zone") from None


def status_of(word: object) -> JobStatus:
    """A status word; one that we do not know means that the job is under way."""
    try:
        return JobStatus(str(word).strip().lower())
    except ValueError:
        return JobStatus.UNKNOWN


def read_job(found: Mapping[str, Any], zone: tzinfo) -> Job:
    """A job object as a job.

    Raises:
        UnexpectedAnswerError: it has no id.
    """
    job_id = found.get("jobId")
    if not job_id:
        raise UnexpectedAnswerError("the SQLFlow service answered with a job that has no id")
    status = status_of(found.get("status"))
    name, tags = read_marker(str(found.get("jobName") or ""))
    created = _time(found.get("createTime"), zone) or _FIRST_TIME
    begin = _time(found.get("lastExecuteTime"), zone)
    batches = _objects(found.get("subJobs"))
    run = max(len(batches), 1)
    files = len(file_names(found))
    is_persist = _is_true(found.get("persist")) or _is_true(found.get("incremental"))
    return Job(
        id=JobId(str(job_id)),
        name=name,
        dialect=_dialect(str(found.get("dbVendor") or found.get("dbvendor") or "")),
        status=status,
        created_at=created,
        begin_at=begin,
        end_at=_end(begin or created, found) if status.is_terminal else None,
        owner=str(found.get("userId") or ""),
        tags=tags,
        counts=JobCounts(files_total=files, files_done=files if status.is_terminal else 0),
        error=str(found.get("errorMessage") or ""),
        kind=JobKind.PERSIST if is_persist else JobKind.SIMPLE,
        run=run,
        result_run=run if status.has_result else 0,
        incremental=_is_true(found.get("incremental", True)),
        schedule=_schedule(found, zone),
    )


def read_runs(found: Mapping[str, Any], zone: tzinfo) -> tuple[JobRun, ...]:
    """The batches of a job object, newest first; the job itself where it lists none."""
    job = read_job(found, zone)
    batches = _objects(found.get("subJobs")) or [found]
    runs = []
    for number, batch in enumerate(batches, start=1):
        status = status_of(batch.get("status"))
        names = file_names(batch)
        begin = _time(batch.get("lastExecuteTime"), zone)
        runs.append(
            JobRun(
                job_id=job.id,
                number=number,
                batch_id=str(batch.get("batchId") or ""),
                status=status,
                created_at=_time(batch.get("createTime"), zone) or job.created_at,
                begin_at=begin,
                end_at=_end(begin, batch) if begin is not None and status.is_terminal else None,
                counts=JobCounts(len(names), len(names) if status.is_terminal else 0),
                error=str(batch.get("errorMessage") or ""),
                incremental=job.incremental,
            )
        )
    return tuple(reversed(runs))


def read_files(found: Mapping[str, Any], run: int | None = None) -> tuple[JobFile, ...]:
    """The files of a job object. It tells no status of a file: each has that of its batch or job.

    Args:
        found: the job object.
        run: only the files of this batch, counted from 1.
    """
    batches = _objects(found.get("subJobs"))
    if run is not None and batches:
        batches = batches[max(run - 1, 0) : run]
        found = {**found, "fileNames": []}
    listed = [(name, batch) for batch in batches for name in _names(batch)]
    listed = listed or [(name, found) for name in _names(found)]
    files = []
    for name, owner in listed:
        status = status_of(owner.get("status") or found.get("status"))
        cause = str(owner.get("errorMessage") or found.get("errorMessage") or "")
        files.append(JobFile(name, status, cause=cause if status is JobStatus.FAIL else ""))
    return tuple(files)


def file_names(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the files of a job object, those of its batches included."""
    names = list(_names(found))
    for batch in _objects(found.get("subJobs")):
        names += [name for name in _names(batch) if name not in names]
    return tuple(names)


def _names(found: Mapping[str, Any]) -> tuple[str, ...]:
    names = found.get("fileNames")
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _objects(found: object) -> list[Mapping[str, Any]]:
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _is_true(value: object) -> bool:
    return str(value).strip().lower() == "true"


def _dialect(vendor: str) -> str:
    """The dialect of a vendor name; one that we do not know stays as it is."""
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect
    from airflow_provider_sqlflow.errors import UnknownDialectError

    try:
        return resolve_dialect(vendor)
    except UnknownDialectError:
        return vendor


def _time(text: object, zone: tzinfo) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text).strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(timezone.utc)


def _end(begin: datetime, found: Mapping[str, Any]) -> datetime:
    seconds = sum(
        int(number) * _SECONDS[unit.lower()]
        for number, unit in _DURATION.findall(str(found.get("executeTime") or ""))
    )
    return begin + timedelta(seconds=seconds)


def _schedule(found: Mapping[str, Any], zone: tzinfo) -> Schedule | None:
    """The schedule; its expression is empty where the service does not tell it."""
    if not _is_true(found.get("schedulable")):
        return None
    cron = str(found.get("cronExpression") or "")
    return Schedule(cron, str(zone), is_paused=_is_true(found.get("cancelSchedule")))
