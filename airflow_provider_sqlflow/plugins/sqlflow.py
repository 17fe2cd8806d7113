"""The Airflow plug-in. Every Airflow process imports it, so it must stay light."""

from __future__ import annotations

from airflow.sdk.plugins_manager import AirflowPlugin


class SqlFlowPlugin(AirflowPlugin):
    """Makes the provider known to Airflow's plug-in manager, so that ``airflow plugins`` lists it."""

    name = "sqlflow"
