"""What a runner is: the one that sees to it that a queued job is run."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_sqlflow.jobs.model import Job


def cause_of(error: BaseException) -> str:
    """What a job says of the error that ended it."""
    unsaid = "no more is known" if isinstance(error, Exception) else "interrupted"
    return f"{type(error).__name__}: {str(error) or unsaid}"


class JobRunner(Protocol):
    """Takes a job over that was just queued."""

    def run(self, job: Job) -> None:
        """Run the job, or see to it that someone will."""
