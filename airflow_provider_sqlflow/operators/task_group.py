"""``sqlflow_lineage``: submit, wait and export as one task group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.operators.sqlflow import (
    JOB_ID_XCOM_KEY,
    SqlFlowExportOperator,
    SqlFlowSubmitJobOperator,
)
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAlias, ObjectStoragePath
    from airflow.sdk.bases.operator import BaseOperator

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
    deferrable: bool = False,
    timeout: float = 3600.0,
    fail_on_partial: bool = False,
    outlets: Sequence[Asset | AssetAlias] = (),
    sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
    **submit_arguments: Any,
) -> TaskGroup:
    """Tasks ``submit``, ``wait`` and, with an ``output_path``, ``export`` in one group.

    Args:
        group_id: name of the group.
        dialect: name of the SQL dialect.
        sql: SQL text, a list of texts, or names of template files.
        paths: files, folders, archives or URLs.
        formats: names of export formats.
        output_path: folder or file of the exports; without one nothing is exported.
        shards: spread the analysis over so many mapped tasks; ``None`` or 1 makes one job of it.
        deferrable: wait in the triggerer.
        timeout: seconds that the job may take; the job then runs on.
        fail_on_partial: fail when some statement or file gave no lineage.
        outlets: of the last task; an ``AssetAlias`` among them gets events for the tables written.
        sqlflow_conn_id: id of the connection, for all tasks.
        submit_arguments: further arguments of ``SqlFlowSubmitJobOperator``.

    Returns:
        The group, to be put between other tasks. ``group["<group_id>.wait"]`` has the job as its output.

    Raises:
        ConfigError: ``shards`` is asked for.
    """
    if shards is not None and shards != 1:
        raise ConfigError(f"shards={shards}: spreading one job over mapped tasks is not supported yet")
    with TaskGroup(group_id=group_id) as group:
        submit: BaseOperator = SqlFlowSubmitJobOperator(
            task_id="submit",
            dialect=dialect,
            sql=sql,
            paths=paths,
            wait_for_termination=False,
            sqlflow_conn_id=sqlflow_conn_id,
            **submit_arguments,
        )
        job_id: Any = submit.output[JOB_ID_XCOM_KEY]  # type: ignore[index]  # it is a PlainXComArg
        wait = SqlFlowJobSensor(
            task_id="wait",
            job_id=job_id,
            deferrable=deferrable,
            timeout=timeout,
            fail_on_partial=fail_on_partial,
            sqlflow_conn_id=sqlflow_conn_id,
            outlets=[] if output_path else list(outlets),
        )
        submit >> wait
        if output_path:
            wait >> SqlFlowExportOperator(
                task_id="export",
                job_id=job_id,
                output_path=output_path,
                formats=formats,
                outlets=list(outlets),
                sqlflow_conn_id=sqlflow_conn_id,
            )
    return group
