"""Dags made of persist jobs: which ones, what they look like, and what becomes of those that cannot be."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction
from pendulum import instance
from sqlalchemy import Engine, event

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.dag_factory import dags_from_store, dags_from_yaml
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.cron import next_run
from airflow_provider_sqlflow.jobs.model import JobId, JobKind, JobRequest, Schedule, TextSource
from airflow_provider_sqlflow.jobs.schedules.declared import read_declared
from airflow_provider_sqlflow.jobs.schedules.plans import plan_declared
from airflow_provider_sqlflow.jobs.schedules.python_file import render_dag
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from tests.jobs.factories import make_job, make_request

DAGS = Path(__file__).parents[2] / "dags"
LOADER = """from airflow_provider_sqlflow.dag_factory import dags_from_store, dags_from_yaml  # Dags

globals().update(dags_from_yaml("jobs.yaml"))
globals().update(dags_from_store())
"""
YAML = """jobs:
  first:
    {dialect: postgres, sql: select 1, openlineage: true, default_schema: public, schedule: "0 6 * * *",
     timezone: Europe/Berlin}
  second: {dialect: postgres, paths: [sql], formats: [], tags: [b, a], start_date: 2026-01-05}
"""


@pytest.fixture
def url(tmp_path, monkeypatch):
    """An empty store, configured."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", url)
    SqlJobStore(url).close()
    return url


@pytest.fixture
def keep(url):
    """Keeps a scheduled job in the store."""

    def keep(job_id, cron="0 6 * * *", zone="UTC", is_paused=False, **more):
        store = SqlJobStore(url)
        schedule = Schedule(cron, zone, is_paused)
        store.create_job(
            make_job(job_id, kind=JobKind.PERSIST, schedule=schedule, **more), make_request(), job_id
        )
        store.close()

    return keep


@pytest.fixture
def parsing(monkeypatch):
    """Lets Airflow ask for one Dag, as before it runs a task."""
    return lambda dag_id: monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)


def serialized(dag):
    data = DagSerialization.to_dict(dag)["dag"]
    for name in ("fileloc", "relative_fileloc", "_processor_dags_folder"):
        data.pop(name, None)
    return data


# From the store ----------------------------------------------------------------------------------


def test_a_scheduled_job_is_a_dag(keep):
    keep("b" * 32, "0 30 6 ? * 2-6", "Europe/Berlin", name="nightly / all", owner="team", tags=("dwh",))
    [(dag_id, dag)] = dags_from_store(formats=["csv"], output_path="s3://bucket/x", tags=["lineage"]).items()
    assert dag_id == dag.dag_id == f"sqlflow_persist_{'b' * 32}"
    assert dag.dag_display_name == "nightly / all"
    assert dag.timetable.expression == "30 6 * * 1-5"
    assert dag.timetable.timezone.name == "Europe/Berlin"
    assert (dag.catchup, dag.max_active_runs, dag.tags) == (False, 1, {"sqlflow", "dwh", "lineage"})
    assert {task.owner for task in dag.tasks} == {"team"}
    assert list(dag.task_dict) == ["fetch", "submit", "wait", "export", "publish"]
    for before, after in zip(list(dag.task_dict)[:-1], list(dag.task_dict)[1:], strict=True):
        assert dag.task_dict[before].downstream_task_ids == {after}
    assert dag.task_dict["export"].output_path == f"s3://bucket/x/{dag_id}/"
    DagSerialization.to_dict(dag)


def test_jobs_without_a_schedule_are_no_dags_and_paused_ones_have_none(keep, url):
    keep("p" * 32, is_paused=True)
    store = SqlJobStore(url)
    store.create_job(make_job("simple"), make_request(), "x")
    store.close()
    [dag] = dags_from_store().values()
    assert dag.dag_id == f"sqlflow_persist_{'p' * 32}"
    assert not dag.timetable.can_be_scheduled
    assert "paused" in dag.tags


def test_hostile_names_make_harmless_dags(keep):
    keep(
        "a" * 32,
        name="x' /><script>{{ 1/0 }}\x00\n</script>`; DROP TABLE " + "y" * 3000,
        owner="\x1b[31m\nroot",
        tags=("t" * 300, " ", "ok\x07"),
    )
    keep("../etc/passwd", name="")
    dags = dags_from_store()
    first = dags.pop(f"sqlflow_persist_{'a' * 32}")
    assert list(dags) == ["sqlflow_persist_..-etc-passwd"]
    assert len(first.dag_display_name) <= 200
    assert "\n" not in first.dag_display_name
    assert "script" not in (first.doc_md + first.description)
    assert max(map(len, first.tags)) == 100
    assert "ok" in first.tags
    for dag in (first, *dags.values()):
        DagSerialization.to_dict(dag)


def test_a_schedule_that_cannot_be_used_loses_no_other_job(keep, url):
    keep("a" * 32)
    keep("b" * 32, cron="61 * * * *")
    with pytest.warns(UserWarning, match=f"job store: {'b' * 32}: cron expression"):
        dags = dags_from_store()
    assert set(dags) == {f"sqlflow_persist_{'a' * 32}", "sqlflow_problems__job_store"}


def test_500_jobs_are_one_look_into_the_store(url):
    store = SqlJobStore(url)
    asked = []

    def note(_connection, _cursor, statement, *_more):
        asked.append(statement)

    counts = []
    for number in (1, 500):
        for at in range(number):
            name, schedule = f"{number}-{at}", Schedule("0 6 * * *")
            job = make_job(name, kind=JobKind.PERSIST, schedule=schedule, tags=("a",))
            store.create_job(job, make_request(), name)
        event.listen(Engine, "before_cursor_execute", note)
        dags = dags_from_store()
        event.remove(Engine, "before_cursor_execute", note)
        counts.append(len(asked))
        asked.clear()
    store.close()
    assert len(dags) == 501
    assert 0 < counts[1] <= counts[0] + 1  # tags are fetched for 500 jobs at once
    assert list(dags) == sorted(dags)


def test_one_dag_is_built_for_a_task_even_if_its_schedule_is_gone(keep, url, parsing):
    keep("a" * 32)
    keep("b" * 32)
    store = SqlJobStore(url)
    store.set_schedule(JobId("b" * 32), None)
    store.close()
    assert list(dags_from_store()) == [f"sqlflow_persist_{'a' * 32}"]
    parsing(f"sqlflow_persist_{'b' * 32}")
    assert list(dags_from_store()) == [f"sqlflow_persist_{'b' * 32}"]
    parsing(f"sqlflow_persist_{'c' * 32}")
    assert dags_from_store() == {}


def test_a_task_of_another_dag_does_not_even_ask_the_store(parsing, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", "mysql://refused")
    conf.clear_cache()
    for dag_id in ("mine", "sqlflow_declared"):
        parsing(dag_id)
        assert dags_from_store() == {}


def test_a_connection_with_a_host_has_no_store(monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_REMOTE", '{"conn_type": "sqlflow", "host": "https://sqlflow.example.com"}'
    )
    with pytest.raises(ConfigError, match="remote"):
        dags_from_store(sqlflow_conn_id="remote")


def test_an_unreachable_store_is_an_import_error_within_seconds(tmp_path, monkeypatch):
    (tmp_path / "loader.py").write_text(LOADER.replace('dags_from_yaml("jobs.yaml")', "{}"))
    with socket.create_server(("127.0.0.1", 0)) as server:  # it accepts, and never answers
        url = f"postgresql://u:secret@127.0.0.1:{server.getsockname()[1]}/x"
        monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", url)
        began = time.monotonic()
        bag = DagBag(str(tmp_path / "loader.py"))
        seconds = time.monotonic() - began
    [error] = bag.import_errors.values()
    assert "StoreUnavailableError" in error
    assert "the job store postgresql" in error
    assert "secret" not in error
    assert seconds < 15


def test_a_submit_makes_the_dag_and_a_cancel_removes_it(url):
    hook = SqlFlowHook()
    source = TextSource("a.sql", "insert into t (a) select a from s")
    request = JobRequest("nightly", "postgres", (source,))
    job = hook.get_conn().submit_persist_job(request, schedule=Schedule("0 0 7 ? * MON-FRI", "UTC"))
    [dag] = dags_from_store().values()
    assert dag.timetable.expression == "0 7 * * MON-FRI"
    hook.get_conn().set_schedule(job.id, Schedule("0 8 * * *"))
    assert [dag.timetable.expression for dag in dags_from_store().values()] == ["0 8 * * *"]
    hook.get_conn().set_schedule(job.id, None)
    assert dags_from_store() == {}
    hook.close()


# From YAML ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, url):
    """A Dag folder with a loader and a file of jobs."""
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "loader.py").write_text(LOADER)
    (folder / "jobs.yaml").write_text(YAML)
    return folder


def test_declared_jobs_are_dags(folder):
    bag = DagBag(str(folder / "loader.py"))
    assert bag.import_errors == {}
    first, second = bag.dags["sqlflow_first"], bag.dags["sqlflow_second"]
    assert (first.timetable.expression, first.timetable.timezone.name) == ("0 6 * * *", "Europe/Berlin")
    assert first.start_date is None
    assert second.start_date == datetime(2026, 1, 5, tzinfo=timezone.utc)
    assert not second.timetable.can_be_scheduled
    assert list(first.task_dict) == ["fetch", "submit", "wait", "export", "emit", "publish"]
    assert first.task_dict["emit"].default_schema == "public"
    assert list(second.task_dict) == ["fetch", "submit", "wait", "publish"]
    assert second.task_dict["submit"].paths == ["sql"]
    assert first.task_dict["export"].output_path == "sqlflow_first/"


def test_a_bad_entry_is_a_dag_that_names_it(folder):
    (folder / "jobs.yaml").write_text(YAML + "  third: {dialect: postgres, sql: select 1, schedule: nope}\n")
    with pytest.warns(UserWarning, match=r"jobs\.third\.schedule"):
        bag = DagBag(str(folder / "loader.py"))
    assert bag.import_errors == {}
    assert set(bag.dags) == {"sqlflow_first", "sqlflow_second", "sqlflow_problems__jobs_yaml"}
    shown = bag.dags["sqlflow_problems__jobs_yaml"]
    assert f"{folder / 'jobs.yaml'}:6: jobs.third.schedule: cron expression 'nope'" in shown.doc_md
    assert "invalid" in shown.tags


def test_two_files_with_the_same_job_keep_the_first(folder, parsing):
    (folder / "more.yaml").write_text("jobs:\n  first: {dialect: duckdb, sql: select 2}\n")
    (folder / "loader.py").write_text(LOADER.replace('"jobs.yaml"', '"jobs.yaml", "more.yaml"'))
    with pytest.warns(UserWarning, match=r"more\.yaml:2: jobs\.first: .*jobs\.yaml declares"):
        bag = DagBag(str(folder / "loader.py"))
    assert bag.dags["sqlflow_first"].task_dict["submit"].dialect == "postgres"
    assert "sqlflow_problems__more_yaml" in bag.dags


def test_the_same_paths_wherever_the_files_lie(folder):
    (folder / "team").mkdir()
    (folder / "jobs.yaml").rename(folder / "team" / "jobs.yaml")
    (folder / "loader.py").write_text(LOADER.replace('"jobs.yaml"', '"team/jobs.yaml"'))
    bag = DagBag(str(folder / "loader.py"))
    assert bag.dags["sqlflow_second"].task_dict["submit"].paths == ["team/sql"]
    assert str(folder) not in str(serialized(bag.dags["sqlflow_second"]))


def test_only_the_dag_of_the_task_is_built(folder, parsing):
    parsing("sqlflow_second")
    assert list(DagBag(str(folder / "loader.py")).dags) == ["sqlflow_second"]
    parsing("another")
    assert dags_from_yaml(folder / "missing.yaml") == {}


def test_without_a_path_nothing_is_guessed():
    with pytest.raises(ConfigError, match="path"):
        dags_from_yaml()


# Both --------------------------------------------------------------------------------------------


def test_parsing_again_makes_the_same_dags(folder, keep):
    """No new Dag version: neither in another process with another hash seed, nor in another order."""
    for number in range(5):
        keep(f"{number}" * 32, tags=("x", "y", "z"), owner="o")
    script = (
        "import json, sys\n"
        "from airflow.dag_processing.dagbag import DagBag\n"
        "from airflow.serialization.serialized_objects import DagSerialization\n"
        "from airflow.models.serialized_dag import SerializedDagModel\n"
        "bag = DagBag(sys.argv[1])\n"
        "print('\\n' + json.dumps({name: SerializedDagModel.hash(DagSerialization.to_dict(dag)) "
        "for name, dag in sorted(bag.dags.items())}))\n"
    )
    outputs = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", script, str(folder / "loader.py")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr[-3000:]
        outputs.add(run.stdout.strip().splitlines()[-1])
    [output] = outputs
    assert output.count("sqlflow_") == 7


def test_the_rendered_file_is_the_same_dag(folder, tmp_path):
    made = DagBag(str(folder / "loader.py")).dags
    declared = read_declared([folder / "jobs.yaml"])
    for job in declared.jobs:
        plan = plan_declared(job)
        path = folder / f"{plan.dag_id}.py"
        path.write_text(render_dag(plan, "jobs.yaml"))
        [dag] = DagBag(str(path)).dags.values()
        assert serialized(dag) == serialized(made[plan.dag_id])


@pytest.mark.parametrize(
    ("cron", "zone", "after", "wanted"),
    [
        # The clock skips 02:30 in spring: the run comes at 03:30, which is 01:30 UTC.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["2026-03-29T01:30", "2026-03-30T00:30"]),
        # In autumn 02:30 comes twice, the run once: the second time.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["2026-10-25T01:30", "2026-10-26T01:30"]),
        ("0 9 * * *", "America/New_York", "2026-03-07T15:00", ["2026-03-08T13:00", "2026-03-09T13:00"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30", ["2026-10-25T00:00", "2026-10-25T01:00"]),
        ("15 4 * * 1", "Asia/Kathmandu", "2026-01-01T00:00", ["2026-01-04T22:30", "2026-01-11T22:30"]),
    ],
)
def test_runs_come_at_the_time_of_the_zone(keep, cron, zone, after, wanted):
    keep("a" * 32, cron, zone)
    [dag] = dags_from_store().values()
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    last = datetime.fromisoformat(after).replace(tzinfo=timezone.utc)
    told = last
    for text in wanted:
        info = timetable.next_dagrun_info(
            last_automated_data_interval=DataInterval.exact(instance(last)),
            restriction=TimeRestriction(earliest=None, latest=None, catchup=True),
        )
        last = info.run_after
        told = next_run(Schedule(cron, zone), told)
        assert last == datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
        assert told == last  # what the CLI tells is what Airflow does


def test_importing_the_factory_is_cheap():
    """What a Dag processor and every task pay: nothing heavy that Airflow has not loaded itself."""
    script = (
        "import sys\n"
        "from airflow.sdk import DAG, CronTriggerTimetable, BaseOperator, BaseHook, ObjectStoragePath\n"
        "from airflow.triggers.base import BaseTrigger\n"
        "before = set(sys.modules)\n"
        "import airflow_provider_sqlflow.dag_factory\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = {'sqlglot', 'fastapi', 'alembic', 'rich', 'httpx', 'sqlalchemy', 'openlineage'}\n"
        "print('\\n' + ' '.join(sorted(new & heavy)) + '.')\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.strip().splitlines()[-1] == "."


def test_the_loader_of_the_repository(url):
    bag = DagBag(str(DAGS / "sqlflow_persist_jobs.py"))
    assert bag.import_errors == {}
    assert set(bag.dags) == {"sqlflow_postgres_warehouse", "sqlflow_snowflake_warehouse"}
    assert bag.dags["sqlflow_snowflake_warehouse"].timetable.expression == "15 7 * * 1-5"
    assert importlib.util.find_spec("airflow_provider_sqlflow.dag_factory") is not None
