"""The Dag that runs the jobs which the REST API of Airflow's API server takes.

The API server keeps a job in the store and starts a run of the Dag for it. Should the server die in between,
the job is not lost: runs of the Dag's own schedule look for jobs that wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, check_job, job_summary
from airflow_provider_sqlflow.jobs.model import AIRFLOW_QUEUE, SERVER_QUEUE, Job, JobId, JobStatus

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest
    from airflow_provider_sqlflow.jobs.runners.worker import Worker

JOB_KEY, RUN_KEY = "job_id", "run"
"""What the ``conf`` of a run says that is for one job: its id, and the number of the job's run."""

_DOC = """Runs the lineage jobs that the SQLFlow REST API of this Airflow takes: a run for each job.

Runs of the schedule look for jobs whose run was lost, and mostly find none.
"""


class SqlFlowRunnerOperator(BaseOperator):
    """Run the job that the Dag run's ``conf`` names; without one, all that wait in the API's queue.

    A job is claimed with a lease, as ``sqlflow worker`` claims it: no two work on it, and what a killed try
    had finished is not done again. With a ``conf``, returns the job as ``SqlFlowSubmitJobOperator`` does and
    the name of its ``worker``; else the number of ``jobs`` that were run.
    """

    ui_color = "#dcedf7"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stop: StopRequest | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Run.

        Raises:
            AirflowFailException: there is no such job, or it failed.
            AirflowSkipException: the job was cancelled or deleted.
            AirflowException: the task was told to stop; the job is queued again.
        """
        given = context["dag_run"].conf or {}
        with airflow_errors(), self._worker() as worker:
            if JOB_KEY in given:
                return {**job_summary(self._run_job(worker, given)), "worker": worker.name}
            return {"jobs": self._run_waiting(worker)}

    def on_kill(self) -> None:
        """Lay the work down: the job goes back into the queue."""
        if self._stop is not None:
            self._stop.interrupt()

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        from airflow_provider_sqlflow.jobs.runners.process import opened_worker
        from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest, WorkStopped

        self._stop = StopRequest()
        try:
            with opened_worker(conf.settings(), self._stop, (SERVER_QUEUE,)) as worker:
                yield worker
        except WorkStopped:
            raise AirflowException("told to stop: the job is queued again") from None

    def _run_job(self, worker: Worker, given: dict[str, Any]) -> Job:
        job_id = JobId(str(given[JOB_KEY]))
        job = worker.find_job(job_id)
        if job.queue == AIRFLOW_QUEUE:
            raise ConfigError(f"job {job_id} is shared by the tasks of another Dag, which run it")
        try:
            run = int(given.get(RUN_KEY, job.run))
        except (TypeError, ValueError):
            raise ConfigError(f"{RUN_KEY} = {given[RUN_KEY]!r} is no number of a run") from None
        job = worker.run_job(job_id, run)
        if job.run != run:
            self.log.info("Run %d of job %s has ended; there is a run %d since", run, job_id, job.run)
            return job
        if job.status in (JobStatus.CANCEL, JobStatus.DELETE):
            raise AirflowSkipException(f"job {job.name} ({job_id}) was ended: {job.status.value}")
        check_job(job, fail_on_partial=False)
        return job

    def _run_waiting(self, worker: Worker) -> int:
        from airflow_provider_sqlflow.jobs.runners.stopping import WorkStopped
        from airflow_provider_sqlflow.jobs.runners.worker import WorkUntil

        count = worker.run(WorkUntil.IDLE)
        if self._stop is not None and self._stop.is_made:
            raise WorkStopped
        return count


def runner_dag(
    *,
    dag_id: str = "",
    schedule: str | timedelta | None = "*/10 * * * *",
    max_active_runs: int = 16,
    retries: int = 3,
    retry_delay: float = 30,
    **task: Any,
) -> DAG:
    """The Dag that runs the jobs of the REST API: a run for each job.

    Args:
        dag_id: by default what ``[sqlflow] server_runner_dag`` says.
        schedule: when to look for jobs whose run was lost: cron or a time span; ``None`` for never.
        max_active_runs: so many jobs run at once; the others wait.
        retries: of a task that was killed, or lost its store.
        retry_delay: seconds between two tries.
        task: further arguments of the task: ``pool``, ``queue``, ``executor``, ``execution_timeout``.
    """
    with DAG(
        dag_id=dag_id or conf.server_runner_dag(),
        description="Runs the jobs of the SQLFlow REST API",
        schedule=schedule,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        max_active_runs=max_active_runs,
        is_paused_upon_creation=False,
        tags=["sqlflow"],
        doc_md=_DOC,
    ) as dag:
        SqlFlowRunnerOperator(
            task_id="run", retries=retries, retry_delay=timedelta(seconds=retry_delay), **task
        )
    return dag
