"""OpenLineage as Airflow has it configured. Works with the OpenLineage provider absent."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.log import redact  # type: ignore[attr-defined]  # public, though not in __all__

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.emission.context import ParentRun
from airflow_provider_sqlflow.emission.namespaces import ConnectionFacts, DatabaseAddress, database_address
from airflow_provider_sqlflow.errors import ConfigError

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

    from airflow_provider_sqlflow.emission.emitter import EmissionSummary
    from airflow_provider_sqlflow.jobs.publish import EmissionOptions, JobLineage

_log = logging.getLogger(__name__)


def is_provider_active() -> bool:
    """Whether Airflow's OpenLineage provider is installed, configured and switched on."""
    try:
        from airflow.providers.openlineage.api import is_openlineage_active
    except ImportError:
        return False
    return bool(is_openlineage_active())


def may_emit(task: Any, dag_id: str, task_id: str) -> bool:
    """Whether the provider's emission policy lets a task emit; without the provider always."""
    if not is_provider_active():
        return True
    from airflow.providers.openlineage.utils.emission_policy import resolve_task_emission_policy

    return bool(resolve_task_emission_policy(operator=task, dag_id=dag_id, task_id=task_id).emit)


def task_run(ti: RuntimeTaskInstanceProtocol) -> ParentRun | None:
    """The OpenLineage run of a task instance, below its Dag run; ``None`` when nobody announces it."""
    if not is_provider_active():
        return None
    from airflow.providers.openlineage.plugins import macros as untyped

    macros: Any = untyped
    return ParentRun(
        job_namespace=macros.lineage_job_namespace(),
        job_name=macros.lineage_job_name(ti),
        run_id=macros.lineage_run_id(ti),
        root_job_namespace=macros.lineage_root_job_namespace(ti),
        root_job_name=macros.lineage_root_job_name(ti),
        root_run_id=macros.lineage_root_run_id(ti),
    )


def client_config() -> Mapping[str, object] | None:
    """The OpenLineage client's configuration: the provider's, else ``[sqlflow] openlineage_transport``.

    ``None`` means the client's own sources, which both leave as the last resort.
    """
    if is_provider_active():
        from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter

        config: Mapping[str, object] | None = OpenLineageAdapter().get_openlineage_config()
        return config
    return None


def connection_address(conn_id: str) -> DatabaseAddress:
    """Where the database of an Airflow connection is.

    Raises:
        AirflowNotFoundException: there is no such connection.
        ConfigError: its type is no database that we know.
    """
    connection = BaseHook.get_connection(conn_id)
    try:
        return database_address(
            ConnectionFacts(
                conn_type=connection.conn_type or "",
                host=connection.host or "",
                port=connection.port,
                schema=connection.schema or "",
                extra=connection.extra_dejson,
            )
        )
    except ConfigError as error:
        raise ConfigError(f"connection {conn_id}: {error}") from None


def emit_lineage(
    lineage: JobLineage, options: EmissionOptions, ti: RuntimeTaskInstanceProtocol | None = None
) -> EmissionSummary:
    """Send a job's lineage; a backend that is down costs nothing but a warning.

    Args:
        lineage: what the job found.
        options: how to tell it. Secrets that Airflow knows are taken out in any case.
        ti: the task instance whose run the statements' runs belong to.

    Raises:
        ConfigError: no backend is configured.
        EmissionError: a namespace has signs that consumers refuse.
    """
    from airflow_provider_sqlflow.jobs.publish import lineage_events, open_emitter

    parent = options.parent or (None if ti is None else task_run(ti))
    options = replace(options, parent=parent, redact=_redact)
    with closing(open_emitter(conf.settings(), client_config())) as emitter:
        summary = emitter.emit(lineage_events(lineage, options))
    _log.info("OpenLineage: %s", summary)
    return summary


def _redact(text: str) -> str:
    return str(redact(text))
