"""Operators that share one lineage job between tasks, so that Airflow's executor is the cluster.

A plan, two mapped stages and a merge. XCom carries the job's id and numbers of shards; files, texts and
results stay in the job store, which all workers must reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf as airflow_conf

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.connected import Connected
from airflow_provider_sqlflow.hooks.outcome import airflow_errors, check_job, job_summary, log_job
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import AIRFLOW_QUEUE, JobFilter, JobId, JobRequest, JobStatus
from airflow_provider_sqlflow.operators.sqlflow import JOB_ID_XCOM_KEY, SqlFlowSubmitJobOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_sqlflow.jobs.sharding.service import ShardedJobs

STAGES = ("declare", "analyze")
"""The mapped passes over the files, in their order: first those that others need, then the others."""


class SqlFlowPlanShardsOperator(SqlFlowSubmitJobOperator):
    """Submit a job to be shared between tasks, read its sources once and spread the files over shards.

    Returns the numbers of the shards, from 0: what the tasks of both stages are mapped over. The job's id is
    pushed under the XCom key ``job_id``. Needs the embedded engine, whose store all workers reach.

    Takes what :class:`~airflow_provider_sqlflow.operators.sqlflow.SqlFlowSubmitJobOperator` takes, except
    what concerns waiting.

    Args:
        shards: how many tasks a stage may have; fewer where there are fewer files, and never more than
            Airflow's ``[core] max_map_length``.
    """

    def __init__(self, *, shards: int, **kwargs: Any) -> None:
        super().__init__(wait_for_termination=False, deferrable=False, **kwargs)
        self.shards = shards

    def execute(self, context: Context) -> Any:
        """Submit and plan.

        Raises:
            AirflowFailException: the input is unusable, ``shards`` is below 1, or jobs run on a service.
        """
        with airflow_errors():
            if self.shards < 1:
                raise ConfigError(f"task {self.task_id}: shards = {self.shards} is not above zero")
            sharded_jobs(self.hook)  # a service is told before a job is submitted to it
        job_id = JobId(super().execute(context)[JOB_ID_XCOM_KEY])
        try:
            with airflow_errors():
                self._cancel_earlier(job_id)
                most = airflow_conf.getint("core", "max_map_length")
                plan = sharded_jobs(self.hook).plan(job_id, min(self.shards, most))
        finally:
            self.hook.close()
        return list(range(plan.shards.count))

    def _request(self, context: Context) -> JobRequest:
        return replace(super()._request(context), queue=AIRFLOW_QUEUE)

    def _cancel_earlier(self, job_id: JobId) -> None:
        """Jobs of earlier tries and of runs before a clear: nobody will work on them any more."""
        where = JobFilter(status=(JobStatus.CREATE, JobStatus.RUNNING), tag=self._tag, queue=AIRFLOW_QUEUE)
        for job in self.hook.list_jobs(where).jobs:
            if job.id != job_id:
                self.hook.cancel_job(job.id)
                self.log.info("Cancelled job %s of an earlier try", job.id)


class SqlFlowAnalyzeShardOperator(Connected, BaseOperator):
    """Analyse the files of one shard and keep their results in the job store.

    A retry goes on where the try before stopped. Returns how many ``files`` the shard has, how many were
    ``analyzed``, and how many of these are ``foreign``: needed from shards that had not kept them.

    Args:
        job_id: id of the job (templated).
        stage: ``declare`` or ``analyze``.
        shard: number of the shard (templated).
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = ("job_id", "shard", "sqlflow_conn_id")
    ui_color = "#dcedf7"

    def __init__(
        self,
        *,
        job_id: str,
        stage: str,
        shard: int,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.stage = stage
        self.shard = shard
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> dict[str, int]:
        """Analyse.

        Raises:
            AirflowFailException: the job was cancelled (seen between two files), failed or has no plan.
        """
        from airflow_provider_sqlflow.jobs.sharding.grouping import ShardStage

        try:
            with airflow_errors():
                if self.stage not in STAGES:
                    raise ConfigError(f"stage = {self.stage!r} is not one of: {', '.join(STAGES)}")
                summary = sharded_jobs(self.hook).analyze(
                    JobId(self.job_id), ShardStage(self.stage), int(self.shard)
                )
        finally:
            self.hook.close()
        return asdict(summary)


class SqlFlowMergeShardsOperator(Connected, BaseOperator):
    """Bring a shared job to its end with what its shards have kept.

    The result is that of a job that ran in one process: a file whose result no shard has kept is analysed
    here. Returns the job as
    :class:`~airflow_provider_sqlflow.operators.sqlflow.SqlFlowSubmitJobOperator` does, with the number of
    such files as ``analyzed_by_merge``, and pushes the job's id under the XCom key ``job_id``.

    Args:
        job_id: id of the job (templated).
        fail_on_partial: fail the task when some statement or file gave no lineage.
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = ("job_id", "sqlflow_conn_id")
    ui_color = "#dcedf7"

    def __init__(
        self,
        *,
        job_id: str,
        fail_on_partial: bool = False,
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id
        self.fail_on_partial = fail_on_partial
        self.sqlflow_conn_id = sqlflow_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Merge.

        Raises:
            AirflowFailException: the sources cannot be read any more, or the job ended without a result.
        """
        try:
            with airflow_errors():
                merged = sharded_jobs(self.hook).merge(JobId(self.job_id))
                context["ti"].xcom_push(key=JOB_ID_XCOM_KEY, value=str(merged.job.id))
                log_job(self.hook, merged.job)
                check_job(merged.job, fail_on_partial=self.fail_on_partial)
        finally:
            self.hook.close()
        return {**job_summary(merged.job), "analyzed_by_merge": merged.analyzed}


def job_id_of(task: BaseOperator) -> Any:
    """The job's id that a task pushes, as the argument of another task."""
    outputs: Any = task.output  # an XComArg of a key, which its type does not say
    return outputs[JOB_ID_XCOM_KEY]


def sharded_jobs(hook: SqlFlowHook) -> ShardedJobs:
    """What the tasks of a shared job do.

    Raises:
        ConfigError: jobs run on a service, which spreads them by itself.
    """
    from airflow_provider_sqlflow.client.embedded import EmbeddedClient

    client = hook.get_conn()
    if not isinstance(client, EmbeddedClient):
        raise ConfigError(
            f"connection {hook.sqlflow_conn_id}: shards need the embedded engine; leave its host empty, or "
            "submit the job whole and let the service spread it"
        )
    return client.sharded_jobs()


def add_sharded_job(
    shards: int, job: Mapping[str, Any], *, fail_on_partial: bool = False, **of_merge: Any
) -> SqlFlowMergeShardsOperator:
    """Add the tasks ``plan``, ``declare``, ``analyze`` and ``merge`` to the Dag or task group of the context.

    Args:
        shards: how many tasks a stage may have.
        job: further arguments of :class:`SqlFlowPlanShardsOperator`; its connection is that of all tasks.
        fail_on_partial: fail ``merge`` when some statement or file gave no lineage.
        of_merge: further arguments of ``merge``.

    Returns:
        The last task.
    """
    connection = {"sqlflow_conn_id": job.get("sqlflow_conn_id", SqlFlowHook.default_conn_name)}
    plan = SqlFlowPlanShardsOperator(task_id="plan", shards=shards, **job)
    job_id = job_id_of(plan)
    before: Any = plan
    for stage in STAGES:
        mapped = SqlFlowAnalyzeShardOperator.partial(
            task_id=stage, stage=stage, job_id=job_id, **connection
        ).expand(shard=plan.output)
        before >> mapped
        before = mapped
    merge = SqlFlowMergeShardsOperator(
        task_id="merge", job_id=job_id, fail_on_partial=fail_on_partial, **connection, **of_merge
    )
    before >> merge
    return merge
