"""One job shared between mapped tasks of a running Airflow: two worker processes, PostgreSQL as the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.jobs.model import JobFilter, JobRequest, JobStatus, PathSource
from airflow_provider_sqlflow.settings import Settings
from tests.system.standalone import running_standalone

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]

DAGS = Path(__file__).parent / "dags"
CHAINS = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Stars that are known only through three other files each, read in the wrong order; one bad file."""
    (tmp_path / "sql").mkdir()
    texts = {
        "1_report": "INSERT INTO report_{0} SELECT * FROM totals_{0}",
        "2_totals": "CREATE VIEW totals_{0} AS SELECT *, amount * 2 AS twice FROM big_{0}",
        "3_big": "CREATE VIEW big_{0} AS SELECT * FROM orders_{0} WHERE amount > 10",
        "4_orders": "CREATE TABLE orders_{0} (id INT, amount INT, note_{0} TEXT)",
    }
    for chain in range(CHAINS):
        for name, text in texts.items():
            (tmp_path / "sql" / f"{chain:02}_{name}.sql").write_text(text.format(chain))
    (tmp_path / "sql" / "broken.sql").write_text(
        "SELECT FROM WHERE;\nINSERT INTO log SELECT id FROM orders_0"
    )
    return tmp_path / "sql"


@pytest.fixture
def standalone(airflow_home, environment, postgres_url, tmp_path):
    settings = {
        **environment(airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__SQLFLOW__STORE_URL": postgres_url,
    }
    with running_standalone(settings, tmp_path) as running:
        yield running


def test_mapped_tasks_share_a_job(standalone, folder, tmp_path, postgres_url):
    conf = {
        "paths": str(folder),
        "output": str(tmp_path / "shared"),
        "kill": "lineage.declare/1",
    }
    path, run = standalone.run_dag("sharded_4", conf, seconds=300)
    tasks = standalone.get(f"{path}/taskInstances")["task_instances"]
    found = {(task["task_id"].partition(".")[2], task["map_index"]): task for task in tasks}
    states = {key: (task["state"], task["try_number"]) for key, task in found.items()}
    assert run["state"] == "success", f"{states}\n{standalone.tail()}"
    expected = dict.fromkeys([("plan", -1), ("merge", -1), ("export", -1)], ("success", 1))
    for stage in ("declare", "analyze"):
        expected |= {(stage, shard): ("success", 1) for shard in range(4)}
    assert states == expected | {("declare", 1): ("success", 2)}, "the killed shard alone was run again"
    kept = [
        standalone.get(f"{path}/taskInstances/lineage.{stage}/xcomEntries/return_value?map_index={shard}")
        for stage in ("declare", "analyze")
        for shard in range(4)
    ]
    assert [sum(entry["value"]["files"] for entry in kept[:4]), len(kept)] == [3 * CHAINS, 8]
    assert sum(entry["value"]["analyzed"] for entry in kept) == 4 * CHAINS + 1
    merged = standalone.get(f"{path}/taskInstances/lineage.merge/xcomEntries/return_value")["value"]
    assert merged["analyzed_by_merge"] == 0
    assert (merged["status"], merged["counts"]["failed_statements"]) == ("partial_success", 1)

    inline = EmbeddedClient(Settings(store_url=f"sqlite:///{tmp_path / 'inline.db'}"))
    job = inline.submit_job(JobRequest("warehouse", "postgres", (PathSource(str(folder)),)))
    for name in ("csv", "json", "graphml"):
        inline.export_job(job.id, name, str(tmp_path / f"inline.{name}"))
        shared = tmp_path / "shared" / f"warehouse.{name}"
        assert shared.read_bytes() == (tmp_path / f"inline.{name}").read_bytes()
    assert f"note_{CHAINS - 1}" in (tmp_path / "inline.csv").read_text()
    inline.close()

    store = EmbeddedClient(Settings(store_url=postgres_url))
    [kept_job] = store.list_jobs(JobFilter()).jobs
    assert (kept_job.status, kept_job.queue) == (JobStatus.PARTIAL_SUCCESS, "airflow")
    store.close()
