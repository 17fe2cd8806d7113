"""A job shared between tasks: one plans, several analyse, one merges.

Shards only fill the store with kept results. The merge is a run of the job like any other, which finds them
and analyses whatever it does not find: so the result is that of one process, whatever became of the shards.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_sqlflow.errors import JobFailedError, JobNotReadyError, LeaseLostError, SqlFlowError
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.model import Job, JobCounts, JobId, JobStatus
from airflow_provider_sqlflow.jobs.reading import ReadInputs, read_inputs
from airflow_provider_sqlflow.jobs.runners.base import cause_of
from airflow_provider_sqlflow.jobs.runners.heartbeat import Heartbeat
from airflow_provider_sqlflow.jobs.runners.outage import StoreOutage
from airflow_provider_sqlflow.jobs.runners.worker import worker_name
from airflow_provider_sqlflow.jobs.sharding.grouping import ShardStage
from airflow_provider_sqlflow.jobs.sharding.plan import ShardPlan, plan_shards
from airflow_provider_sqlflow.jobs.sharding.shard import ShardAnalysis, ShardSummary
from airflow_provider_sqlflow.jobs.spool import TextSpool
from airflow_provider_sqlflow.jobs.store.base import Claim, JobStore, SavedText
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)

_TEXTS_AT_ONCE = 64
_CLAIM_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class MergeSummary:
    """The job at its end, and how many files the merge had to analyse because no shard had kept them."""

    job: Job
    analyzed: int


class ShardedJobs:
    """What the tasks that share a job do. Every method raises ``JobNotFoundError`` for an unknown job.

    Args:
        store: where the tasks find each other's work; all must reach it.
        settings: limits, processes and lease.
        clock: the present time, aware.
    """

    def __init__(self, store: JobStore, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def plan(self, job_id: JobId, shards: int) -> ShardPlan:
        """Read the job's sources once, put the texts into the store and spread the files over shards.

        Planning again replaces the plan.

        Args:
            job_id: a submitted job that nobody runs.
            shards: how many shards a stage may have, at least 1.

        Raises:
            InputError: the sources cannot be read; the job is then ``fail``.
            JobFailedError: the job was cancelled, or has ended.
        """
        with self._working(job_id) as (claim, tell), TextSpool() as texts:
            inputs = read_inputs(claim.request, self._settings, texts, tell)
            plan = plan_shards(inputs, shards)
            self._store.plan_files(claim, [file.name for file in inputs.files], inputs.digest)
            planned = JobCounts(files_total=len(inputs.files))
            for start in range(0, len(inputs.files), _TEXTS_AT_ONCE):
                self._store.save_texts(claim, _texts(inputs, range(start, start + _TEXTS_AT_ONCE)))
                tell(inputs.files[start].name, planned)
            self._store.save_plan(claim, plan.to_json())
            self._store.release_claim(claim)
        sizes = {stage.value: [len(shard) for shard in plan.shards.of(stage)] for stage in ShardStage}
        log.info("job %s: %d file(s) in shards of %s", job_id, len(plan.files), sizes)
        return plan

    def analyze(self, job_id: JobId, stage: ShardStage, number: int) -> ShardSummary:
        """Analyse one shard's files and keep their results; what is kept already is not analysed again.

        Args:
            job_id: a planned job.
            stage: all shards of an earlier stage should have ended, else their files are analysed here too.
            number: of the shard, from 0; one beyond the plan's has no files.

        Raises:
            JobFailedError: the job was cancelled or failed; seen within a moment, between two files.
            JobNotReadyError: it has not been planned.
        """
        if self._open_job(job_id).status.has_result:
            return ShardSummary()
        document = self._store.find_plan(job_id)
        if document is None:
            raise JobNotReadyError(f"job {job_id} has not been planned, so it has no shards")
        plan = ShardPlan.from_json(document)
        shards = plan.shards.of(stage)
        if number >= len(shards):
            return ShardSummary()
        analysis = ShardAnalysis(self._store, self._settings, job_id, plan, lambda: self._open_job(job_id))
        summary = analysis.run(shards[number])
        log.info(
            "job %s: shard %d of stage %s: %d file(s), %d analysed, %d of them for other shards",
            job_id,
            number,
            stage.value,
            summary.files,
            summary.analyzed,
            summary.foreign,
        )
        return summary

    def merge(self, job_id: JobId) -> MergeSummary:
        """Run the job to its end with the results that the shards kept; one that has ended is given back.

        Raises:
            InputError: the sources cannot be read any more; the job is then ``fail``.
            JobFailedError: the job was cancelled or failed meanwhile.
        """
        job = self._open_job(job_id)
        if job.status.has_result:
            return MergeSummary(job, 0)
        execution = Execution(self._store, self._settings, self._clock)
        with self._working(job_id) as (claim, tell):
            job = execution.run(claim, lambda counts, name: tell(name, counts))
        if execution.analyzed:
            log.warning(
                "job %s: no shard had kept %d file(s): analysed by the merge", job_id, execution.analyzed
            )
        return MergeSummary(job, execution.analyzed)

    @contextmanager
    def _working(self, job_id: JobId) -> Iterator[tuple[Claim, _Tell]]:
        """The claim on a job for the time of a ``with`` block, and how to tell that the work goes on.

        What a retry cannot cure ends the job; after anything else it waits for whoever tries again.
        """
        claim = self._claim(job_id)
        lease_seconds = self._settings.worker_lease_seconds
        with Heartbeat(self._store, claim, lease_seconds, self._clock, StoreOutage(log)) as heartbeat:

            def tell(name: str, counts: JobCounts = claim.job.counts) -> None:
                heartbeat.tell(counts, name)

            try:
                yield claim, tell
            except LeaseLostError:
                self._open_job(job_id)  # says what has become of it
                raise
            except BaseException as error:
                with suppress(SqlFlowError):
                    if isinstance(error, SqlFlowError) and not error.retryable:
                        cause = cause_of(error)
                        now = self._clock()
                        self._store.finish_run(claim, JobStatus.FAIL, now, heartbeat.counts, cause)
                    else:
                        self._store.release_claim(claim)
                raise

    def _claim(self, job_id: JobId) -> Claim:
        """Claim the job; where a killed try still has the lease, wait for its end."""
        worker = worker_name()
        is_told = False
        while True:
            now = self._clock()
            until = now + timedelta(seconds=self._settings.worker_lease_seconds)
            claim = self._store.claim_job(job_id, worker, now, until)
            if claim is not None:
                return claim
            job = self._open_job(job_id)
            if job.status.is_terminal:
                raise JobFailedError(f"job {job_id} is {job.status.value} already")
            if not is_told:
                log.info("job %s: another process works on it, or its lease has not ended yet", job_id)
                is_told = True
            time.sleep(_CLAIM_PAUSE_SECONDS)

    def _open_job(self, job_id: JobId) -> Job:
        """The job, as long as there is a point in working on it or it has a result."""
        job = self._store.get_job(job_id)
        if job.status.is_terminal and not job.status.has_result:
            reason = f": {job.error}" if job.error else ""
            raise JobFailedError(f"job {job_id} is {job.status.value}{reason}")
        return job


_Tell = Callable[..., None]


def _texts(inputs: ReadInputs, numbers: Sequence[int]) -> list[SavedText]:
    return [
        SavedText(number, file.size, inputs.texts[number])
        for number, file in enumerate(inputs.files[numbers[0] : numbers[-1] + 1], start=numbers[0])
    ]
