"""The flagship Dag under ``airflow standalone``: scheduler, API server, triggerer and worker processes."""

from __future__ import annotations

import pytest

from tests.system.standalone import running_standalone

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(420)]

DAG_ID = "example_sqlflow_lineage_job"


@pytest.fixture
def standalone(airflow_home, environment, tmp_path):
    """A running Airflow."""
    settings = {**environment(airflow_home), "AIRFLOW__CORE__PARALLELISM": "4"}
    with running_standalone(settings, tmp_path) as running:
        yield running


def test_the_scheduler_runs_the_flagship(standalone, check_exports, tmp_path):
    path, run = standalone.run_dag(DAG_ID, {"output": str(tmp_path / "out")})

    metas = standalone.client.get("/ui/connections/hook_meta").raise_for_status().json()
    [meta] = [meta for meta in metas if meta["connection_type"] == "sqlflow"]
    assert meta["hook_name"] == "SQLFlow"
    assert set(meta["extra_fields"]) == {"store_url"}
    assert standalone.get("importErrors")["total_entries"] == 0

    tasks = standalone.get(f"{path}/taskInstances")["task_instances"]
    states = sorted((task["task_id"], task["map_index"], task["state"]) for task in tasks)
    assert run["state"] == "success", f"{states}\n{standalone.tail()}"
    assert [state for task, _, state in states if task == "submit"] == ["success"] * 3
    check_exports(tmp_path / "out")
