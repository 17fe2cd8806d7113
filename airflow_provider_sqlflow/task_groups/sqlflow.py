"""A lineage job from its submit to its exported files, as one task group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.operators.sharding import add_sharded_job, job_id_of
from airflow_provider_sqlflow.operators.sqlflow import (
    SqlFlowExportOperator,
    SqlFlowSubmitJobOperator,
)
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAlias, BaseOperator, ObjectStoragePath

    AnyPath = str | ObjectStoragePath


def sqlflow_lineage(
    group_id: str = "lineage",
    *,
    dialect: str,
    sql: str | list[str] | None = None,
    paths: AnyPath | list[AnyPath] | None = None,
    formats: str | Sequence[str] = ("json",),
    output_path: AnyPath | None = None,
    shards: int | None = None,
    deferrable: bool | None = None,
    timeout: float | None = None,
    fail_on_partial: bool = False,
    outlets: Sequence[Asset | AssetAlias] = (),
    default_args: Mapping[str, Any] | None = None,
    sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
    **submit_arguments: Any,
) -> TaskGroup:
    """Submit a lineage job, wait for its end and export what it found.

    With ``shards`` above 1 the tasks of the group share the job: ``plan``, the mapped tasks ``declare`` and
    ``analyze``, ``merge`` and ``export``. Airflow's executor spreads the mapped tasks over its workers, which
    must all reach the job store. Otherwise the tasks are ``submit``, ``wait`` and ``export``. The exported
    files are the same, byte for byte.

    Args:
        group_id: of the group.
        dialect: name of the SQL dialect.
        sql: SQL text, a list of texts, or names of template files.
        paths: files, folders, archives or URLs.
        formats: names of export formats.
        output_path: folder or file of the exports; without one there is no task ``export``.
        shards: how many tasks may analyse files at the same time; ``None`` is 1.
        deferrable: whether ``wait`` waits in the triggerer; Airflow's default when ``None``.
        timeout: seconds that ``wait`` waits at most; the job then runs on. Airflow's default when ``None``.
        fail_on_partial: fail when some statement or file gave no lineage.
        outlets: of the last task.
        default_args: of the tasks, such as ``{"retries": 2}``.
        sqlflow_conn_id: id of the connection, for all tasks.
        submit_arguments: further arguments of
            :class:`~airflow_provider_sqlflow.operators.sqlflow.SqlFlowSubmitJobOperator`.

    Returns:
        The group, to be set before and behind other tasks.

    Raises:
        ConfigError: ``shards`` is below 1.
    """
    if shards is not None and shards < 1:
        raise ConfigError(f"shards = {shards} is not above zero")
    last: dict[str, Any] = {"outlets": list(outlets)}
    of_ended = {} if output_path else last
    common: dict[str, Any] = {"sqlflow_conn_id": sqlflow_conn_id}
    job = {"dialect": dialect, "sql": sql, "paths": paths, **common, **submit_arguments}
    of_tasks: Any = dict(default_args or {})  # TaskGroup's own annotation has no type for it
    with TaskGroup(group_id, default_args=of_tasks) as group:
        ended: BaseOperator
        if shards is not None and shards > 1:
            ended = add_sharded_job(shards, job, fail_on_partial=fail_on_partial, **of_ended)
            job_id = job_id_of(ended)
        else:
            submit = SqlFlowSubmitJobOperator(task_id="submit", wait_for_termination=False, **job)
            job_id = job_id_of(submit)
            waiting: dict[str, Any] = {"deferrable": deferrable, "timeout": timeout}
            ended = SqlFlowJobSensor(
                task_id="wait",
                job_id=job_id,
                fail_on_partial=fail_on_partial,
                **{name: value for name, value in waiting.items() if value is not None},
                **common,
                **of_ended,
            )
        if output_path:
            ended >> SqlFlowExportOperator(
                task_id="export", job_id=job_id, output_path=output_path, formats=formats, **common, **last
            )
    return group
