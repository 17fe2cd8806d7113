"""A job's lineage as OpenLineage events: joins the job with :mod:`airflow_provider_sqlflow.emission`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.emission.context import (
    DEFAULT_LIMITS,
    EventContext,
    EventLimits,
    ParentRun,
    RunsPer,
)
from airflow_provider_sqlflow.emission.events import (
    build_events,
    build_job_events,
    build_static_events,
    job_name_of,
)
from airflow_provider_sqlflow.emission.masking import Redact
from airflow_provider_sqlflow.emission.namespaces import DatabaseAddress
from airflow_provider_sqlflow.emission.naming import DatasetNaming
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.model import Job

if TYPE_CHECKING:
    from airflow_provider_sqlflow.emission.emitter import Emitter
    from airflow_provider_sqlflow.emission.events import Event
    from airflow_provider_sqlflow.engine import LineageResult
    from airflow_provider_sqlflow.settings import Settings


@dataclass(frozen=True, slots=True)
class JobLineage:
    """What the last whole run of a job found.

    Attributes:
        job: the job.
        instant: when that run began.
        results: what it found, one for each dialect, at least one.
        texts: the SQL by source name, for quoting.
    """

    job: Job
    instant: datetime
    results: tuple[LineageResult, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EmissionOptions:
    """How a job's lineage is told; see :class:`~airflow_provider_sqlflow.emission.EventContext`.

    Attributes:
        job_namespace: of the jobs.
        addresses: where databases are, by dialect.
        parent: the run that the statements' runs belong to, such as an Airflow task's. Without one the
            lineage job gets a run of its own, which is their parent.
        is_static: tell of SQL that does not run: job and dataset events instead of runs.
        includes_sql: whether SQL stands in the events.
        source_url: where a statement can be looked up.
        runs_per: how many runs tell of a statement with several targets.
        limits: when an event is split.
        redact: takes out more secrets.
    """

    job_namespace: str
    addresses: Mapping[str, DatabaseAddress]
    parent: ParentRun | None = None
    is_static: bool = False
    includes_sql: bool = True
    source_url: str = ""
    runs_per: RunsPer = RunsPer.STATEMENT
    limits: EventLimits = DEFAULT_LIMITS
    redact: Redact = str

    @classmethod
    def from_settings(cls, settings: Settings) -> EmissionOptions:
        """What the settings say.

        Raises:
            ConfigError: an option cannot be used; the message names it.
        """
        return cls(
            job_namespace=settings.openlineage_namespace,
            addresses=_addresses(settings.openlineage_datasets),
            includes_sql=settings.openlineage_include_sql,
            source_url=settings.openlineage_source_url,
            runs_per=runs_per(settings.openlineage_runs_per),
            limits=EventLimits(
                max_bytes=settings.openlineage_max_event_bytes,
                max_column_links=settings.openlineage_max_column_links,
            ),
        )

    def at(self, dialect: str, address: DatabaseAddress) -> EmissionOptions:
        """The same, with an address for one dialect; what it leaves empty stays as it is."""
        known = self.addresses.get(dialect, DatabaseAddress(dialect))
        merged = DatabaseAddress(
            dialect,
            address.namespace or known.namespace,
            address.default_database or known.default_database,
            address.default_schema or known.default_schema,
        )
        return replace(self, addresses={**self.addresses, dialect: merged})


def lineage_events(lineage: JobLineage, options: EmissionOptions) -> Iterator[Event]:
    """The events of a job's lineage; the same job and options give the same events.

    Raises:
        EmissionError: a namespace has signs that consumers refuse.
    """
    job = lineage.job
    first, *others = [(result, _naming(result, options)) for result in lineage.results]
    parent = options.parent
    context = EventContext(
        event_time=lineage.instant,
        job_namespace=parent.job_namespace if parent else options.job_namespace,
        job_name=parent.job_name if parent else job_name_of(job.name),
        naming=first[1],
        parent=parent,
        texts=lineage.texts,
        includes_sql=options.includes_sql,
        redact=options.redact,
        source_url=options.source_url,
        runs_per=options.runs_per,
        owners=(job.owner,) if job.owner else (),
        tags={"sqlflow_job": str(job.id), **_tags(job.tags)},
        limits=options.limits,
    )
    if parent is None and not options.is_static:
        yield from build_job_events(first[0], context, others)
        return
    build = build_static_events if options.is_static else build_events
    for result, naming in (first, *others):
        yield from build(result, replace(context, naming=naming))


def open_emitter(settings: Settings, config: Mapping[str, object] | None = None) -> Emitter:
    """An emitter for a client configuration, by default that of the settings.

    Raises:
        ConfigError: no backend is configured, or the configuration cannot be used.
    """
    from airflow_provider_sqlflow.emission.channels import open_channels
    from airflow_provider_sqlflow.emission.emitter import Emitter
    from airflow_provider_sqlflow.emission.spool import Spool

    if config is None and settings.openlineage_transport:
        config = {"transport": transport_config(settings.openlineage_transport)}
    return Emitter(open_channels(config), Spool(settings.resolved_spool()))


def transport_config(text: str) -> dict[str, object]:
    """A transport's configuration from JSON.

    Raises:
        ConfigError: it is no JSON object with a ``type``; the message does not repeat it.
    """
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"the OpenLineage transport is not JSON: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("type"), str):
        raise ConfigError('the OpenLineage transport is not of the form {"type": "http", ...}')
    return config


def runs_per(text: str) -> RunsPer:
    """The setting of that name.

    Raises:
        ConfigError: there is no such choice.
    """
    try:
        return RunsPer(text)
    except ValueError:
        choices = " or ".join(choice.value for choice in RunsPer)
        raise ConfigError(f"openlineage_runs_per = {text!r} is not {choices}") from None


def _naming(result: LineageResult, options: EmissionOptions) -> DatasetNaming:
    address = options.addresses.get(result.dialect, DatabaseAddress(result.dialect))
    return DatasetNaming(result.dialect, address.namespace, address.default_database, address.default_schema)


def _addresses(text: str) -> dict[str, DatabaseAddress]:
    if not text:
        return {}
    form = 'openlineage_datasets is not of the form {"postgres": {"namespace": "postgres://db:5432", ...}}'
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{form}: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(form)
    addresses = {}
    for dialect, address in document.items():
        names = set(address) if isinstance(address, dict) else {""}
        if not names <= {"namespace", "database", "schema"}:
            raise ConfigError(f"{form}; {dialect} has {', '.join(sorted(names)) or 'nothing'}")
        addresses[dialect] = DatabaseAddress(
            dialect,
            str(address.get("namespace") or ""),
            address.get("database") or None,
            address.get("schema") or None,
        )
    return addresses


def _tags(tags: tuple[str, ...]) -> dict[str, str]:
    """Job tags: ``key:value`` or ``key=value`` as such, a bare word is true."""
    pairs = {}
    for tag in tags:
        for sign in ("=", ":"):
            key, found, value = tag.partition(sign)
            if found and key and value:
                pairs[key] = value
                break
        else:
            pairs[tag] = "true"
    return pairs
