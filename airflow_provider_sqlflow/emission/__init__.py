"""Lineage results as OpenLineage events."""

from airflow_provider_sqlflow.emission.events import EventContext, build_events, events_to_ndjson
from airflow_provider_sqlflow.emission.facets import ParentRun
from airflow_provider_sqlflow.emission.naming import DatasetId, DatasetNaming

__all__ = ["DatasetId", "DatasetNaming", "EventContext", "ParentRun", "build_events", "events_to_ndjson"]
