"""The sign of life of whoever works on a job: keeps its claim, and learns when it has ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType

from airflow_provider_sqlflow.errors import LeaseLostError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.model import JobCounts
from airflow_provider_sqlflow.jobs.runners.outage import StoreOutage
from airflow_provider_sqlflow.jobs.store.base import Claim, JobStore

log = logging.getLogger(__name__)

BEATS_PER_LEASE = 3
"""Two may fail before the lease ends."""

_RETRY_SECONDS = 1.0
_JOIN_SECONDS = 5.0


class Heartbeat:
    """Renews a claim from a thread of its own for the time of a ``with`` block.

    So a lease may be short and a file long. While the store does not answer it tries more often: until
    another worker claims the job, the claim can still be renewed, even past its end.

    Args:
        store: holds the claim.
        claim: what to renew.
        lease_seconds: how long each renewal lasts.
        clock: the present time, aware.
        outage: told whether the store answers.
    """

    def __init__(
        self,
        store: JobStore,
        claim: Claim,
        lease_seconds: float,
        clock: Callable[[], datetime],
        outage: StoreOutage,
    ) -> None:
        self._store = store
        self._claim = claim
        self._lease = timedelta(seconds=lease_seconds)
        self._pause = lease_seconds / BEATS_PER_LEASE
        self._clock = clock
        self._outage = outage
        self._progress = (claim.job.counts, claim.job.current_file)
        self._lost: LeaseLostError | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"sqlflow-lease-{claim.job.id}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        # A renewal under way when the claim has been given back changes nothing, so it need not be awaited.
        self._thread.join(_JOIN_SECONDS)

    def tell(self, counts: JobCounts, current_file: str) -> None:
        """How far the work is: goes to the store with the next renewal.

        Raises:
            LeaseLostError: a renewal was refused; working on is in vain.
        """
        self._progress = (counts, current_file)
        if self._lost is not None:
            raise LeaseLostError(*self._lost.args)

    @property
    def counts(self) -> JobCounts:
        """What was told last."""
        return self._progress[0]

    def renew(self) -> None:
        """Renew at once.

        Raises:
            LeaseLostError: the claim has ended.
            StoreUnavailableError: the store does not answer.
        """
        counts, current_file = self._progress
        self._store.renew_claim(self._claim, self._clock() + self._lease, counts, current_file)

    def _beat(self) -> None:
        pause = self._pause
        while not self._is_over.wait(pause):
            is_answered = self._try_to_renew()
            if self._lost is not None:
                return
            pause = self._pause if is_answered else min(self._pause, _RETRY_SECONDS)

    def _try_to_renew(self) -> bool:
        """Renew, or learn that the claim is lost; False when it has to be tried again."""
        try:
            self.renew()
        except LeaseLostError as error:
            self._lost = error
        except StoreUnavailableError as error:
            self._outage.begin(error)
            return False
        except Exception:
            # This thread would end, and with the lease the work of another one.
            log.exception("job %s: its lease could not be renewed", self._claim.job.id)
            return False
        self._outage.end()
        return True
