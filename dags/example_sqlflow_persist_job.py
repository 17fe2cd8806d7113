"""One lineage job that every run feeds: only files that changed are analysed again."""

# [START sqlflow_persist_job]
from airflow.sdk import dag

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator, SqlFlowSubmitPersistJobOperator


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_persist_job():
    job = SqlFlowSubmitPersistJobOperator(
        task_id="submit",
        job_name="warehouse",  # the first run creates the job of this name, the others add to it
        paths="sql/postgres",
        dialect="postgres",
    )
    SqlFlowExportOperator(
        task_id="export",
        job_id=job.output["job_id"],
        output_path="/tmp/lineage/warehouse.csv",
        formats="csv",
    )


example_sqlflow_persist_job()
# [END sqlflow_persist_job]
