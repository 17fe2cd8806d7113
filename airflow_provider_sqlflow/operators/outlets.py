"""Asset events for the tables that a job found written.

Airflow takes events only for outlets that the Dag declares, so a task declares an ``AssetAlias`` and the
tables become events of that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias

from airflow_provider_sqlflow.jobs.model import Job, TableRole

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook

log = logging.getLogger(__name__)


def emit_assets(
    operator: BaseOperator,
    hook: SqlFlowHook,
    job: Job,
    context: Context,
    namespace: str,
    extra: Mapping[str, Any],
) -> int:
    """Add an event for each table that the job wrote to every alias among the task's outlets.

    Args:
        operator: whose ``outlets`` count.
        hook: knows the job's tables.
        job: one that has a result.
        context: the task's context.
        namespace: OpenLineage namespace of the tables; empty for the dialect's own.
        extra: what the events say besides the job's id.

    Returns:
        How many tables.
    """
    aliases = [outlet for outlet in operator.outlets if isinstance(outlet, AssetAlias)]
    if not aliases:
        return 0
    from airflow_provider_sqlflow.assets.sqlflow import written_assets

    assets = written_assets(hook.list_tables(job.id, TableRole.WRITE), job.dialect, namespace)
    for alias in aliases:
        accessor = context["outlet_events"][alias]
        for asset in assets:
            accessor.add(asset, extra={"job_id": str(job.id), **extra})
    log.info("Asset events for %d table(s) on %d alias(es)", len(assets), len(aliases))
    return len(assets)
