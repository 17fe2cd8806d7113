"""Persist jobs as Dags: two calls in a Dag file, and a Dag for each job appears."""

from airflow_provider_sqlflow.dag_factory.loader import dags_from_store, dags_from_yaml

__all__ = ["dags_from_store", "dags_from_yaml"]
