"""What a runner is: the one that sees to it that a queued job is run."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_sqlflow.jobs.model import Job


class JobRunner(Protocol):
    """Takes a job over that was just queued."""

    def run(self, job: Job) -> None:
        """Run the job, or see to it that someone will."""
