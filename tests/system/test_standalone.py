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
    assert {"store_url", "token", "verify"} <= set(meta["extra_fields"])
    assert standalone.get("importErrors")["total_entries"] == 0

    tasks = standalone.get(f"{path}/taskInstances")["task_instances"]
    states = sorted((task["task_id"], task["map_index"], task["state"]) for task in tasks)
    assert run["state"] == "success", f"{states}\n{standalone.tail()}"
    assert [state for task, _, state in states if task == "submit"] == ["success"] * 3
    check_exports(tmp_path / "out")


EXAMPLES = ("check_syntax", "decorator", "minimal", "notifier", "persist_job", "task_group", "waiting")


def test_every_example_runs_and_what_is_written_schedules_others(standalone):
    runs = {name: standalone.run_dag(f"example_sqlflow_{name}", {}) for name in EXAMPLES}
    assert {name: run["state"] for name, (_, run) in runs.items()} == dict.fromkeys(EXAMPLES, "success")

    # The tables that the task group's SQL writes became assets, and their alias scheduled another Dag.
    def scheduled() -> list[str]:
        listed = standalone.get("dags/example_sqlflow_assets/dagRuns")["dag_runs"]
        return [run["state"] for run in listed if run["state"] in ("success", "failed")]

    assert set(standalone.wait_for("asset-triggered run", scheduled)) == {"success"}
    events = standalone.get("assets/events?limit=100")["asset_events"]
    of_group = [event for event in events if event["source_dag_id"] == "example_sqlflow_task_group"]
    [event] = [event for event in of_group if event["uri"] == "sqlflow://postgres/marts/fct_store_sales"]
    assert event["extra"]["exports"]["csv"].startswith("/tmp/lineage/")

    # A sensor that started from the triggerer knew the job that another task had submitted.
    tasks = f"{runs['waiting'][0]}/taskInstances"
    submitted = standalone.get(f"{tasks}/submit/xcomEntries/job_id")["value"]
    for task_id in ("deferred", "triggered"):
        waited = standalone.get(f"{tasks}/{task_id}/xcomEntries/return_value")["value"]
        assert (waited["job_id"], waited["status"]) == (submitted, "success")
    found = standalone.get(f"{tasks}/table/xcomEntries/return_value")["value"]
    assert (found["job_id"], found["table"]) == (submitted, "marts.daily")
