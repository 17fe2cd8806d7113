"""Dags made by calls in a Dag file: one for each persist job, and one that runs the REST API's jobs."""

from airflow_provider_sqlflow.dag_factory.loader import dags_from_store, dags_from_yaml
from airflow_provider_sqlflow.dag_factory.runner import runner_dag

__all__ = ["dags_from_store", "dags_from_yaml", "runner_dag"]
