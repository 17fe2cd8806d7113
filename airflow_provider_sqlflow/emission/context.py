"""What events need and a lineage result does not know. Plain values, cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from airflow_provider_sqlflow.emission.masking import Redact
from airflow_provider_sqlflow.emission.naming import DatasetNaming


@dataclass(frozen=True, slots=True)
class ParentRun:
    """The run that started ours: an Airflow task, and the Dag run above it where known."""

    job_namespace: str
    job_name: str
    run_id: str
    root_job_namespace: str = ""
    root_job_name: str = ""
    root_run_id: str = ""


class RunsPer(str, Enum):
    """How many runs tell of a statement with several targets."""

    STATEMENT = "statement"
    """One: consumers that know no explicit edges then join each input with each output."""
    TARGET = "target"
    """One for each target, with the inputs of that target alone."""


@dataclass(frozen=True, slots=True)
class EventLimits:
    """How large an event may be. A larger one is split, see :mod:`..emission.splitting`.

    Attributes:
        max_bytes: of one event as JSON. Kafka takes about 1 MB unless told otherwise, Google 5 MB.
        max_column_links: pairs of an input column with what it flows to; Google drops the column lineage
            of messages with more than 1500.
        max_table_links: inputs times outputs; Google refuses more than 1000.
    """

    max_bytes: int = 1_000_000
    max_column_links: int = 1500
    max_table_links: int = 1000


DEFAULT_LIMITS = EventLimits()


@dataclass(frozen=True, slots=True)
class DatasetDetails:
    """What somebody knows about a dataset besides the SQL.

    Attributes:
        description: of the dataset.
        columns: descriptions by column name.
        owners: for example ``team:sales``.
        tags: values by key; a key ``column.key`` belongs to the column.
    """

    description: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventContext:
    """What events need and a result does not know.

    Attributes:
        event_time: when the statements ran, or are taken to have run; aware.
        job_namespace: OpenLineage namespace of the jobs.
        job_name: name before each statement's own part. Below a parent it must be the parent's job
            name, else Marquez renames the job.
        naming: names the datasets.
        parent: the run that started these.
        texts: SQL text of each source name, for the ``sql`` facet; what is missing gets none.
        includes_sql: whether SQL stands in the events: statements, expressions, quoted parts of messages.
        redact: takes out more secrets than :func:`~..masking.mask_sql` knows.
        source_url: where a statement can be looked up, with ``{path}`` and ``{line}``, for example
            ``https://github.com/acme/dw/blob/main/{path}#L{line}``; empty gives no facet.
        runs_per: see :class:`RunsPer`.
        owners: of the jobs.
        tags: of the jobs, value by key.
        description: of jobs whose statement has no comment of its own.
        details: of datasets, by dataset name.
        limits: when an event is split.
    """

    event_time: datetime
    job_namespace: str
    job_name: str
    naming: DatasetNaming
    parent: ParentRun | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    includes_sql: bool = True
    redact: Redact = str
    source_url: str = ""
    runs_per: RunsPer = RunsPer.STATEMENT
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    details: Mapping[str, DatasetDetails] = field(default_factory=dict)
    limits: EventLimits = DEFAULT_LIMITS
