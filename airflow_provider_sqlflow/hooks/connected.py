"""What operators, sensors and triggers have in common: a connection's id, and its hook when it is needed."""

from __future__ import annotations

from functools import cached_property

from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook


class Connected:
    """Whoever talks to lineage jobs through the connection ``sqlflow_conn_id``."""

    sqlflow_conn_id: str

    @cached_property
    def hook(self) -> SqlFlowHook:
        """The hook of the connection; made at the first use, which is never a Dag's parse."""
        return SqlFlowHook(self.sqlflow_conn_id)
