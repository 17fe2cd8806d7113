"""A lineage job from its submit to its exported files, as one task group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.operators.sharding import add_sharded_job, job_id_of
from airflow_provider_sqlflow.operators.sqlflow import (
    SqlFlowExportOperator,
    SqlFlowSubmitJobOperator,
)
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath


def sqlflow_lineage(
    group_id: str,
    *,
    output_path: str | ObjectStoragePath,
    formats: str | Sequence[str] = "json",
    shards: int = 1,
    fail_on_partial: bool = False,
    deferrable: bool | None = None,
    sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
    default_args: dict[str, Any] | None = None,
    **job: Any,
) -> TaskGroup:
    """Submit a lineage job, wait for its end and export what it found.

    With ``shards`` above 1 the tasks of the group share the job: ``plan``, the mapped tasks ``declare`` and
    ``analyze``, ``merge`` and ``export``. Airflow's executor spreads the mapped tasks over its workers, which
    must all reach the job store. Otherwise the tasks are ``submit``, ``wait`` and ``export``. The exported
    files are the same, byte for byte.

    Args:
        group_id: of the group.
        output_path: as :class:`~airflow_provider_sqlflow.operators.sqlflow.SqlFlowExportOperator` takes it.
        formats: likewise.
        shards: how many tasks may analyse files at the same time.
        fail_on_partial: fail when some statement or file gave no lineage.
        deferrable: whether ``wait`` waits in the triggerer; Airflow's default when ``None``.
        sqlflow_conn_id: id of the connection.
        default_args: of the tasks, such as ``{"retries": 2}``.
        job: what to analyse (``sql``, ``paths``, ``dialect`` ...), as
            :class:`~airflow_provider_sqlflow.operators.sqlflow.SqlFlowSubmitJobOperator` takes it.

    Returns:
        The group, to be set before and behind other tasks.
    """
    of_tasks: Any = dict(default_args or {})  # TaskGroup's own annotation has no type for it
    with TaskGroup(group_id, default_args=of_tasks) as group:
        if shards > 1:
            ended: Any = add_sharded_job(
                shards, fail_on_partial=fail_on_partial, sqlflow_conn_id=sqlflow_conn_id, **job
            )
            job_id = job_id_of(ended)
        else:
            submit = SqlFlowSubmitJobOperator(
                task_id="submit", wait_for_termination=False, sqlflow_conn_id=sqlflow_conn_id, **job
            )
            job_id = job_id_of(submit)
            waiting = {} if deferrable is None else {"deferrable": deferrable}
            ended = SqlFlowJobSensor(
                task_id="wait",
                job_id=job_id,
                fail_on_partial=fail_on_partial,
                sqlflow_conn_id=sqlflow_conn_id,
                **waiting,
            )
        export = SqlFlowExportOperator(
            task_id="export",
            job_id=job_id,
            output_path=output_path,
            formats=formats,
            sqlflow_conn_id=sqlflow_conn_id,
        )
        ended >> export
    return group
