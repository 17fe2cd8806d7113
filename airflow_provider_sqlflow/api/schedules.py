"""Runs scheduled jobs again where no Airflow does: beside a server that stands alone."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from airflow_provider_sqlflow.errors import JobError, SqlFlowError
from airflow_provider_sqlflow.ingest.hosts import AllowedHosts
from airflow_provider_sqlflow.jobs.cron import next_run
from airflow_provider_sqlflow.jobs.databases import allowed_source
from airflow_provider_sqlflow.jobs.model import DatabaseSource, Job, JobId, Schedule
from airflow_provider_sqlflow.jobs.service import JobService, utc_now

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
"""Pause between two looks: a run begins so much late at most."""


class ScheduleRunner:
    """Queues another run of each persist job when its schedule says so.

    A time counts if it passes after the schedule was first seen here and after the job's last run began:
    what passed while no server ran is not made up for. A job that is still under way runs again when it has
    ended, once. Several servers on one store queue a run once.

    Args:
        jobs: all jobs.
        hosts: databases that jobs may read.
        clock: the present time, aware.
    """

    def __init__(
        self, jobs: JobService, hosts: AllowedHosts, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._jobs = jobs
        self._hosts = hosts
        self._clock = clock
        self._seen: dict[JobId, tuple[Schedule, datetime]] = {}
        self._broken: set[tuple[JobId, Schedule | None]] = set()

    def look(self) -> int:
        """Queue what is due; tells how many runs.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        now = self._clock()
        scheduled = self._jobs.list_scheduled()
        self._seen = {job.id: self._first_seen(job, now) for job in scheduled}
        return sum(self._run_if_due(job, now) for job in scheduled)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again, in a thread, for as long as the context lasts."""
        stop = threading.Event()

        def work() -> None:
            while True:
                try:
                    self.look()
                except SqlFlowError as error:
                    log.warning("the schedules cannot be read, looking again soon: %s", error)
                except Exception:
                    log.exception("the schedules cannot be followed, looking again soon")
                if stop.wait(LOOK_SECONDS):
                    return

        thread = threading.Thread(target=work, name="sqlflow-schedules", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _first_seen(self, job: Job, now: datetime) -> tuple[Schedule, datetime]:
        known = self._seen.get(job.id)
        schedule = job.schedule
        assert schedule is not None  # noqa: S101  # by what was asked for
        return known if known is not None and known[0] == schedule else (schedule, now)

    def _run_if_due(self, job: Job, now: datetime) -> bool:
        try:
            return self._is_due(job, now) and self._run(job)
        except Exception:
            # A zone that this machine does not know, a request of a later version: the others can run.
            if (job.id, job.schedule) not in self._broken:
                self._broken.add((job.id, job.schedule))
                log.exception("job %s (%r): its schedule cannot be followed", job.id, job.name)
            return False

    def _is_due(self, job: Job, now: datetime) -> bool:
        schedule, since = self._seen[job.id]
        if not job.status.is_terminal:
            return False
        due = next_run(schedule, max(since, job.begin_at or job.created_at))
        return due is not None and due <= now

    def _run(self, job: Job) -> bool:
        try:
            for source in self._jobs.get_request(job.id).sources:
                if isinstance(source, DatabaseSource):
                    allowed_source(source, self._hosts)
            self._jobs.rerun(job.id, after_run=job.run)
        except JobError as error:  # another server was quicker, or it was deleted
            log.debug("job %s is not run again: %s", job.id, error)
            return False
        except SqlFlowError as error:
            log.warning("job %s (%r) cannot run on its schedule: %s", job.id, job.name, error)
            return False
        log.info("job %s (%r) runs again on its schedule", job.id, job.name)
        return True
