"""The sensor that waits for a lineage job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.configuration import conf as airflow_conf
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import RemoteUnavailableError
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, check_job, job_summary, log_job
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import Job, JobId
from airflow_provider_sqlflow.triggers.sqlflow import ENDED, TIMEOUT, SqlFlowJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context


class SqlFlowJobSensor(BaseSensorOperator):
    """Wait until a lineage job has ended; returns the job as ``SqlFlowSubmitJobOperator`` does.

    ``success`` passes, and so does ``partial_success`` unless ``fail_on_partial`` is set. A job that
    failed or was cancelled fails the task without retry (skips it with ``soft_fail``). When the time
    is up the job runs on.

    Args:
        job_id: the job to wait for (templated).
        fail_on_partial: fail when some statement or file of the job gave no lineage.
        deferrable: wait in the triggerer; ``mode`` then only matters for the first look.
        sqlflow_conn_id: id of the connection (templated).
        poke_interval: seconds between two looks; by default ``[sqlflow] poll_interval``.
    """

    template_fields: Sequence[str] = ("job_id", "sqlflow_conn_id")
    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        job_id: str,
        fail_on_partial: bool = False,
        deferrable: bool = airflow_conf.getboolean("operators", "default_deferrable", fallback=False),
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        poke_interval: timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        if poke_interval is None:
            poke_interval = conf.poll_interval()
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.job_id = job_id
        self.fail_on_partial = fail_on_partial
        self.deferrable = deferrable
        self.sqlflow_conn_id = sqlflow_conn_id

    @cached_property
    def hook(self) -> SqlFlowHook:
        """The hook of the connection."""
        return SqlFlowHook(self.sqlflow_conn_id)

    def execute(self, context: Context) -> Any:
        """Wait as ``mode`` and ``deferrable`` say.

        Raises:
            AirflowFailException: the job ended without a result, or does not exist.
            AirflowSensorTimeout: the job has not ended in time.
        """
        try:
            if self.deferrable:
                return self._look_and_defer(context)
            return super().execute(context)
        finally:
            self.hook.close()

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once at the job."""
        with airflow_errors():
            job = self.hook.get_job(JobId(self.job_id))
            self.log.info("Job %s is %s", job.id, job.status.value)
            if not job.status.is_terminal:
                return False
            return PokeReturnValue(is_done=True, xcom_value=self._finish(job))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume when the trigger has fired; errors as in :meth:`execute`."""
        event = event or {}
        try:
            with airflow_errors():
                if event.get("outcome") == ENDED:
                    return self._finish(self.hook.get_job(JobId(self.job_id)))
                if event.get("outcome") == TIMEOUT:
                    raise AirflowSensorTimeout(
                        f"job {self.job_id} has not ended within {self.timeout} seconds"
                    )
                if event.get("retryable"):
                    raise RemoteUnavailableError(
                        f"job {self.job_id} cannot be watched: {event.get('message')}"
                    )
                raise AirflowFailException(f"job {self.job_id}: {event.get('message') or event!r}")
        finally:
            self.hook.close()

    def _look_and_defer(self, context: Context) -> Any:
        try:
            looked = self.poke(context)
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        if isinstance(looked, PokeReturnValue):
            return looked.xcom_value
        return self.defer(
            trigger=SqlFlowJobTrigger(
                job_id=self.job_id,
                sqlflow_conn_id=self.sqlflow_conn_id,
                poll_interval=self.poke_interval,
                deadline=time.time() + self.timeout,
                # The sensor did not submit the job: clearing the sensor leaves it alone.
                cancel_on_kill=False,
            ),
            method_name="execute_complete",
            # The trigger's deadline comes first; this one also holds when no triggerer runs.
            timeout=timedelta(seconds=self.timeout + 60),
        )

    def _finish(self, job: Job) -> dict[str, Any]:
        log_job(self.hook, job)
        check_job(job, fail_on_partial=self.fail_on_partial)
        return job_summary(job)
