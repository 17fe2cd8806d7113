"""A Dag for each persist job: those in the job store, and those that sqlflow_jobs.yaml declares."""

from airflow_provider_sqlflow.dag_factory import dags_from_store, dags_from_yaml

globals().update(dags_from_yaml("sqlflow_jobs.yaml"))
globals().update(dags_from_store())
