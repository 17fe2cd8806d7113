"""Dags that the tests of what survives run. Each run says which queue its jobs wait in."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor

SUBMIT = {
    "sql": "create table daily as select sum(amount) as total from orders;",
    "dialect": "postgres",
    "job_queue": "{{ dag_run.conf['queue'] }}",
    "poll_interval": 1.0,
    "retries": 1,
    "retry_delay": timedelta(seconds=1),
}

with DAG("waits", schedule=None):
    SqlFlowSubmitJobOperator(task_id="analyse", deferrable=False, **SUBMIT)

with DAG("defers", schedule=None):
    SqlFlowSubmitJobOperator(task_id="analyse", deferrable=True, **SUBMIT)

with DAG("has_wrong_password", schedule=None):
    SqlFlowSubmitJobOperator(task_id="analyse", sqlflow_conn_id="sqlflow_wrong_password", **SUBMIT)

with DAG("many_sensors", schedule=None, max_active_tasks=500):

    @task
    def job_ids(dag_run=None) -> list[str]:
        return dag_run.conf["job_ids"]

    SqlFlowJobSensor.partial(task_id="wait", deferrable=True, poke_interval=1.0).expand(job_id=job_ids())

with DAG("many_submits", schedule=None, max_active_tasks=500):

    @task
    def texts(dag_run=None) -> list[str]:
        count = dag_run.conf["count"]
        return [f"create table t{number} as select a from s{number};" for number in range(count)]

    SqlFlowSubmitJobOperator.partial(
        task_id="submit", wait_for_termination=False, **{key: SUBMIT[key] for key in SUBMIT if key != "sql"}
    ).expand(sql=texts())
