"""What operators share that submit a job: three ways to wait, re-attachment, kills, links, asset events."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError, JobTimeoutError, RemoteUnavailableError, SqlFlowError
from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, check_job, job_summary, log_job
from airflow_provider_sqlflow.jobs.model import Job, JobId
from airflow_provider_sqlflow.operators.links import SqlFlowJobLink, SqlFlowLineageLink, push_links
from airflow_provider_sqlflow.operators.outlets import emit_assets
from airflow_provider_sqlflow.operators.submission import cancel_active_jobs, forget, instance_tag
from airflow_provider_sqlflow.triggers.sqlflow import ENDED, RESUME, TIMEOUT, SqlFlowJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

JOB_ID_XCOM_KEY = "job_id"
KILL_SECONDS = 5.0
"""How long :meth:`JobOperator.on_kill` may take: the supervisor kills soon after."""


class JobOperator(Connected, BaseOperator):
    """Submits a lineage job and, unless told otherwise, waits for its end.

    Args:
        wait_for_termination: ``False`` returns after the submit.
        deferrable: wait in the triggerer instead of a worker slot.
        poll_interval: seconds between two looks; by default ``[sqlflow] poll_interval``.
        timeout: seconds after which the job is cancelled and the task fails; ``None`` sets no limit.
        fail_on_partial: fail the task when some statement or file gave no lineage.
        cancel_on_kill: cancel the job when the task is killed, cleared or marked while it waits.
        emit_assets: add events for the tables written to every ``AssetAlias`` among the outlets.
        dataset_namespace: OpenLineage namespace of the tables, for their assets.
        sqlflow_conn_id: id of the connection.
    """

    operator_extra_links = (SqlFlowJobLink(), SqlFlowLineageLink())
    ui_color = "#dcedf7"

    def __init__(
        self,
        *,
        wait_for_termination: bool,
        deferrable: bool,
        poll_interval: float | None,
        timeout: float | None,
        fail_on_partial: bool,
        cancel_on_kill: bool,
        emit_assets: bool,
        dataset_namespace: str,
        sqlflow_conn_id: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_termination = wait_for_termination
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.fail_on_partial = fail_on_partial
        self.cancel_on_kill = cancel_on_kill
        self.emit_assets = emit_assets
        self.dataset_namespace = dataset_namespace
        self.sqlflow_conn_id = sqlflow_conn_id
        self._tag = ""
        self._lineage_job: Job | None = None  # what OpenLineage is told of the task

    @abstractmethod
    def _submit(self, context: Context) -> Job:
        """Submit the job, or find the one that an interrupted try submitted."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit, and wait where asked.

        Raises:
            AirflowFailException: the input is unusable or the job ended without a result.
            JobTimeoutError: the job did not end in time; it has been cancelled.
            TaskDeferred: the job runs on and the triggerer waits.
        """
        self._tag = instance_tag(context["ti"])
        try:
            with airflow_errors():
                self._interval()  # a bad one is told before a job exists
                job = self._submit(context)
                context["ti"].xcom_push(key=JOB_ID_XCOM_KEY, value=str(job.id))
                push_links(self.hook, job.id, context)
                if not self.wait_for_termination:
                    forget(context)
                    return job_summary(job)
                return self._await(job, context, self._deadline())
        finally:
            self.hook.close()

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume when the trigger has fired; errors as in :meth:`execute`."""
        if not event or not event.get("job_id"):
            raise AirflowFailException(f"the trigger said nothing about a job: {event!r}")
        self._tag = instance_tag(context["ti"])
        job_id = JobId(event["job_id"])
        outcome = event.get("outcome")
        try:
            with airflow_errors():
                if outcome == ENDED:
                    return self._finish(self.hook.get_job(job_id), context)
                if outcome == RESUME:
                    return self._await(self.hook.resume_job(job_id), context, event.get("deadline"))
                if outcome == TIMEOUT:
                    self._give_up(job_id, context)
                if event.get("retryable"):
                    raise RemoteUnavailableError(f"job {job_id} cannot be watched: {event.get('message')}")
                raise AirflowFailException(f"job {job_id}: {event.get('message') or event!r}")
        finally:
            self.hook.close()

    def on_kill(self) -> None:
        """Cancel the task's jobs that have not ended, best effort.

        Airflow calls this in a signal handler, which may have interrupted a transaction of the
        embedded engine in this very thread: another thread does it, and is not waited for long.
        """
        if not self._tag or not self.cancel_on_kill:
            return
        thread = threading.Thread(target=self._cancel, name="sqlflow-cancel", daemon=True)
        thread.start()
        thread.join(KILL_SECONDS)

    def _interval(self) -> float:
        if self.poll_interval is None:
            return conf.poll_interval()
        if self.poll_interval <= 0:
            raise ConfigError(f"task {self.task_id}: poll_interval = {self.poll_interval} is not above zero")
        return self.poll_interval

    def _deadline(self) -> float | None:
        """When the time is up, in seconds since the epoch.

        While deferred, ``execution_timeout`` counts as well: Airflow drops it then.
        """
        limits = [] if self.timeout is None else [self.timeout]
        if self.deferrable and self.execution_timeout is not None:
            limits.append(self.execution_timeout.total_seconds())
        return time.time() + min(limits) if limits else None

    def _await(self, job: Job, context: Context, deadline: float | None) -> dict[str, Any]:
        if not job.status.is_terminal:
            if self.deferrable:
                self._defer(job, deadline)
            job = self._poll(job, context, deadline)
        return self._finish(job, context)

    def _defer(self, job: Job, deadline: float | None) -> None:
        self.log.info("Job %s is %s: waiting in the triggerer", job.id, job.status.value)
        resume_seconds = self.hook.get_conn().resume_seconds
        self.defer(
            trigger=SqlFlowJobTrigger(
                job_id=str(job.id),
                sqlflow_conn_id=self.sqlflow_conn_id,
                poll_interval=self._interval(),
                deadline=deadline,
                cancel_on_kill=self.cancel_on_kill,
                resume_at=None if resume_seconds is None else time.time() + resume_seconds,
            ),
            method_name="execute_complete",
        )

    def _poll(self, job: Job, context: Context, deadline: float | None) -> Job:
        interval = self._interval()
        while not job.status.is_terminal:
            remaining = interval if deadline is None else deadline - time.time()
            if remaining <= 0:
                self._give_up(job.id, context)
            self.log.info(
                "Job %s is %s: %d of %d files",
                job.id,
                job.status.value,
                job.counts.files_done,
                job.counts.files_total,
            )
            time.sleep(min(interval, remaining))
            # Not only a look: a job whose process was lost is taken over once its lease has ended.
            job = self.hook.resume_job(job.id)
        return job

    def _give_up(self, job_id: JobId, context: Context) -> None:
        job = self.hook.cancel_job(job_id)
        forget(context)
        raise JobTimeoutError(f"job {job_id} did not end in time and is now {job.status.value}")

    def _finish(self, job: Job, context: Context) -> dict[str, Any]:
        self._lineage_job = job
        forget(context)
        log_job(self.hook, job)
        check_job(job, fail_on_partial=self.fail_on_partial)
        summary = job_summary(job)
        if self.emit_assets:
            extra = {"status": summary["status"], "counts": summary["counts"]}
            emit_assets(self, self.hook, job, context, self.dataset_namespace, extra)
        return summary

    def _cancel(self) -> None:
        try:
            for job_id in cancel_active_jobs(self.hook, self._tag):
                self.log.info("Cancelled job %s", job_id)
        except SqlFlowError:
            self.log.exception("The task's job could not be cancelled")
