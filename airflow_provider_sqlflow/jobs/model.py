"""Jobs: what is asked, what becomes of it. Standard library only, so that it is cheap to import.

Statuses and fields follow SQLFlow's job interface (reference: sqlflow-api, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, NewType

from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions

JobId = NewType("JobId", str)


class JobStatus(str, Enum):
    """Where a job stands. ``UNKNOWN`` is a remote word we do not know: still in progress."""

    CREATE = "create"
    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAIL = "fail"
    CANCEL = "cancel"
    DELETE = "delete"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        """Whether the job can still change by itself."""
        return self in _TERMINAL

    @property
    def has_result(self) -> bool:
        """Whether results exist and can be exported."""
        return self in (JobStatus.SUCCESS, JobStatus.PARTIAL_SUCCESS)


NOT_DELETED = tuple(status for status in JobStatus if status is not JobStatus.DELETE)
"""What a filter of jobs that are still there names."""

_TERMINAL = frozenset(
    {
        JobStatus.SUCCESS,
        JobStatus.PARTIAL_SUCCESS,
        JobStatus.FAIL,
        JobStatus.CANCEL,
        JobStatus.DELETE,
    }
)

TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.CREATE: frozenset({JobStatus.RUNNING, JobStatus.FAIL, JobStatus.CANCEL, JobStatus.DELETE}),
    JobStatus.RUNNING: frozenset(
        {
            JobStatus.CREATE,  # a lost worker's job goes back to the queue
            JobStatus.SUCCESS,
            JobStatus.PARTIAL_SUCCESS,
            JobStatus.FAIL,
            JobStatus.CANCEL,
            JobStatus.DELETE,
        }
    ),
    # An ended job is queued again by another submit of a persist job, or by a rerun.
    JobStatus.SUCCESS: frozenset({JobStatus.CREATE, JobStatus.DELETE}),
    JobStatus.PARTIAL_SUCCESS: frozenset({JobStatus.CREATE, JobStatus.DELETE}),
    JobStatus.FAIL: frozenset({JobStatus.CREATE, JobStatus.DELETE}),
    JobStatus.CANCEL: frozenset({JobStatus.CREATE, JobStatus.DELETE}),
    JobStatus.DELETE: frozenset(),
    JobStatus.UNKNOWN: frozenset(),
}
"""The only allowed status changes."""


class JobKind(str, Enum):
    """How a job lives. Reference: sqlflow-api, section 5.1."""

    SIMPLE = "simple"
    """One run; input and settings are frozen at submit."""
    PERSIST = "persist"
    """Submitted again and again under one id; a run may be scheduled."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a persist job runs again: five cron fields, in an IANA time zone."""

    cron: str
    timezone: str = "UTC"
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class TaskOrigin:
    """The Airflow task instance that submitted a job. ``map_index`` is -1 for an unmapped task."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1


@dataclass(frozen=True, slots=True)
class TextSource:
    """SQL text given inline; ``name`` is what diagnostics call it.

    ``database`` and ``schema`` complete the text's names instead of the request's defaults.
    """

    name: str
    text: str
    database: str | None = None
    schema: str | None = None


def _shown(path: str) -> str:
    """A path, or a URL without its secrets."""
    from airflow_provider_sqlflow.ingest.urls import redacted

    return redacted(path)


@dataclass(frozen=True, slots=True, repr=False)
class PathSource:
    """What lies on a path, or behind a URL that fsspec knows, as the runner sees it.

    A SQL file, a folder (searched for ``*.sql``), a zip archive, a dbt project or its ``manifest.json``,
    database metadata of the ingester format, or a ``*.csv`` of SQL in SQLFlow's default layout.

    Attributes:
        path: path or URL. A URL with a password is kept in the job store, but never shown.
        storage_options: fsspec's options of a URL; likewise kept and never shown.
    """

    path: str
    storage_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __repr__(self) -> str:
        return f"PathSource(path={_shown(self.path)!r})"


@dataclass(frozen=True, slots=True, repr=False)
class CsvSource:
    """A CSV file of SQL, each row one script (reference: sqlflow-api, section 1.6).

    Attributes:
        path: path or URL, as :class:`PathSource` takes it.
        columns: positions of database, schema, object type, object name, object code and notes, a digit
            each; 0 where there is no such column.
        enclose: the quote around fields; empty for none.
        escape: what makes a quote part of a field: the quote itself, doubled, or another character.
        storage_options: fsspec's options of a URL.
    """

    path: str
    columns: str = "123456"
    enclose: str = '"'
    escape: str = '"'
    storage_options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __repr__(self) -> str:
        layout = f"columns={self.columns!r}, enclose={self.enclose!r}, escape={self.escape!r}"
        return f"CsvSource(path={_shown(self.path)!r}, {layout})"


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A database whose views and routines are the SQL, and whose columns are the catalog.

    Each run reads it anew. Patterns are those of
    :class:`~airflow_provider_sqlflow.ingest.selection.Selection` (reference: sqlflow-api, section 5.2).

    Attributes:
        dialect: sqlglot name.
        host: name or address.
        user: account to connect with.
        password: kept in the job store, but never shown.
        database: empty for every database of the server.
        port: 0 for the usual one.
        extract: schemas to read, ``db/schema`` or ``db.schema``, with ``*``; where the database is given,
            one name is a schema. Empty for all.
        exclude: schemas to leave out of these.
        procedures: functions and procedures to read, ``db.schema.name`` or ``schema.name``; empty for all.
        views: views to read; empty for all.
    """

    dialect: str
    host: str
    user: str
    password: str = field(repr=False)
    database: str = ""
    port: int = 0
    extract: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    views: tuple[str, ...] = ()


JobSource = TextSource | PathSource | CsvSource | DatabaseSource


def source_key(source: JobSource) -> tuple[object, ...]:
    """What makes two sources of a job the same one: a text's name, a path, what is read of which database."""
    if isinstance(source, TextSource):
        return TextSource, source.name
    if isinstance(source, DatabaseSource):
        # Another account or password opens the same database.
        return DatabaseSource, replace(source, user="", password="")
    return type(source), source.path


DEFAULT_QUEUE = "default"
"""The queue of jobs that name none."""

AIRFLOW_QUEUE = "airflow"
"""The queue of jobs that the tasks of a Dag share between them: submitting leaves such a job alone."""

SERVER_QUEUE = "airflow-server"
"""The queue of jobs that the server inside Airflow takes: runs of the runner Dag work on it."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What to analyse. Frozen at submit.

    ``dialect`` may be ``auto`` (or empty) where a source says what it is written in.
    ``catalog`` maps a dotted table name to its columns. The same ``idempotency_key`` with the same
    request gives the same job; with another request it is a conflict. ``options`` are what exports of
    the job show unless told otherwise. ``queue`` names the workers that may run it.
    """

    name: str
    dialect: str
    sources: tuple[JobSource, ...]
    owner: str = ""
    tags: tuple[str, ...] = ()
    default_database: str | None = None
    default_schema: str | None = None
    catalog: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    idempotency_key: str | None = None
    queue: str = DEFAULT_QUEUE
    options: ExportOptions = DEFAULT_OPTIONS
    origin: TaskOrigin | None = None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How much a job has done and found. All numbers only grow while it runs."""

    files_total: int = 0
    files_done: int = 0
    statements: int = 0
    failed_statements: int = 0
    relations: int = 0
    column_edges: int = 0
    diagnostics: int = 0
    input_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the store knows it: its last run's status, times and counts. Times are aware and UTC.

    ``run`` is the number of the last run, from 1. ``result_run`` is the last run whose result is whole,
    0 where there is none: exports show that one, also while a later run is under way.
    """

    id: JobId
    name: str
    dialect: str
    status: JobStatus
    created_at: datetime
    begin_at: datetime | None = None
    end_at: datetime | None = None
    owner: str = ""
    tags: tuple[str, ...] = ()
    counts: JobCounts = JobCounts()
    current_file: str = ""
    error: str = ""
    kind: JobKind = JobKind.SIMPLE
    queue: str = DEFAULT_QUEUE
    run: int = 1
    result_run: int = 0
    incremental: bool = True
    schedule: Schedule | None = None
    on_top: bool = False
    """Whether its owner wants it before the others in lists."""

    @property
    def duration_seconds(self) -> float | None:
        """From begin to end; ``None`` while there is no end."""
        if self.begin_at is None or self.end_at is None:
            return None
        return (self.end_at - self.begin_at).total_seconds()

    @property
    def progress_percent(self) -> int:
        """How many of 100 parts of the last run's files are done; 100 when it ended with a result."""
        if self.status.has_result:
            return 100
        return 100 * self.counts.files_done // max(self.counts.files_total, 1)


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job: one submit, re-submit or scheduled run (SQLFlow: a sub job with a batch id)."""

    job_id: JobId
    number: int
    batch_id: str
    status: JobStatus
    created_at: datetime
    begin_at: datetime | None = None
    end_at: datetime | None = None
    counts: JobCounts = JobCounts()
    error: str = ""
    incremental: bool = True
    origin: TaskOrigin | None = None


class TableRole(str, Enum):
    """What a run found out about a table."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class TableInstance:
    """A run submitted by an Airflow task whose SQL reads or writes a table."""

    table: str
    role: TableRole
    run: JobRun


@dataclass(frozen=True, slots=True)
class JobTable:
    """A table that a job's SQL reads or writes. ``kind`` is a value of ``engine.RelationKind``."""

    database: str | None
    schema: str | None
    name: str
    kind: str
    role: TableRole


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """What a syntax check says about a place in a text; lines and columns count from 1.

    Attributes:
        file: the text's name.
        line: 0 where unknown.
        column: 0 where unknown.
        is_error: whether a statement could not be understood; otherwise it is only worth knowing.
        message: in one line.
    """

    file: str
    line: int
    column: int
    is_error: bool
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class InstancePage:
    """One page of a look-up by table, newest run first, and how many match in all."""

    instances: tuple[TableInstance, ...]
    total: int


@dataclass(frozen=True, slots=True)
class JobFile:
    """What became of one file of a job. ``cause`` says why it failed, with line and column."""

    path: str
    status: JobStatus
    statements: int = 0
    failed_statements: int = 0
    cause: str = ""

    @property
    def successful_statements(self) -> int:
        """How many statements were understood."""
        return self.statements - self.failed_statements


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list. Empty fields do not filter. ``name`` matches a part, without case."""

    status: tuple[JobStatus, ...] = ()
    name: str = ""
    owner: str = ""
    tag: str = ""
    queue: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a list, newest job first, and how many jobs match in all."""

    jobs: tuple[Job, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What an export wrote."""

    format: str
    path: str
    size: int
    relations: int
    edges: int
