"""The trigger that waits for a lineage job in the triggerer. Awaited I/O only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_sqlflow.errors import SqlFlowError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobId

ENDED = "ended"
TIMEOUT = "timeout"
ERROR = "error"


class SqlFlowJobTrigger(BaseTrigger):
    """Fires once: when the job has ended, the deadline has passed, or its status cannot be read.

    The event is a dict: ``outcome`` (``ended``, ``timeout`` or ``error``), ``job_id``, ``message``,
    and ``retryable`` for an error. What the job's end means is decided by the task that resumes.

    Args:
        job_id: the job to wait for.
        sqlflow_conn_id: id of the connection; credentials never travel with a trigger.
        poll_interval: seconds between two looks.
        deadline: seconds since the epoch; absolute, so that a restarted triggerer does not extend
            it. ``None`` waits for ever.
        max_errors: failed looks in a row after which waiting is given up.
        cancel_on_kill: cancel the job when a user clears or marks the waiting task.
    """

    def __init__(
        self,
        *,
        job_id: str,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        poll_interval: float = 10.0,
        deadline: float | None = None,
        max_errors: int = 5,
        cancel_on_kill: bool = True,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_id = job_id
        self.sqlflow_conn_id = sqlflow_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.max_errors = max_errors
        self.cancel_on_kill = cancel_on_kill

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
                "cancel_on_kill": self.cancel_on_kill,
            },
        )

    @cached_property
    def hook(self) -> SqlFlowHook:
        """The hook of the connection."""
        return SqlFlowHook(self.sqlflow_conn_id)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to say."""
        errors = 0
        while True:
            try:
                job = await self.hook.aget_job(JobId(self.job_id))
            except (SqlFlowError, AirflowException, OSError) as error:
                errors += 1
                if _is_final(error) or errors >= self.max_errors:
                    yield self._event(ERROR, str(error), retryable=not _is_final(error))
                    return
                self.log.warning("Look %d of %d failed: %s", errors, self.max_errors, error)
            else:
                errors = 0
                if job.status.is_terminal:
                    yield self._event(ENDED, job.status.value)
                    return
            if self.deadline is not None and time.time() >= self.deadline:
                yield self._event(TIMEOUT, "the job did not end in time")
                return
            await asyncio.sleep(self._pause())

    async def cleanup(self) -> None:
        """Close the client. Runs at every exit, a triggerer's restart included: never cancels."""
        await asyncio.to_thread(self.hook.close)

    async def on_kill(self) -> None:
        """Cancel the job: a user cleared or marked the task that waits for it."""
        if self.cancel_on_kill:
            await self.hook.acancel_job(JobId(self.job_id))

    def _pause(self) -> float:
        if self.deadline is None:
            return self.poll_interval
        return max(0.0, min(self.poll_interval, self.deadline - time.time()))

    def _event(self, outcome: str, message: str, **more: Any) -> TriggerEvent:
        payload = {"outcome": outcome, "job_id": self.job_id, "message": message, **more}
        return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def _is_final(error: Exception) -> bool:
    return isinstance(error, SqlFlowError) and not error.retryable
