"""OpenLineage events of tasks: the provider's configuration, run ids and policy; and life without it."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.connection import Connection  # noqa: TID251  # builds the URI of a test's connection
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.log import mask_secret

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.errors import EmissionError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobRequest, TextSource
from airflow_provider_sqlflow.operators.openlineage import SqlFlowEmitLineageOperator
from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator, SqlFlowSubmitJobOperator
from tests.emission.backend import running_backend

SQL = (
    "insert into s.daily (total) select sum(amount) from s.orders where note <> 'my-own-secret';"
    "selec a form b"
)


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    monkeypatch.setenv("AIRFLOW__SQLFLOW__HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    hook = SqlFlowHook()
    job = hook.submit_job(JobRequest("nightly", "postgres", (TextSource("a.sql", SQL),), tags=("tier=1",)))
    hook.close()
    return job


@pytest.fixture
def events_file(tmp_path):
    return tmp_path / "events.ndjson"


@pytest.fixture
def provider(events_file, monkeypatch):
    """Airflow's OpenLineage provider, writing to a file."""
    transport = {"type": "file", "log_file_path": str(events_file), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__NAMESPACE", "dwh")
    forget_options()
    yield
    monkeypatch.undo()
    forget_options()


def forget_options():
    from airflow.providers.openlineage import conf

    for option in vars(conf).values():
        if hasattr(option, "cache_clear"):
            option.cache_clear()


@pytest.fixture
def no_provider(monkeypatch):
    """The provider is not installed."""
    for name in list(sys.modules):
        if name.startswith("airflow.providers.openlineage"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage", None)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def task_instance(operator) -> Any:
    run = SimpleNamespace(
        logical_date=datetime(2026, 3, 1, tzinfo=timezone.utc),
        run_after=datetime(2026, 3, 1, tzinfo=timezone.utc),
        clear_number=0,
        conf={},
    )
    ti = SimpleNamespace(
        dag_id="warehouse",
        task_id=operator.task_id,
        run_id="manual",
        try_number=1,
        map_index=-1,
        task=operator,
        dag_run=run,
    )
    ti.get_template_context = lambda: {"dag_run": run}
    return ti


def emit(job, **arguments):
    with DAG("warehouse", schedule=None):
        operator = SqlFlowEmitLineageOperator(task_id="publish", job_id=str(job.id), **arguments)
    return operator.execute({"ti": task_instance(operator)})


class TestWithTheProvider:
    pytestmark = pytest.mark.usefixtures("provider")

    def test_statements_are_runs_below_the_task(self, job, events_file):
        assert emit(job) == {"events": 4, "sent": 4, "kept": 0, "rejected": 0, "lost": 0}
        events = read(events_file)
        assert [(event["job"]["name"], event["eventType"]) for event in events] == [
            ("warehouse.publish.a.1", "START"),
            ("warehouse.publish.a.1", "COMPLETE"),
            ("warehouse.publish.a.2", "START"),
            ("warehouse.publish.a.2", "FAIL"),
        ]
        from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter

        moment = datetime(2026, 3, 1, tzinfo=timezone.utc)
        parent = events[0]["run"]["facets"]["parent"]
        assert parent["run"]["runId"] == OpenLineageAdapter.build_task_instance_run_id(
            "warehouse", "publish", 1, moment, -1
        )
        assert parent["root"]["run"]["runId"] == OpenLineageAdapter.build_dag_run_id("warehouse", moment, 0)
        assert parent["root"]["job"]["name"] == "warehouse"
        assert {event["job"]["namespace"] for event in events} == {"dwh"}

    def test_again_means_the_same_runs(self, job, events_file):
        emit(job)
        emit(job)
        events = read(events_file)
        assert [event["run"]["runId"] for event in events[:4]] == [
            event["run"]["runId"] for event in events[4:]
        ]

    def test_the_database_connection_names_the_datasets(self, job, events_file, monkeypatch):
        uri = Connection(conn_type="postgres", host="db.example.com", schema="shop", password="pw").get_uri()
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", uri)
        emit(job, dataset_conn_id="warehouse")
        dataset = read(events_file)[1]["outputs"][0]
        assert (dataset["namespace"], dataset["name"]) == ("postgres://db.example.com:5432", "shop.s.daily")

    def test_names_by_hand_win(self, job, events_file, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://h/shop")
        emit(job, dataset_conn_id="warehouse", dataset_namespace="postgres://other:1", default_database="x")
        dataset = read(events_file)[1]["outputs"][0]
        assert (dataset["namespace"], dataset["name"]) == ("postgres://other:1", "x.s.daily")

    def test_secrets_that_airflow_knows_go(self, job, events_file):
        mask_secret("my-own-secret")
        emit(job)
        assert "my-own-secret" not in events_file.read_text()
        assert "note <> '***'" in events_file.read_text()

    def test_the_emission_policy_is_kept(self, job, events_file, monkeypatch):
        policy = [{"scope": {"dag_id": "warehouse", "task_id": "publish"}, "controls": {"emit": False}}]
        monkeypatch.setenv("AIRFLOW__OPENLINEAGE__EMISSION_POLICY", json.dumps(policy))
        forget_options()
        assert emit(job)["events"] == 0
        assert read(events_file) == []

    def test_sql_can_be_left_out(self, job, events_file):
        emit(job, include_sql=False, runs_per="target")
        assert "sum(" not in events_file.read_text()

    def test_a_job_without_result_fails_for_good(self, job):
        job = SimpleNamespace(id="nothing")
        with pytest.raises(AirflowFailException, match="nothing"):
            emit(job)

    def test_a_connection_that_is_no_database(self, job, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_CHAT", "slack://h")
        with pytest.raises(AirflowFailException, match="connection chat"):
            emit(job, dataset_conn_id="chat")


class TestABackendThatIsDown:
    def test_costs_no_success_and_no_event(self, job, tmp_path, monkeypatch):
        with running_backend() as backend:
            backend.answer = lambda event: 500
            monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(backend.config["transport"]))
            forget_options()
            assert emit(job)["kept"] == 4
            with pytest.raises(EmissionError, match="0 of 4 events sent"):
                emit(job, fail_on_undelivered=True)
        monkeypatch.undo()
        forget_options()
        assert len(list((tmp_path / "openlineage-spool").glob("*.ndjson"))) == 2


class TestWithoutTheProvider:
    pytestmark = pytest.mark.usefixtures("no_provider")

    def test_the_sqlflow_options_lead(self, job, events_file, monkeypatch):
        transport = {"type": "file", "log_file_path": str(events_file), "append": True}
        monkeypatch.setenv("AIRFLOW__SQLFLOW__OPENLINEAGE_TRANSPORT", json.dumps(transport))
        monkeypatch.setenv("AIRFLOW__SQLFLOW__OPENLINEAGE_NAMESPACE", "mine")
        conf.clear_cache()
        assert emit(job)["sent"] == 6
        events = read(events_file)
        assert events[0]["job"] == {**events[0]["job"], "namespace": "mine", "name": "nightly"}
        assert events[1]["run"]["facets"]["parent"]["run"]["runId"] == events[0]["run"]["runId"]

    def test_no_backend_fails_with_advice(self, job):
        with pytest.raises(AirflowFailException, match="no OpenLineage backend is configured"):
            emit(job)

    def test_the_operators_import(self):
        import importlib

        from airflow_provider_sqlflow.operators import openlineage

        importlib.reload(openlineage)


class TestWhatOperatorsTellOfThemselves:
    def test_submit_tells_the_files_it_reads_and_what_failed(self, job, tmp_path, monkeypatch, context):
        (tmp_path / "a.sql").write_text(SQL)
        with DAG("warehouse", schedule=None) as dag:
            operator = SqlFlowSubmitJobOperator(
                task_id="submit", dialect="postgres", paths=["a.sql", "s3://bucket/models/"]
            )
        dag.fileloc = str(tmp_path / "dag.py")
        started = operator.get_openlineage_facets_on_start()
        assert [(item.namespace, item.name) for item in started.inputs] == [
            ("file", str(tmp_path / "a.sql")),
            ("s3://bucket", "models/"),
        ]
        operator.paths = "a.sql"
        operator.execute(context)
        ended = operator.get_openlineage_facets_on_complete(None)
        assert [item.name for item in ended.inputs] == [str(tmp_path / "a.sql")]
        assert ended.run_facets["extractionError"].failedTasks == 1
        tags = {tag.key: tag.value for tag in ended.run_facets["tags"].tags}
        assert tags["sqlflow_status"] == "partial_success"

    def test_export_tells_the_files_it_writes(self, job, tmp_path):
        with DAG("warehouse", schedule=None):
            operator = SqlFlowExportOperator(
                task_id="export", job_id=str(job.id), output_path=str(tmp_path / "out.csv"), formats="csv"
            )
        assert operator.get_openlineage_facets_on_start().outputs == []
        operator.execute({})
        told = operator.get_openlineage_facets_on_complete(None)
        assert [(item.namespace, item.name) for item in told.outputs] == [("file", str(tmp_path / "out.csv"))]

    def test_the_provider_asks_them(self, job, tmp_path):
        from airflow.providers.openlineage.extractors.base import DefaultExtractor

        with DAG("warehouse", schedule=None):
            operator = SqlFlowExportOperator(
                task_id="export", job_id=str(job.id), output_path=str(tmp_path / "out.csv"), formats="csv"
            )
        operator.execute({})
        lineage = DefaultExtractor(operator).extract_on_complete(None)
        assert [item.name for item in lineage.outputs] == [str(tmp_path / "out.csv")]
