"""Dags for the tests and the benchmark of shared jobs: one for each number of shards.

``sharded_2`` and the like analyse ``conf["paths"]`` into ``conf["output"]``. With ``conf["kill"]`` the
process of one mapped task is killed in its first try.
"""

from __future__ import annotations

import os
import signal
from datetime import timedelta

from airflow.sdk import DAG, Param

from airflow_provider_sqlflow.task_groups.sqlflow import sqlflow_lineage


def kill_one(context) -> None:
    ti = context["ti"]
    if context["params"]["kill"] == f"{ti.task_id}/{ti.map_index}" and ti.try_number == 1:
        os.kill(os.getpid(), signal.SIGKILL)


for shards in (1, 2, 4):
    with DAG(
        f"sharded_{shards}",
        schedule=None,
        params={
            "paths": Param("", type="string"),
            "output": Param("", type="string"),
            "dialect": Param("postgres", type="string"),
            "kill": Param("", type="string"),
        },
    ) as dag:
        sqlflow_lineage(
            "lineage",
            paths="{{ params.paths }}",
            dialect="{{ params.dialect }}",
            job_name="warehouse",
            output_path="{{ params.output }}/",
            formats=["csv", "json", "graphml"],
            shards=shards,
            default_args={
                "retries": 1,
                "retry_delay": timedelta(seconds=1),
                "pre_execute": kill_one,
            },
        )
    globals()[dag.dag_id] = dag
