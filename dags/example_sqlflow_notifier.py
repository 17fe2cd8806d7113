"""A message about what a lineage job found, whether it went well or not."""

# [START sqlflow_notifier]
from airflow.sdk import dag

from airflow_provider_sqlflow.notifications.sqlflow import SqlFlowNotifier
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator


def post(message: str) -> None:
    """Stands for a chat's hook: ``send=SlackWebhookHook(...).send_text`` works just so."""
    print(f"to the data team: {message}")


@dag(schedule=None, tags=["sqlflow", "example"])
def example_sqlflow_notifier():
    SqlFlowSubmitJobOperator(
        task_id="analyse",
        sql="INSERT INTO daily (total) SELECT sum(amount) FROM orders",
        dialect="mysql",
        on_success_callback=SqlFlowNotifier(
            message="{{ sqlflow.counts.column_edges }} column edges in {{ sqlflow.job_name }}", send=post
        ),
        on_failure_callback=SqlFlowNotifier(send=post),
    )


example_sqlflow_notifier()
# [END sqlflow_notifier]
