"""Our requests and options as the parameters of SQLFlow's operations.

Booleans are sent in lower case and every setting is sent, because the defaults of the operations differ
(reference: sqlflow-api, sections 1.6, 8 and 10).
"""

from __future__ import annotations

from airflow_provider_sqlflow.client.http.marker import marked_name
from airflow_provider_sqlflow.errors import NotSupportedError
from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.jobs.model import DEFAULT_QUEUE, JobRequest, Schedule

_INDIRECT = "fddi,fdr,frd"
"""Services of all ages together: the older two words mean parts of what is ``fdr`` today."""


def boolean(value: bool) -> str:
    """``true`` or ``false``."""
    return "true" if value else "false"


def vendor(dialect: str) -> str:
    """SQLFlow's name of a dialect, from any of its names.

    Raises:
        UnknownDialectError: it has no name we know.
    """
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect, vendor_of

    # A name that SQLFlow knows and sqlglot does not (dbvdb2) is passed on as it is.
    resolved = resolve_dialect(dialect)
    given = dialect.strip().lower()
    return given if given.startswith("dbv") else vendor_of(resolved)


def settings_of(options: ExportOptions) -> dict[str, str]:
    """What an export or a job shows, in SQLFlow's settings."""
    types = [
        word
        for word, is_shown in (
            ("fdd", options.direct),
            (_INDIRECT, options.indirect),
            ("join", options.joins),
            ("er", options.keys),
            ("call", options.calls),
        )
        if is_shown
    ]
    return {
        "showRelationType": ",".join(types),
        "simpleOutput": boolean(options.result_sets is ResultSets.NONE),
        "ignoreRecordSet": boolean(options.result_sets is not ResultSets.ALL),
        "ignoreFunction": boolean(not options.functions),
        "showConstantTable": boolean(options.constants),
        "showTransform": boolean(options.transforms),
        "showLinkOnly": "true",
        "treatArgumentsInCountFunctionAsDirectDataflow": boolean(options.count_is_direct),
        "normalizeIdentifier": boolean(options.normalize_names),
        "tableToTable": boolean(options.table_level),
        "ignoreSelfLineage": boolean(not options.self_lineage),
    }


def check_request(request: JobRequest) -> None:
    """Refuse what a service has no parameter for, before anything is read.

    Owner and origin are no reason: they stay here, since a service knows its account only.

    Raises:
        NotSupportedError: the request names a queue of workers.
    """
    if request.queue != DEFAULT_QUEUE:
        raise NotSupportedError(
            f"a SQLFlow service has no queue {request.queue!r}: it spreads jobs itself; leave the queue out"
        )


def submit_fields(request: JobRequest, dialect: str) -> dict[str, str]:
    """Parameters of a submit, the files' own left out.

    Raises:
        UnknownDialectError: the dialect has no name we know.
    """
    options = settings_of(request.options)
    fields = {
        "jobName": marked_name(request.name, request.tags, request.idempotency_key),
        "dbvendor": vendor(dialect),
        **{name: options[name] for name in _JOB_SETTINGS},
    }
    if request.default_database:
        fields["defaultDatabase"] = request.default_database
    if request.default_schema:
        fields["defaultSchema"] = request.default_schema
    return fields


def persist_fields(
    job_id: str | None, incremental: bool, schedule: Schedule | None, timezone: str
) -> dict[str, str]:
    """Parameters that only persist jobs have; errors as in :func:`schedule_fields`."""
    fields = {"firstSubmit": boolean(job_id is None), "incremental": boolean(incremental)}
    if job_id is not None:
        fields["jobId"] = job_id
    return fields if schedule is None else {**fields, **schedule_fields(schedule, timezone)}


def schedule_fields(schedule: Schedule, timezone: str) -> dict[str, str]:
    """Parameters that give a job a schedule, in the service's own time zone.

    Raises:
        ConfigError: the expression cannot be used.
        NotSupportedError: the schedule is in another zone; the operations have no parameter for one.
    """
    from airflow_provider_sqlflow.jobs.cron import checked_schedule

    schedule = checked_schedule(schedule)
    if schedule.timezone != timezone:
        raise NotSupportedError(
            f"the SQLFlow service runs schedules in its own time zone ({timezone} by the connection), not in "
            f"{schedule.timezone}: convert the cron expression"
        )
    return {"schedulable": "true", "cronExpression": schedule.cron}


_JOB_SETTINGS = (
    "showRelationType",
    "ignoreRecordSet",
    "ignoreFunction",
    "showConstantTable",
    "showTransform",
    "treatArgumentsInCountFunctionAsDirectDataflow",
)
"""Settings that a job is created with; the others belong to an export."""
