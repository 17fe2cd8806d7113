"""Jobs: submitted, looked up, ended, scheduled. Facts: reference sqlflow-api, section 5."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import queries as q
from airflow_provider_sqlflow.api.envelope import Answer
from airflow_provider_sqlflow.api.job_objects import job_object, short_object
from airflow_provider_sqlflow.api.operations import Call, Operation
from airflow_provider_sqlflow.api.subjects import dialect_of, job_of, of_job
from airflow_provider_sqlflow.api.uploads import CsvLayout, Uploaded, check_layout, kept_on_disk, read_uploads
from airflow_provider_sqlflow.errors import JobNotFoundError, RequestError
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS
from airflow_provider_sqlflow.ingest.hosts import AllowedHosts
from airflow_provider_sqlflow.ingest.selection import split_patterns
from airflow_provider_sqlflow.jobs.databases import allowed_source
from airflow_provider_sqlflow.jobs.lookup import RequestOutline, iter_jobs
from airflow_provider_sqlflow.jobs.model import (
    NOT_DELETED,
    DatabaseSource,
    Job,
    JobCounts,
    JobFilter,
    JobId,
    JobRequest,
    JobRun,
    JobSource,
    JobStatus,
    Schedule,
)

GROUP = "Job interface"
SQLFILES = "sqlfiles"

JOB_OPTIONS = replace(REQUEST_DEFAULTS, result_sets=ResultSets.TOP, functions=False)
"""What a job shows that is submitted without settings (reference sqlflow-api, section 8)."""

DEFAULT_VENDOR = "dbvoracle"
"""The documented default of ``dbvendor``."""

_PAGE = 500


# -- submitting


def submit(call: Call[q.SubmitQuery]) -> Answer:
    """Create a job; it runs elsewhere."""
    call.server.check_submit(call.caller)
    request = _request(call, call.parameters.job_name)
    return _submitted(call, call.server.jobs.submit(request))


def submit_persist(call: Call[q.PersistQuery]) -> Answer:
    """Create a persist job, or add a batch to one."""
    parameters = call.parameters
    if parameters.first_submit and parameters.job_id:
        raise RequestError("firstSubmit: the first submit of a job has no jobId yet; leave one of them out")
    call.server.check_submit(call.caller)
    schedule = _schedule(parameters)
    known = job_of(call, parameters.job_id) if parameters.job_id else None
    request = _request(call, parameters.job_name or (known.name if known else ""))
    submitted = call.server.jobs.submit_persist(
        request,
        known.id if known else None,
        incremental=parameters.incremental,
        schedule=schedule,
    )
    return _submitted(call, submitted)


def submit_table_affect(call: Call[q.TableAffectQuery]) -> Answer:
    """Create a job that tells which tables its SQL reads and writes.

    The documents name the operation only. With ``jobId``, the SQL is read in that job's dialect, with the
    columns that the job was given.
    """
    call.server.check_submit(call.caller)
    parameters = call.parameters
    uploaded = _uploaded(call)
    if not uploaded.sources:
        raise RequestError("sqlfiles: is required")
    known = call.server.jobs.get_request(job_of(call, parameters.job_id).id) if parameters.job_id else None
    request = JobRequest(
        name=parameters.job_name or uploaded.sources[0].name,
        dialect=known.dialect if known else uploaded.dialect or dialect_of(DEFAULT_VENDOR),
        sources=uploaded.sources,
        owner=call.user,
        default_database=known.default_database if known else None,
        default_schema=known.default_schema if known else None,
        catalog={**(known.catalog if known else {}), **uploaded.catalog},
        queue=call.server.queue,
        options=replace(JOB_OPTIONS, table_level=not parameters.column_level),
    )
    return _submitted(call, call.server.jobs.submit(request))


def _request(call: Call[Any], name: str) -> JobRequest:
    uploaded = _uploaded(call)
    database = _database(call)
    sources: tuple[JobSource, ...] = (*uploaded.sources, *database)
    if not sources:
        raise RequestError(
            "nothing to analyse: send files as sqlfiles, or hostname and database of a database"
        )
    parameters = call.parameters
    given = "dbvendor" in parameters.model_fields_set
    return JobRequest(
        name=name or (uploaded.sources[0].name if uploaded.sources else parameters.database),
        dialect=dialect_of(parameters.dbvendor) if given or not uploaded.dialect else uploaded.dialect,
        sources=sources,
        owner=call.user,
        default_database=parameters.default_database or None,
        default_schema=parameters.default_schema or None,
        catalog=uploaded.catalog,
        queue=call.server.queue,
        options=_options(parameters),
    )


def _uploaded(call: Call[Any]) -> Uploaded:
    parameters = call.parameters
    files = call.given.files_of(SQLFILES)
    if not files:
        return Uploaded(())
    layout = CsvLayout()
    if isinstance(parameters, p.Source):
        layout = CsvLayout(
            parameters.csv_format, parameters.object_code_enclose_char, parameters.object_code_escape_char
        )
    check_layout(layout)
    with kept_on_disk(files) as paths:
        return call.server.workers.run(read_uploads, paths, layout, call.server.settings)


def _database(call: Call[Any]) -> tuple[DatabaseSource, ...]:
    """The database that the job reads, if its host is one that the operator of the server allows."""
    parameters = call.parameters
    if not parameters.hostname:
        return ()
    wanted = DatabaseSource(
        dialect=dialect_of(parameters.dbvendor),
        host=parameters.hostname,
        port=parameters.port or 0,
        user=parameters.account,
        password=parameters.password,
        database=parameters.database,
        extract=split_patterns(parameters.extracted_dbs_schemas),
        exclude=split_patterns(parameters.excluded_dbs_schemas),
        procedures=split_patterns(parameters.extracted_stored_procedures),
        views=split_patterns(parameters.extracted_views),
    )
    return (allowed_source(wanted, _hosts(call)),)


def _hosts(call: Call[Any]) -> AllowedHosts:
    return AllowedHosts.parse(call.server.settings.server_allowed_hosts)


def _options(parameters: p.JobSettings) -> ExportOptions:
    return p.read_options(parameters, JOB_OPTIONS)


def _schedule(parameters: q.PersistQuery) -> Schedule | None:
    if not parameters.schedulable:
        return None
    if not parameters.cron_expression:
        raise RequestError("cronExpression: is required with schedulable=true")
    return Schedule(parameters.cron_expression)


# -- looking up


def show(call: Call[p.NamedJobKey]) -> Answer:
    """One job, by id or name; without either the latest."""
    return _told(call, job_of(call, call.parameters.job_id, call.parameters.job_name))


def show_all(call: Call[p.Parameters]) -> Answer:
    """All jobs of the user, pinned ones before the others, newest first."""
    found = sorted(_all(call), key=lambda job: not job.on_top)
    counted = [job.status for job in found]
    data = {
        "total": len(found),
        "success": counted.count(JobStatus.SUCCESS),
        "partialSuccess": counted.count(JobStatus.PARTIAL_SUCCESS),
        "fail": counted.count(JobStatus.FAIL) + counted.count(JobStatus.CANCEL),
        "jobIds": [job.id for job in found],
        "jobDetails": _listed(call, found),
    }
    return Answer(data)


def _listed(call: Call[Any], found: list[Job]) -> list[dict[str, Any]]:
    """Jobs as lists show them."""
    names: dict[JobId, tuple[str, ...]] = {}
    for begin in range(0, len(found), _PAGE):
        names |= call.server.jobs.list_names(found[begin : begin + _PAGE])
    email = _email(call)
    return [short_object(job) | {"fileNames": list(names.get(job.id, ()))} | email for job in found]


def _all(call: Call[Any]) -> list[Job]:
    return list(iter_jobs(call.server.jobs.list, JobFilter(status=NOT_DELETED, owner=call.user)))


# -- changing


def rerun(call: Call[p.NamedJobKey]) -> Answer:
    """Run a job again, over what it was given."""
    call.server.check_submit(call.caller)
    found = job_of(call, call.parameters.job_id, call.parameters.job_name)
    for source in call.server.jobs.get_request(found.id).sources:
        if isinstance(source, DatabaseSource):  # the operator may have thought better of it
            allowed_source(source, _hosts(call))
    return _queued(call, call.server.jobs.rerun(found.id))


def delete(call: Call[p.JobKey]) -> Answer:
    """Remove a job and its results."""
    found = _named(call)
    if found.status is JobStatus.DELETE:
        raise JobNotFoundError(f"no job {found.id}")
    return Answer(short_object(call.server.jobs.delete(found.id)) | {"status": "delete"} | _email(call))


def refresh(call: Call[p.JobKey]) -> Answer:
    """The session id of a job's result, for selections."""
    found = of_job(call, call.parameters.job_id)
    return Answer({"sessionId": found.session_id})


def set_on_top(call: Call[q.OnTopQuery]) -> Answer:
    """Pin a job, or undo that."""
    return _told(call, call.server.jobs.set_on_top(_named(call).id, call.parameters.on_top))


# -- schedules


def list_scheduled(call: Call[p.Parameters]) -> Answer:
    """The user's jobs with a schedule."""
    return Answer([short_object(job) for job in call.server.jobs.list_scheduled() if job.owner == call.user])


def pause(call: Call[p.JobKey]) -> Answer:
    """Cancel a schedule until it is resumed."""
    return _told(call, call.server.jobs.pause_schedule(_named(call).id))


def resume(call: Call[p.JobKey]) -> Answer:
    """Undo a pause."""
    return _told(call, call.server.jobs.resume_schedule(_named(call).id))


def reschedule(call: Call[q.CronQuery]) -> Answer:
    """Give a job another schedule."""
    schedule = Schedule(call.parameters.cron_expression)
    return _told(call, call.server.jobs.set_schedule(_named(call).id, schedule))


# -- steps


def _named(call: Call[Any]) -> Job:
    """The job of ``jobId``, which must be given: nothing is changed by guess."""
    if not call.parameters.job_id:
        raise RequestError("jobId: is required")
    return job_of(call, call.parameters.job_id)


def _submitted(call: Call[Any], job: Job) -> Answer:
    """The answer of a submit; the job is pinned where that is asked for."""
    if call.parameters.on_top:
        job = call.server.jobs.set_on_top(job.id, True)
    return _queued(call, job)


def _queued(call: Call[Any], job: Job) -> Answer:
    """A job as it was submitted, though a worker may have begun since (reference sqlflow-api, 5.2, 5.7)."""
    return _told(
        call, replace(job, status=JobStatus.CREATE, begin_at=None, end_at=None, counts=JobCounts(), error="")
    )


def _told(call: Call[Any], job: Job) -> Answer:
    return Answer(whole_object(call, job))


def _email(call: Call[Any]) -> dict[str, str]:
    """The caller's address, where it is known; all jobs that are told are the caller's."""
    account = call.server.state.accounts.find(call.user)
    return {"userEmail": account.email} if account is not None and account.email else {}


def whole_object(call: Call[Any], job: Job) -> dict[str, Any]:
    """A job with its settings, files and batches."""
    jobs = call.server.jobs

    def files_of(run: JobRun) -> list[str]:
        return [file.path for file in jobs.list_files(job.id, run.number)]

    asked: RequestOutline | None = None
    runs: tuple[JobRun, ...] = ()
    try:
        if job.status is not JobStatus.DELETE:
            asked, runs = jobs.get_outline(job), jobs.list_runs(job.id)
    except JobNotFoundError:  # deleted since
        job = jobs.get(job.id)
    return job_object(job, asked, runs, files_of) | _email(call)


def _op(name: str, parameters: Any, run: Any, summary: str, **more: Any) -> Operation[Any]:
    return Operation(f"/sqlflow/job/{name}", parameters, run, summary, GROUP, **more)


OPERATIONS = (
    _op("submitUserJob", q.SubmitQuery, submit, "Submit a job", file_part=SQLFILES),
    _op("submitPersistJob", q.PersistQuery, submit_persist, "Submit a persist job", file_part=SQLFILES),
    _op(
        "submitTableAffectSQLJob",
        q.TableAffectQuery,
        submit_table_affect,
        "Submit SQL to learn its tables",
        file_part=SQLFILES,
    ),
    _op("displayUserJobSummary", p.NamedJobKey, show, "How a job stands"),
    _op("displayUserJobsSummary", p.Parameters, show_all, "All jobs of the user"),
    _op("rerunJob", p.NamedJobKey, rerun, "Run a job again"),
    _op("deleteUserJob", p.JobKey, delete, "Delete a job"),
    _op("updateUserJobGraphCache", p.JobKey, refresh, "Session of a job's result"),
    _op("setJobOnTop", q.OnTopQuery, set_on_top, "Pin a job in the list"),
    _op("listScheduleJobs", p.Parameters, list_scheduled, "Jobs with a schedule"),
    _op("pauseScheduleJob", p.JobKey, pause, "Cancel a schedule until it is resumed"),
    _op("resumeScheduleJob", p.JobKey, resume, "Resume a schedule"),
    _op("updateScheduleJob", q.CronQuery, reschedule, "Change a schedule"),
)
"""Submitting and looking after jobs."""
