"""What the triggers share: looking again and again, passing errors, absolute deadlines. Awaited I/O only."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any

from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_sqlflow.errors import SqlFlowError
from airflow_provider_sqlflow.hooks.connected import Connected

ENDED = "ended"
TIMEOUT = "timeout"
ERROR = "error"
LONGEST_PAUSE = 60.0
"""Pauses after errors in a row double up to so many seconds, or to the poll interval where it is longer."""


class PollingTrigger(Connected, BaseTrigger):
    """Fires once: when a look finds what is waited for, the deadline has passed, or looking fails.

    Keeps nothing but its arguments, so that it goes on after a restart of the triggerer.

    Args:
        sqlflow_conn_id: id of the connection; credentials never travel with a trigger.
        poll_interval: seconds between two looks.
        deadline: seconds since the epoch; absolute, so that a restarted triggerer does not extend
            it. ``None`` waits for ever.
        max_errors: failed looks in a row after which waiting may be given up.
        patience: seconds: what fails for a shorter time is never given up, however often it is looked at.
    """

    def __init__(
        self,
        *,
        sqlflow_conn_id: str,
        poll_interval: float,
        deadline: float | None,
        max_errors: int,
        patience: float,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sqlflow_conn_id = sqlflow_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.max_errors = max_errors
        self.patience = patience

    @abstractmethod
    async def look(self) -> dict[str, Any] | None:
        """Look once; the event's payload when the wait is over, else ``None``."""

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """What every event says: which thing was waited for."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to say."""
        errors, began_to_fail = 0, 0.0
        while True:
            try:
                payload = await self.look()
            except (SqlFlowError, AirflowException, OSError) as error:
                errors += 1
                if errors == 1:
                    began_to_fail = time.monotonic()
                is_enough = errors >= self.max_errors and time.monotonic() - began_to_fail >= self.patience
                if _is_final(error) or is_enough:
                    yield self._event(ERROR, str(error), retryable=not _is_final(error))
                    return
                self.log.warning("Look %d failed in a row: %s", errors, error)
            else:
                errors = 0
                if payload is not None:
                    yield TriggerEvent({**self.about(), **payload})  # type: ignore[no-untyped-call]
                    return
            if self.deadline is not None and time.time() >= self.deadline:
                yield self._event(TIMEOUT, "what is waited for did not happen in time")
                return
            await asyncio.sleep(self._pause(errors))

    async def cleanup(self) -> None:
        """Close the client. Runs at every exit, a triggerer's restart included: never cancels."""
        await asyncio.to_thread(self.hook.close)

    def wake_at(self) -> float | None:
        """Seconds since the epoch at which a look must not be missed; the deadline by default."""
        return self.deadline

    def _pause(self, errors: int) -> float:
        pause = self.poll_interval
        if errors > 1:
            pause = min(pause * 2.0 ** (errors - 1), max(LONGEST_PAUSE, pause))
        wake_at, now = self.wake_at(), time.time()
        return pause if wake_at is None or wake_at <= now else min(pause, wake_at - now)

    def _event(self, outcome: str, message: str, **more: Any) -> TriggerEvent:
        payload = {"outcome": outcome, **self.about(), "message": message, **more}
        return TriggerEvent(payload)  # type: ignore[no-untyped-call]


def _is_final(error: Exception) -> bool:
    return isinstance(error, SqlFlowError) and not error.retryable
