"""The smallest useful Dag: lineage of one statement, as a file."""

# [START sqlflow_minimal]
from airflow.sdk import dag

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator, SqlFlowSubmitJobOperator


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_minimal():
    job = SqlFlowSubmitJobOperator(
        task_id="analyse",
        sql="INSERT INTO daily_sales (day, total) SELECT sold_on, sum(amount) FROM sales GROUP BY sold_on",
        dialect="postgres",
    )
    SqlFlowExportOperator(
        task_id="export", job_id=job.output["job_id"], output_path="/tmp/lineage/", formats="csv"
    )


example_sqlflow_minimal()
# [END sqlflow_minimal]
