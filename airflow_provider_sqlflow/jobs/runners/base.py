"""What a runner is: the one that turns a job in the store into results there."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_sqlflow.jobs.inputs import JobInputs
from airflow_provider_sqlflow.jobs.model import Job, JobRequest


class JobRunner(Protocol):
    """Takes a job over that was just created."""

    def run(self, job: Job, request: JobRequest, inputs: JobInputs) -> None:
        """Analyse the job, or see to it that someone will. ``inputs`` were listed for its creation."""
