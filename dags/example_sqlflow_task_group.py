"""Submit, wait and export as one task group, with asset events for the tables that the SQL writes."""

# [START sqlflow_task_group]
from airflow.sdk import AssetAlias, dag

from airflow_provider_sqlflow.operators.task_group import sqlflow_lineage


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_task_group():
    sqlflow_lineage(
        "warehouse",
        dialect="postgres",
        paths="sql/postgres",  # from the Dag file's folder
        formats=["csv", "openlineage"],
        output_path="/tmp/lineage/",
        outlets=[AssetAlias("warehouse_tables")],
    )


example_sqlflow_task_group()
# [END sqlflow_task_group]
