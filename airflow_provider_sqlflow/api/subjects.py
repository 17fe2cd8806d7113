"""Which lineage a request means: SQL that it brings, an earlier answer, or a job of its user."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_sqlflow.api import work
from airflow_provider_sqlflow.api.operations import Call
from airflow_provider_sqlflow.errors import (
    JobNotFoundError,
    JobNotReadyError,
    RequestError,
    RequestTooLargeError,
    SessionNotFoundError,
)
from airflow_provider_sqlflow.jobs.lookup import iter_jobs
from airflow_provider_sqlflow.jobs.model import NOT_DELETED, Job, JobFilter, JobId

_MAX_NAME_BYTES = 200
_JOB_SESSION = re.compile(r"(?P<job>[0-9a-f]{32})(?P<check>[0-9a-f]{32})_\d+")


@dataclass(frozen=True, slots=True)
class Found:
    """A subject, and what the answer calls it.

    Attributes:
        subject: for the functions of :mod:`~airflow_provider_sqlflow.api.work`.
        session_id: under which later calls find it.
        job: the job it belongs to.
    """

    subject: work.Subject
    session_id: str
    job: Job | None = None

    @property
    def job_id(self) -> str:
        """The job's id; empty without one."""
        return self.job.id if self.job else ""


def of_query(call: Call[Any]) -> Found:
    """What a query-mode request means: its SQL first, then its session, then its job.

    Raises:
        RequestError: it brings none of them, or SQL that cannot be read.
        RequestTooLargeError: the SQL is too long for query mode.
        SessionNotFoundError: there is no such session.
        JobNotFoundError: there is no such job.
    """
    parameters = call.parameters
    text, name = sql_of(call)
    if not text.strip():
        if parameters.session_id or parameters.job_id:
            return of_session_or_job(call)
        raise RequestError(
            "nothing to analyse: send sqltext or sqlfile, or the sessionId of an earlier answer"
        )
    dialect = dialect_of(parameters.dbvendor)
    query = work.Query(
        text,
        name,
        dialect,
        parameters.default_database,
        parameters.default_schema,
        tuple(call.server.state.schemas.texts(call.user, dialect).items()),
    )
    payload = call.server.workers.run(work.analyse, query, call.server.settings)
    session_id = call.server.state.sessions.keep(call.user, payload)
    return Found(work.Subject.kept(payload), session_id)


def of_session_or_job(call: Call[Any]) -> Found:
    """An earlier answer, a job, or without either the user's latest job.

    Raises:
        SessionNotFoundError: there is no such session.
        JobNotFoundError: there is no such job.
        JobNotReadyError: the job has no result.
    """
    session_id = call.parameters.session_id
    if not session_id:
        return of_job(call, call.parameters.job_id)
    in_job = _JOB_SESSION.fullmatch(session_id)
    if in_job:
        try:
            found = of_job(call, in_job["job"])
        except JobNotFoundError:
            found = None
        if found is not None and found.session_id == session_id:
            return found
    payload = call.server.state.sessions.find(session_id, call.user)
    if payload is None:
        raise SessionNotFoundError(
            "no answer has this sessionId, or it was forgotten: send the SQL again; for a job, call "
            "updateUserJobGraphCache"
        )
    return Found(work.Subject.kept(payload), session_id)


def of_job(call: Call[Any], job_id: str = "", job_name: str = "") -> Found:
    """A job's result.

    Raises:
        JobNotFoundError: there is no such job.
        JobNotReadyError: it has no result.
    """
    found = job_of(call, job_id, job_name)
    if not found.result_run:
        reason = f": {found.error}" if found.error else ""
        raise JobNotReadyError(f"job {found.id} is {found.status.value} and has no result{reason}")
    url = call.server.settings.resolved_store_url()
    subject = work.Subject(f"{found.id}:{found.result_run}", None, found.id, url)
    return Found(subject, session_of(found), found)


def job_of(call: Call[Any], job_id: str = "", job_name: str = "") -> Job:
    """A job of the user: by id, else by name, else the latest.

    Raises:
        JobNotFoundError: the user has no such job; another's is none.
    """
    jobs = call.server.jobs
    if job_id:
        try:
            found = jobs.get(JobId(job_id))
        except JobNotFoundError:
            found = None
        if found is None or found.owner != call.user:
            raise JobNotFoundError(f"no job {job_id}")
        return found
    where = JobFilter(owner=call.user, name=job_name, status=NOT_DELETED)
    for job in iter_jobs(jobs.list, where):
        if job.owner == call.user and job_name in ("", job.name):
            return job
    raise JobNotFoundError(f"no job is called {job_name}" if job_name else "there is no job yet")


def session_of(job: Job) -> str:
    """The session id of a job's result. It needs no keeping: it holds the job's id and tells the run.

    Nothing in it changes while a later run is under way.
    """
    if not job.result_run:
        return ""
    check = hashlib.sha256(f"{job.id}:{job.result_run}".encode()).hexdigest()[:32]
    return f"{job.id}{check}_{int(job.created_at.timestamp() * 1000)}"


def sql_of(call: Call[Any]) -> tuple[str, str]:
    """The SQL text of a request and its name: ``sqltext`` wins over ``sqlfile``."""
    limit = call.server.settings.server_max_query_bytes
    text = call.parameters.sqltext
    if text:
        if len(text.encode("utf-8", "replace")) > limit:
            raise _too_long(limit)
        return text, "sqltext"
    files = call.given.files_of("sqlfile")
    if not files:
        return "", ""
    from airflow_provider_sqlflow.ingest.model import file_from_bytes

    if len(files) > 1:
        raise RequestError("query mode takes one sqlfile; submit several as a job")
    data = files[0].file.read(limit + 1)
    if len(data) > limit:
        raise _too_long(limit)
    name = safe_name(files[0].filename or "")
    read = file_from_bytes(name, data, limit)
    if read.problem:
        raise RequestError(f"{name}: {read.problem}")
    if "\0" in read.text:
        raise RequestError(f"{name} is no text")
    return read.text, name


def safe_name(name: str) -> str:
    """The last part of an uploaded file's name, without what cannot be printed, short enough for a disk."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(letter if letter.isprintable() else "_" for letter in last).strip()
    if not plain.strip("."):
        return "script.sql"
    # What a name ends with says what the file is.
    end = PurePosixPath(plain).suffix.encode()[:_MAX_NAME_BYTES]
    kept = plain.encode()[: _MAX_NAME_BYTES - len(end)] + end
    return plain if len(plain.encode()) <= _MAX_NAME_BYTES else kept.decode("utf-8", "ignore")


def dialect_of(vendor: str) -> str:
    """The sqlglot name of a dbvendor.

    Raises:
        UnknownDialectError: it has no name we know.
    """
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect

    return resolve_dialect(vendor)


def _too_long(limit: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"query mode takes up to {limit} bytes of SQL: submit a job instead")
