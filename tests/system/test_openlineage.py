"""OpenLineage in a real Airflow: the statements stand below the task, the task below the Dag."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow

DAG = """
from airflow.sdk import dag

from airflow_provider_sqlflow.operators.openlineage import SqlFlowEmitLineageOperator
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowSubmitJobOperator


@dag(schedule=None)
def warehouse():
    submit = SqlFlowSubmitJobOperator(task_id="submit", paths="load.sql", dialect="postgres")
    SqlFlowEmitLineageOperator(
        task_id="publish", job_id=submit.output["job_id"], dataset_conn_id="shop"
    )


warehouse()
"""


def test_a_dags_events(
    airflow_home: Path, environment: Callable[[Path], dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "warehouse.py").write_text(DAG)
    (tmp_path / "load.sql").write_text("insert into s.t (x) select y from s.u where password = 'hunter2'")
    file = tmp_path / "events.ndjson"
    transport = {"type": "file", "log_file_path": str(file), "append": True}
    run = subprocess.run(
        [sys.executable, "-m", "airflow", "dags", "test", "warehouse"],
        env={
            **environment(airflow_home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path),
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
            "AIRFLOW__OPENLINEAGE__NAMESPACE": "dwh",
            "AIRFLOW_CONN_SHOP": "postgres://ann:pw@db.example.com/shop",
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    text = file.read_text()
    assert "hunter2" not in text
    events = [json.loads(line) for line in text.splitlines()]
    ends = {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}
    statement, task, whole = (
        ends[name] for name in ("warehouse.publish.load.1", "warehouse.publish", "warehouse")
    )
    parent = statement["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == task["run"]["runId"]
    assert parent["root"]["run"]["runId"] == whole["run"]["runId"]
    assert {event["job"]["namespace"] for event in events} == {"dwh"}
    [output] = statement["outputs"]
    assert (output["namespace"], output["name"]) == ("postgres://db.example.com:5432", "shop.s.t")
    assert list(output["facets"]["columnLineage"]["fields"]) == ["x"]
    assert [item["name"] for item in ends["warehouse.submit"]["inputs"]] == [str(tmp_path / "load.sql")]
