"""Runs the jobs that the SQLFlow REST API of Airflow's API server takes."""

from airflow_provider_sqlflow.dag_factory import runner_dag

dag = runner_dag()
