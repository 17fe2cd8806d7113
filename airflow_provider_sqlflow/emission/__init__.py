"""Lineage results as OpenLineage events, and their way to a backend."""

from airflow_provider_sqlflow.emission.context import (
    DatasetDetails,
    EventContext,
    EventLimits,
    ParentRun,
    RunsPer,
)
from airflow_provider_sqlflow.emission.events import (
    build_events,
    build_job_events,
    build_static_events,
    events_to_ndjson,
)
from airflow_provider_sqlflow.emission.naming import DatasetId, DatasetNaming

__all__ = [
    "DatasetDetails",
    "DatasetId",
    "DatasetNaming",
    "EventContext",
    "EventLimits",
    "ParentRun",
    "RunsPer",
    "build_events",
    "build_job_events",
    "build_static_events",
    "events_to_ndjson",
]
