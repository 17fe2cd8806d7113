"""Operators that end jobs: cancel and delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_sqlflow.errors import JobNotFoundError
from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, job_summary
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import Job, JobId

if TYPE_CHECKING:
    from airflow.sdk import Context


class SqlFlowCancelJobOperator(Connected, BaseOperator):
    """Stop a lineage job; one that has ended stays as it is.

    Returns the job as ``SqlFlowSubmitJobOperator`` does.

    Args:
        job_id: the job (templated).
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = ("job_id", "sqlflow_conn_id")
    ui_color = "#f3e3e0"

    def __init__(
        self, *, job_id: str, sqlflow_conn_id: str = SqlFlowHook.default_conn_name, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Cancel.

        Raises:
            AirflowFailException: there is no such job.
        """
        try:
            with airflow_errors():
                job = self.hook.cancel_job(JobId(self.job_id))
        finally:
            self.hook.close()
        self.log.info("Job %s is %s", job.id, job.status.value)
        return job_summary(job)


class SqlFlowDeleteJobOperator(Connected, BaseOperator):
    """Remove a lineage job's input and results; a running one is stopped. Its line in the list stays.

    Returns the job as ``SqlFlowSubmitJobOperator`` does, or ``None`` for one that does not exist.

    Args:
        job_id: the job (templated).
        fail_if_missing: fail when there is no such job.
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = ("job_id", "sqlflow_conn_id")
    ui_color = "#f3e3e0"

    def __init__(
        self,
        *,
        job_id: str,
        fail_if_missing: bool = False,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.fail_if_missing = fail_if_missing
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Delete.

        Raises:
            AirflowFailException: there is no such job, with ``fail_if_missing``.
        """
        try:
            with airflow_errors():
                job = self._delete()
        finally:
            self.hook.close()
        if job is None:
            self.log.info("There is no job %s", self.job_id)
            return None
        self.log.info("Deleted job %s", job.id)
        return job_summary(job)

    def _delete(self) -> Job | None:
        try:
            return self.hook.delete_job(JobId(self.job_id))
        except JobNotFoundError:
            if self.fail_if_missing:
                raise
            return None
