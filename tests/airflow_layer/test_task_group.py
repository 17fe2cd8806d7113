from __future__ import annotations

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, AssetAlias

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.operators.task_group import sqlflow_lineage

ALIAS = AssetAlias("tables")


def test_submit_wait_export_in_a_row():
    with DAG("dag", schedule=None) as dag:
        group = sqlflow_lineage(
            "warehouse",
            dialect="postgres",
            paths="sql",
            formats=["csv"],
            output_path="/tmp/out/",
            outlets=[ALIAS],
            job_name="w",
            deferrable=True,
        )
        EmptyOperator(task_id="before") >> group >> EmptyOperator(task_id="after")
    submit, wait, export = (dag.get_task(f"warehouse.{name}") for name in ("submit", "wait", "export"))
    assert submit.upstream_task_ids == {"before"}
    assert submit.downstream_task_ids == {"warehouse.wait", "warehouse.export"}
    assert wait.downstream_task_ids == {"warehouse.export"}
    assert export.downstream_task_ids == {"after"}
    assert (submit.job_name, submit.wait_for_termination, wait.deferrable) == ("w", False, True)
    assert (wait.outlets, export.outlets) == ([], [ALIAS])


def test_without_a_path_nothing_is_exported():
    with DAG("dag", schedule=None) as dag:
        sqlflow_lineage(dialect="mysql", sql="select 1", outlets=[ALIAS])
    assert set(dag.task_ids) == {"lineage.submit", "lineage.wait"}


def test_shards_are_refused_honestly():
    with DAG("dag", schedule=None), pytest.raises(ConfigError, match="shards=4"):
        sqlflow_lineage(dialect="mysql", sql="select 1", shards=4)
