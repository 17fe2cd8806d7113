"""A gate before a deployment: SQL that cannot be understood stops the run, with file, line and column."""

# [START sqlflow_check_syntax]
from airflow.sdk import dag

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowCheckSyntaxOperator, SqlFlowSubmitJobOperator


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_check_syntax():
    check = SqlFlowCheckSyntaxOperator(task_id="check", paths="sql/snowflake", dialect="snowflake")
    check >> SqlFlowSubmitJobOperator(task_id="analyse", paths="sql/snowflake", dialect="snowflake")


example_sqlflow_check_syntax()
# [END sqlflow_check_syntax]
