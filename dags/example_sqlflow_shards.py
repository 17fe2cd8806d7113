"""One large job, shared between the tasks of a Dag: Airflow's executor is the cluster."""

# [START sqlflow_shards]
from airflow.sdk import dag

from airflow_provider_sqlflow.task_groups.sqlflow import sqlflow_lineage


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_shards():
    sqlflow_lineage(
        "warehouse",
        paths="sql/snowflake",  # beside this file
        dialect="snowflake",
        shards=4,
        output_path="/tmp/lineage/",
        formats=["json", "csv"],
        default_args={"retries": 2},
    )


example_sqlflow_shards()
# [END sqlflow_shards]
