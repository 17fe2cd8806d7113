"""Persist jobs as Dags: run by Airflow, made by a submit, gone after a cancel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.standalone import running_standalone

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(420)]

LOADER = Path(__file__).parents[2] / "dags" / "sqlflow_persist_jobs.py"
YAML = """jobs:
  declared:
    dialect: postgres
    paths: sql
    formats: [csv]
    openlineage: true
"""


@pytest.fixture
def settings(tmp_path, airflow_home, environment):
    """The environment of an Airflow with a Dag folder, a job store and exports of the test's own."""
    shutil.copy(airflow_home / "airflow.db", tmp_path)  # its Dags are no other test's business
    folder = tmp_path / "dags"
    (folder / "sql").mkdir(parents=True)
    (folder / LOADER.name).write_text(LOADER.read_text())
    (folder / "sqlflow_jobs.yaml").write_text(YAML)
    (folder / "sql" / "a.sql").write_text("insert into daily (total) select sum(amount) from orders;")
    (folder / "sql" / "b.sql").write_text("insert into weekly (total) select sum(total) from daily;")
    return {
        **environment(airflow_home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        "AIRFLOW__SQLFLOW__STORE_URL": f"sqlite:///{tmp_path}/jobs.db",
        "AIRFLOW__SQLFLOW__HOME": str(tmp_path / "home"),
        "AIRFLOW__SQLFLOW__OPENLINEAGE_TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": f"{tmp_path}/events.jsonl", "append": True}
        ),
        "SQLFLOW_STORE_URL": f"sqlite:///{tmp_path}/jobs.db",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3",
        "AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD": "3",
        "AIRFLOW__SCHEDULER__PARSING_CLEANUP_INTERVAL": "3",
    }


@pytest.fixture
def run(settings):
    """Runs a module's command with these settings."""

    def run(module: str, *arguments: str) -> str:
        code = f"from {module} import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=settings,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    return run


@pytest.fixture
def sqlflow(run):
    return lambda *arguments: run("airflow_provider_sqlflow.cli.main", *arguments)


def submit_persist(sqlflow, tmp_path, cron: str) -> str:
    """A persist job with a schedule; its id."""
    sql = str(tmp_path / "dags" / "sql")
    answer = json.loads(
        sqlflow("job", "submit", sql, "-d", "postgres", "--persist", "--cron", cron, "--json")
    )
    return answer["id"]


def test_both_kinds_of_dags_run(run, sqlflow, tmp_path):
    """``dag.test()`` of each, on a real store."""
    job_id = submit_persist(sqlflow, tmp_path, "0 6 * * *")
    run("airflow.__main__", "dags", "reserialize")
    for dag_id in ("sqlflow_declared", f"sqlflow_persist_{job_id}"):
        run("airflow.__main__", "dags", "test", dag_id)
        exported = tmp_path / "home" / "lineage" / dag_id
        [name] = [path.name for path in exported.iterdir()]
        assert "orders" in (exported / name).read_text()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert any(output["name"].endswith("daily") for event in events for output in event.get("outputs", ()))
    jobs = json.loads(sqlflow("job", "list", "--json"))
    runs = {job["name"]: job["run"] for job in jobs["jobs"]}
    assert runs == {"declared": 1, "sql": 2}


def test_a_submit_makes_a_dag_that_runs_and_a_cancel_takes_it_away(settings, sqlflow, tmp_path):
    with running_standalone({**settings, "AIRFLOW__CORE__PARALLELISM": "4"}, tmp_path) as server:
        server.wait_for("the declared Dag", lambda: is_there(server, "sqlflow_declared"))

        job_id = submit_persist(sqlflow, tmp_path, "0 * * * * ?")  # Quartz: each full minute
        dag_id = f"sqlflow_persist_{job_id}"
        server.wait_for("the job's Dag", lambda: is_there(server, dag_id))
        dag = server.get(f"dags/{dag_id}")
        assert dag["timetable_summary"] == "* * * * *"
        assert dag["dag_display_name"] == "sql"

        state = server.wait_for("a scheduled run", lambda: last_ended(server, dag_id))
        assert state == ("success", "scheduled"), server.tail()
        [asset] = server.get(f"assets?name_pattern={dag_id}")["assets"]
        [event, *_] = server.get(f"assets/events?asset_id={asset['id']}")["asset_events"]
        assert event["extra"]["job_id"] == job_id
        assert event["extra"]["status"] == "success"
        # No Dag waits for these tables, so Airflow does not count them as active.
        tables = server.get("assets?uri_pattern=sqlflow://postgres/&only_active=false")["assets"]
        assert {table["uri"] for table in tables} == {"sqlflow://postgres/daily", "sqlflow://postgres/weekly"}
        versions = server.get(f"dags/{dag_id}/dagVersions")["total_entries"]
        assert versions == 1, "parsing again and again made no new version"

        sqlflow("job", "schedule", job_id, "--cancel")
        server.wait_for("no Dag", lambda: not is_there(server, dag_id))
        assert is_there(server, "sqlflow_declared")
        assert server.get("importErrors")["total_entries"] == 0


def is_there(server, dag_id: str) -> bool:
    """Whether a Dag is known and its file still makes it."""
    answer = server.client.get(f"/api/v2/dags/{dag_id}")
    return answer.status_code == 200 and not answer.json()["is_stale"]


def last_ended(server, dag_id: str) -> tuple[str, str] | None:
    for run in server.get(f"dags/{dag_id}/dagRuns")["dag_runs"]:
        if run["state"] in ("success", "failed"):
            return run["state"], run["run_type"]
    return None
