"""The Airflow plug-in. Every Airflow process imports it, so it must stay light."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin


class SqlFlowPlugin(AirflowPlugin):
    """Makes the provider known to Airflow's plug-in manager, and listens to tasks where that is asked for."""

    name = "sqlflow"

    @cached_property
    def listeners(self) -> list[Any]:  # type: ignore[override]  # computed: costs nothing where it is off
        """The listener that captures SQL of other operators, when ``[sqlflow] capture_sql`` is on."""
        from airflow_provider_sqlflow import conf

        if not conf.captures():
            return []
        from airflow_provider_sqlflow.listeners.capture import SqlCaptureListener

        return [SqlCaptureListener()]

    @cached_property
    def hook_lineage_readers(self) -> list[Any]:  # type: ignore[override]
        """Makes Airflow collect what hooks report, when ``[sqlflow] capture_sql`` is on."""
        from airflow_provider_sqlflow import conf

        if not conf.captures():
            return []
        from airflow.sdk.lineage import HookLineageReader

        return [HookLineageReader]
