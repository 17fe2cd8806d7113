"""Sensors that wait for a lineage job, and for the lineage of a table."""

from __future__ import annotations

import dataclasses
import time
from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue, XComArg, timezone
from airflow.sdk.configuration import conf as airflow_conf
from airflow.sdk.definitions.xcom_arg import PlainXComArg
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow.triggers.base import StartTriggerArgs

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError, RemoteUnavailableError
from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, check_job, job_summary, log_job
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import Job, JobId, JobRun, TableRole
from airflow_provider_sqlflow.triggers.sqlflow import (
    ENDED,
    TIMEOUT,
    SqlFlowJobTrigger,
    SqlFlowTableLineageTrigger,
)

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger

_NO_TRIGGERER_SECONDS = 60
"""The trigger's own deadline comes first; so much later Airflow ends the wait, should no triggerer run."""


class _LineageSensor(Connected, BaseSensorOperator):
    """What both sensors share: a first look, then the wait that ``mode`` and ``deferrable`` say.

    Args:
        deferrable: wait in the triggerer.
        sqlflow_conn_id: id of the connection.
        poke_interval: seconds between two looks; by default ``[sqlflow] poll_interval``.
    """

    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        deferrable: bool,
        sqlflow_conn_id: str,
        poke_interval: timedelta | float | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            poke_interval=conf.poll_interval() if poke_interval is None else poke_interval, **kwargs
        )
        self.deferrable = deferrable
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> Any:
        """Wait as ``mode`` and ``deferrable`` say.

        Raises:
            AirflowFailException: what is waited for cannot come any more.
            AirflowSensorTimeout: it did not come in time.
        """
        try:
            if self.deferrable:
                return self._look_and_defer(context)
            return super().execute(context)
        finally:
            self.hook.close()

    @abstractmethod
    def _trigger(self, deadline: float) -> BaseTrigger:
        """What waits in the triggerer, up to a time in seconds since the epoch."""

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
            trigger=self._trigger(time.time() + self.timeout),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout + _NO_TRIGGERER_SECONDS),
        )

    def _fail(self, what: str, event: dict[str, Any]) -> None:
        """Raise what an event other than ``ended`` means."""
        if event.get("outcome") == TIMEOUT:
            raise AirflowSensorTimeout(f"{what}: not within {self.timeout} seconds")
        if event.get("retryable"):
            raise RemoteUnavailableError(f"{what} cannot be watched: {event.get('message')}")
        raise AirflowFailException(f"{what}: {event.get('message') or event!r}")


class SqlFlowJobSensor(_LineageSensor):
    """Wait until a lineage job has ended; returns the job as ``SqlFlowSubmitJobOperator`` does.

    ``success`` passes, and so does ``partial_success`` unless ``fail_on_partial`` is set. A job that
    failed or was cancelled fails the task without retry (skips it with ``soft_fail``). When the time
    is up the job runs on.

    Args:
        job_id: the job to wait for (templated).
        fail_on_partial: fail when some statement or file of the job gave no lineage.
        deferrable: wait in the triggerer; ``mode`` then only matters for the first look.
        start_from_trigger: begin in the triggerer, without a worker slot for the first look. A template of
            ``job_id`` that pulls an XCom must then give ``map_indexes``; not for mapped sensors.
        sqlflow_conn_id: id of the connection (templated).
        poke_interval: seconds between two looks; by default ``[sqlflow] poll_interval``.
    """

    template_fields: Sequence[str] = ("job_id", "sqlflow_conn_id")
    start_trigger_args = StartTriggerArgs(
        trigger_cls="airflow_provider_sqlflow.triggers.sqlflow.SqlFlowJobTrigger",
        next_method="execute_complete",
        trigger_kwargs={},
    )

    def __init__(
        self,
        *,
        job_id: str,
        fail_on_partial: bool = False,
        deferrable: bool = airflow_conf.getboolean("operators", "default_deferrable", fallback=False),
        start_from_trigger: bool = False,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        poke_interval: timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        job_template = (
            _as_template(job_id) if start_from_trigger else ""
        )  # refuses before the Dag has the task
        super().__init__(
            deferrable=deferrable, sqlflow_conn_id=sqlflow_conn_id, poke_interval=poke_interval, **kwargs
        )
        self.job_id = job_id
        self.fail_on_partial = fail_on_partial
        self.start_from_trigger = start_from_trigger
        if start_from_trigger:
            self.start_trigger_args = dataclasses.replace(
                self.start_trigger_args,
                trigger_kwargs={
                    "job_id": job_template,
                    "sqlflow_conn_id": str(sqlflow_conn_id),
                    "poll_interval": self.poke_interval,
                    "cancel_on_kill": False,
                },
                timeout=timedelta(seconds=self.timeout),
            )

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
                if event.get("outcome") != ENDED:
                    self._fail(f"job {self.job_id}", event)
                return self._finish(self.hook.get_job(JobId(self.job_id)))
        finally:
            self.hook.close()

    def _trigger(self, deadline: float) -> BaseTrigger:
        return SqlFlowJobTrigger(
            job_id=self.job_id,
            sqlflow_conn_id=self.sqlflow_conn_id,
            poll_interval=self.poke_interval,
            deadline=deadline,
            # The sensor did not submit the job: clearing the sensor leaves it alone.
            cancel_on_kill=False,
        )

    def _finish(self, job: Job) -> dict[str, Any]:
        log_job(self.hook, job)
        check_job(job, fail_on_partial=self.fail_on_partial)
        return job_summary(job)


def _as_template(value: Any) -> str:
    """The output of another task as a template that the triggerer can render.

    Airflow 3.3's triggerer answers only XCom pulls that name the map index; others wait for ever.
    """
    if not isinstance(value, XComArg):
        return str(value)
    if not isinstance(value, PlainXComArg) or value.operator.is_mapped:
        raise ConfigError("start_from_trigger takes a job_id that is text, a template, or one task's output")
    return f"{{{{ ti.xcom_pull(task_ids={value.operator.task_id!r}, key={value.key!r}, map_indexes=-1) }}}}"


class SqlFlowTableLineageSensor(_LineageSensor):
    """Wait until a table has lineage newer than a time, whichever job found it.

    Returns a dict that names the run that was found: ``table``, ``job_id``, ``run``, ``status`` and
    ``end_at``.

    Args:
        table: dotted name of the table, compared without case; missing parts match any (templated).
        newer_than: the run must have ended later: a time with a zone, or its ISO 8601 text. By default the
            time after which the Dag run was to start (templated).
        role: ``write`` for SQL that writes the table, ``read`` for SQL that reads it, empty for either.
        deferrable: wait in the triggerer; ``mode`` then only matters for the first look.
        sqlflow_conn_id: id of the connection (templated).
        poke_interval: seconds between two looks; by default ``[sqlflow] poll_interval``.
    """

    template_fields: Sequence[str] = ("table", "newer_than", "sqlflow_conn_id")

    def __init__(
        self,
        *,
        table: str,
        newer_than: str | datetime = "{{ dag_run.run_after.isoformat() }}",
        role: str = "write",
        deferrable: bool = airflow_conf.getboolean("operators", "default_deferrable", fallback=False),
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        poke_interval: timedelta | float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            deferrable=deferrable, sqlflow_conn_id=sqlflow_conn_id, poke_interval=poke_interval, **kwargs
        )
        self.table = table
        self.newer_than = newer_than
        self.role = role

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once for a run."""
        with airflow_errors():
            moment = self._moment()
            run = self.hook.find_last_run(self.table, self._role())
            if run is None or run.end_at is None or run.end_at <= moment:
                self.log.info(
                    "Table %s: %s, none after %s",
                    self.table,
                    f"last lineage at {run.end_at}" if run else "no lineage yet",
                    moment.isoformat(),
                )
                return False
            return PokeReturnValue(is_done=True, xcom_value=self._found(run))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume when the trigger has fired; errors as in :meth:`execute`."""
        event = event or {}
        with airflow_errors():
            if event.get("outcome") != ENDED:
                self._fail(f"lineage of table {self.table}", event)
        return {
            "table": self.table,
            "job_id": event["job_id"],
            "run": event["run"],
            "status": event["message"],
            "end_at": event["end_at"],
        }

    def _trigger(self, deadline: float) -> BaseTrigger:
        return SqlFlowTableLineageTrigger(
            table=self.table,
            newer_than=self._moment().isoformat(),
            role=self.role,
            sqlflow_conn_id=self.sqlflow_conn_id,
            poll_interval=self.poke_interval,
            deadline=deadline,
        )

    def _moment(self) -> datetime:
        moment = self.newer_than
        try:
            moment = moment if isinstance(moment, datetime) else timezone.parse(str(moment))
        except ValueError as error:
            raise ConfigError(f"newer_than = {self.newer_than!r} is no time: {error}") from error
        if moment.tzinfo is None:
            raise ConfigError(f"newer_than = {self.newer_than!r} has no time zone")
        return moment

    def _role(self) -> TableRole | None:
        try:
            return TableRole(self.role) if self.role else None
        except ValueError:
            raise ConfigError(f"role = {self.role!r} is neither 'write' nor 'read'") from None

    def _found(self, run: JobRun) -> dict[str, Any]:
        return {
            "table": self.table,
            "job_id": str(run.job_id),
            "run": run.number,
            "status": run.status.value,
            "end_at": "" if run.end_at is None else run.end_at.isoformat(),
        }
