"""What a persist job becomes when it is submitted again."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS
from airflow_provider_sqlflow.jobs.model import DEFAULT_QUEUE, JobRequest, JobSource, source_key


def add_batch(kept: JobRequest, new: JobRequest, incremental: bool) -> JobRequest:
    """The request of a persist job's next run.

    A field that the new submit leaves at its default keeps what the job has.

    Args:
        kept: what the job asked so far.
        new: what is submitted now.
        incremental: whether sources and catalog join those of the job, or replace them.

    Raises:
        ConfigError: the dialect is another one; results of two dialects cannot be one job's.
    """
    if new.dialect != kept.dialect:
        raise ConfigError(
            f"the job's dialect is {kept.dialect} and cannot become {new.dialect}; submit another job"
        )
    return replace(
        new,
        name=new.name or kept.name,
        sources=_joined(kept.sources, new.sources) if incremental else new.sources,
        owner=new.owner or kept.owner,
        tags=new.tags or kept.tags,
        default_database=kept.default_database if new.default_database is None else new.default_database,
        default_schema=kept.default_schema if new.default_schema is None else new.default_schema,
        catalog={**kept.catalog, **new.catalog} if incremental else new.catalog,
        queue=kept.queue if new.queue == DEFAULT_QUEUE else new.queue,
        options=kept.options if new.options == DEFAULT_OPTIONS else new.options,
    )


def _joined(kept: tuple[JobSource, ...], new: tuple[JobSource, ...]) -> tuple[JobSource, ...]:
    """Sources in the order of their first submit; a text replaces the one of its name."""
    joined: dict[tuple[object, ...], JobSource] = {}
    for source in (*kept, *new):
        joined[source_key(source)] = source
    return tuple(joined.values())
