"""The triggers that wait for lineage in the triggerer."""

from __future__ import annotations

import time
from typing import Any

from airflow.sdk import timezone

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobId, TableRole
from airflow_provider_sqlflow.triggers.polling import ENDED, ERROR, TIMEOUT, PollingTrigger

__all__ = ["ENDED", "ERROR", "RESUME", "TIMEOUT", "SqlFlowJobTrigger", "SqlFlowTableLineageTrigger"]

RESUME = "resume"


class SqlFlowJobTrigger(PollingTrigger):
    """Fires once: when the job has ended, the deadline has passed, or its status cannot be read.

    The event is a dict: ``outcome`` (``ended``, ``timeout``, ``error`` or ``resume``), ``job_id``,
    ``message``, ``retryable`` for an error, ``deadline`` for ``resume``. What the job's end means is
    decided by the task that resumes.

    Args:
        job_id: the job to wait for.
        sqlflow_conn_id: id of the connection; credentials never travel with a trigger.
        poll_interval: seconds between two looks; after failed looks the pauses grow.
        deadline: seconds since the epoch; absolute, so that a restarted triggerer does not extend
            it. ``None`` waits for ever.
        max_errors: failed looks in a row after which waiting may be given up.
        patience: seconds: what fails for a shorter time is never given up.
        cancel_on_kill: cancel the job when a user clears or marks the waiting task.
        resume_at: seconds since the epoch at which the task shall look whether the job was lost with the
            process that ran it, and take it over; ``None`` where others see to that.
    """

    def __init__(
        self,
        *,
        job_id: str,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        poll_interval: float = 10.0,
        deadline: float | None = None,
        max_errors: int = 5,
        patience: float = 60.0,
        cancel_on_kill: bool = True,
        resume_at: float | None = None,
    ) -> None:
        super().__init__(
            sqlflow_conn_id=sqlflow_conn_id,
            poll_interval=poll_interval,
            deadline=deadline,
            max_errors=max_errors,
            patience=patience,
        )
        self.job_id = job_id
        self.cancel_on_kill = cancel_on_kill
        self.resume_at = resume_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments that rebuild this trigger elsewhere."""
        return (
            "airflow_provider_sqlflow.triggers.sqlflow.SqlFlowJobTrigger",
            {
                "job_id": self.job_id,
                "sqlflow_conn_id": self.sqlflow_conn_id,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "max_errors": self.max_errors,
                "patience": self.patience,
                "cancel_on_kill": self.cancel_on_kill,
                "resume_at": self.resume_at,
            },
        )

    def about(self) -> dict[str, Any]:
        """The job."""
        return {"job_id": self.job_id}

    async def look(self) -> dict[str, Any] | None:
        """Whether the job has ended, or it is time to take it over."""
        job = await self.hook.aget_job(JobId(self.job_id))
        if job.status.is_terminal:
            return {"outcome": ENDED, "message": job.status.value}
        if self.resume_at is not None and time.time() >= self.resume_at:
            return {"outcome": RESUME, "message": job.status.value, "deadline": self.deadline}
        return None

    def wake_at(self) -> float | None:
        """The nearer of the deadline and the time to take over."""
        return min((at for at in (self.deadline, self.resume_at) if at is not None), default=None)

    async def on_kill(self) -> None:
        """Cancel the job: a user cleared or marked the task that waits for it."""
        if self.cancel_on_kill:
            await self.hook.acancel_job(JobId(self.job_id))


class SqlFlowTableLineageTrigger(PollingTrigger):
    """Fires once: when a table has lineage new enough, the deadline has passed, or looking fails.

    The event is a dict: ``outcome`` (``ended``, ``timeout`` or ``error``), ``table``, ``message``, with
    ``job_id``, ``run`` and ``end_at`` of the run that was found, and ``retryable`` for an error.

    Args:
        table: dotted name of the table; missing parts match any.
        newer_than: ISO 8601 time with a zone; the run must have ended later.
        role: ``write`` or ``read``: what the run's SQL does with the table; empty for either.
        sqlflow_conn_id: id of the connection; credentials never travel with a trigger.
        poll_interval: seconds between two looks; after failed looks the pauses grow.
        deadline: seconds since the epoch; ``None`` waits for ever.
        max_errors: failed looks in a row after which waiting may be given up.
        patience: seconds: what fails for a shorter time is never given up.
    """

    def __init__(
        self,
        *,
        table: str,
        newer_than: str,
        role: str = "write",
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        poll_interval: float = 10.0,
        deadline: float | None = None,
        max_errors: int = 5,
        patience: float = 60.0,
    ) -> None:
        super().__init__(
            sqlflow_conn_id=sqlflow_conn_id,
            poll_interval=poll_interval,
            deadline=deadline,
            max_errors=max_errors,
            patience=patience,
        )
        self.table = table
        self.newer_than = newer_than
        self.role = role

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class path and the arguments that rebuild this trigger elsewhere."""
        return (
            "airflow_provider_sqlflow.triggers.sqlflow.SqlFlowTableLineageTrigger",
            {
                "table": self.table,
                "newer_than": self.newer_than,
                "role": self.role,
                "sqlflow_conn_id": self.sqlflow_conn_id,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "max_errors": self.max_errors,
                "patience": self.patience,
            },
        )

    def about(self) -> dict[str, Any]:
        """The table."""
        return {"table": self.table}

    async def look(self) -> dict[str, Any] | None:
        """Whether a run that ended late enough knows the table."""
        role = TableRole(self.role) if self.role else None
        run = await self.hook.afind_last_run(self.table, role)
        if run is None or run.end_at is None or run.end_at <= timezone.parse(self.newer_than):
            return None
        return {
            "outcome": ENDED,
            "message": run.status.value,
            "job_id": str(run.job_id),
            "run": run.number,
            "end_at": run.end_at.isoformat(),
        }
