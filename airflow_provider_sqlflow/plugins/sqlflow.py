"""The Airflow plug-in. Every Airflow process imports it, so it must stay light."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

URL_PREFIX = "/sqlflow"
"""Where the API server serves our REST API."""


class SqlFlowPlugin(AirflowPlugin):
    """Makes the provider known to Airflow's plug-in manager, and listens to tasks where that is asked for."""

    name = "sqlflow"

    @cached_property
    def listeners(self) -> list[Any]:  # type: ignore[override]  # computed: costs nothing where it is off
        """The listener that captures SQL of other operators, when ``[sqlflow] capture_sql`` is on."""
        if not _is_capturing():
            return []
        from airflow_provider_sqlflow.listeners.capture import SqlCaptureListener

        return [SqlCaptureListener()]

    @cached_property
    def hook_lineage_readers(self) -> list[Any]:  # type: ignore[override]
        """Makes Airflow collect what hooks report, when ``[sqlflow] capture_sql`` is on."""
        if not _is_capturing():
            return []
        from airflow.sdk.lineage import HookLineageReader

        return [HookLineageReader]

    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]  # only the API server reads it
        """The SQLFlow REST API, when ``[sqlflow] server_enabled`` is on."""
        from airflow_provider_sqlflow import conf
        from airflow_provider_sqlflow.errors import ConfigError

        try:
            if not conf.server_enabled():
                return []
            from airflow_provider_sqlflow.plugins.api import build_airflow_app

            app = build_airflow_app()
        except ConfigError as error:
            log.error("%s: the SQLFlow REST API is not served", error)  # noqa: TRY400  # the option is at fault
            return []
        except ImportError as error:
            log.error("install airflow-provider-sqlflow[server] for the SQLFlow REST API: %s", error)  # noqa: TRY400
            return []
        return [{"app": app, "url_prefix": URL_PREFIX, "name": "SQLFlow REST API"}]


def _is_capturing() -> bool:
    from airflow_provider_sqlflow import conf
    from airflow_provider_sqlflow.errors import ConfigError

    try:
        return bool(conf.capture_sql())
    except ConfigError as error:
        log.error("%s: no SQL is captured", error)  # noqa: TRY400  # the option is at fault, no code
        return False
