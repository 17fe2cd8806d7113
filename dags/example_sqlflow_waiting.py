"""Three ways to wait: deferred, from the triggerer on, and for the lineage of a table."""

# [START sqlflow_waiting]
from airflow.sdk import dag

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor, SqlFlowTableLineageSensor


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_waiting():
    submit = SqlFlowSubmitJobOperator(
        task_id="submit",
        sql="INSERT INTO marts.daily (total) SELECT sum(amount) FROM orders",
        dialect="snowflake",
        wait_for_termination=False,
    )
    job_id = submit.output["job_id"]
    deferred = SqlFlowJobSensor(task_id="deferred", job_id=job_id, deferrable=True)
    # Takes no worker slot for its first look either.
    triggered = SqlFlowJobSensor(task_id="triggered", job_id=job_id, start_from_trigger=True, timeout=600)
    # Whichever job, of whichever Dag, finds SQL that writes the table.
    table = SqlFlowTableLineageSensor(task_id="table", table="marts.daily", mode="reschedule", timeout=600)
    submit >> [deferred, triggered, table]


example_sqlflow_waiting()
# [END sqlflow_waiting]
