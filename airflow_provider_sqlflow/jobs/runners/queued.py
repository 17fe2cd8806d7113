"""Leaves jobs in the store for ``sqlflow worker`` processes."""

from __future__ import annotations

from airflow_provider_sqlflow.jobs.model import Job


class QueuedRunner:
    """A :class:`~airflow_provider_sqlflow.jobs.runners.base.JobRunner` that leaves the work to others.

    A job is queued from its creation on, so nothing is left to do: should this process die right after
    the job was kept, a worker finds it all the same.
    """

    def run(self, job: Job) -> None:
        """See the protocol."""
