"""Extra links of a task: to its lineage job and to the page that shows the lineage.

The addresses travel by XCom: Airflow asks for links at the end of every run of a task, also when it has
been resumed in a new process, and shows what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey

    from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
    from airflow_provider_sqlflow.jobs.model import JobId

JOB_URL_XCOM_KEY = "sqlflow_job_url"
LINEAGE_URL_XCOM_KEY = "sqlflow_lineage_url"


class SqlFlowJobLink(BaseOperatorLink):
    """*SQLFlow job*: the job on the service that runs it, or on the page that ``[sqlflow] job_url`` names."""

    name = "SQLFlow job"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that the task pushed; empty when there is none."""
        return XCom.get_value(key=JOB_URL_XCOM_KEY, ti_key=ti_key) or ""


class SqlFlowLineageLink(BaseOperatorLink):
    """*Lineage page*: the job's lineage on the page that ``[sqlflow] lineage_url`` names."""

    name = "Lineage page"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that the task pushed; empty when there is none."""
        return XCom.get_value(key=LINEAGE_URL_XCOM_KEY, ti_key=ti_key) or ""


def push_links(hook: SqlFlowHook, job_id: JobId, context: Context) -> None:
    """Push the addresses, also where the UI looks for them while the task still runs."""
    found = (
        (SqlFlowJobLink(), JOB_URL_XCOM_KEY, hook.job_url(job_id)),
        (SqlFlowLineageLink(), LINEAGE_URL_XCOM_KEY, hook.lineage_url(job_id)),
    )
    for link, key, url in found:
        if url:
            context["ti"].xcom_push(key=key, value=url)
            context["ti"].xcom_push(key=link.xcom_key, value=url)
