"""The tasks that share a job, one after the other, on a real store."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.errors import ConfigError, StoreUnavailableError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobFilter, JobStatus
from airflow_provider_sqlflow.operators.sharding import (
    SqlFlowAnalyzeShardOperator,
    SqlFlowMergeShardsOperator,
    SqlFlowPlanShardsOperator,
)
from airflow_provider_sqlflow.settings import Settings
from airflow_provider_sqlflow.task_groups.sqlflow import sqlflow_lineage

FILES = {
    "1_report.sql": "INSERT INTO report SELECT * FROM big",
    "2_big.sql": "CREATE VIEW big AS SELECT * FROM orders",
    "3_orders.sql": "CREATE TABLE orders (id INT, amount INT)",
    "4_broken.sql": "SELECT FROM WHERE",
}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A look at the store that the tasks' hooks open."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", url)
    opened = EmbeddedClient(Settings(store_url=url))
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sql").mkdir()
    for name, text in FILES.items():
        (tmp_path / "sql" / name).write_text(text)
    return tmp_path / "sql"


@pytest.fixture
def run(client, context):
    """Executes an operator, which opens the store anew as another process would."""

    def execute(operator_class, **arguments):
        with DAG("dag", schedule=None):
            operator = operator_class(task_id="task", **arguments)
        return operator.execute(context)

    return execute


@pytest.fixture
def planned(run, folder, context) -> tuple[str, list[int]]:
    shards = run(SqlFlowPlanShardsOperator, paths=str(folder), dialect="postgres", shards=2)
    return context["ti"].xcoms["job_id"], shards


def test_a_shared_job_ends_as_one_that_is_not(run, planned, client):
    job_id, shards = planned
    assert shards == [0, 1]
    assert client.get_job(job_id).status is JobStatus.CREATE
    done = [
        run(SqlFlowAnalyzeShardOperator, job_id=job_id, stage=stage, shard=shard)
        for stage in ("declare", "analyze")
        for shard in shards
    ]
    assert done == [
        {"files": 2, "analyzed": 2, "foreign": 0},
        {"files": 0, "analyzed": 0, "foreign": 0},
        {"files": 1, "analyzed": 1, "foreign": 0},
        {"files": 1, "analyzed": 1, "foreign": 0},
    ]
    merged = run(SqlFlowMergeShardsOperator, job_id=job_id)
    assert merged["status"] == "partial_success"
    assert (merged["job_id"], merged["analyzed_by_merge"]) == (job_id, 0)
    assert merged["counts"]["files_done"] == 4


def test_a_merge_may_be_strict(run, planned):
    with pytest.raises(AirflowFailException, match="1 statements gave no lineage"):
        run(SqlFlowMergeShardsOperator, job_id=planned[0], fail_on_partial=True)


def test_there_are_no_more_shards_than_files_or_than_airflow_maps(run, folder, monkeypatch):
    arguments = {"paths": str(folder), "dialect": "postgres", "shards": 9}
    assert len(run(SqlFlowPlanShardsOperator, **arguments)) <= 4
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "1")
    assert run(SqlFlowPlanShardsOperator, **arguments) == [0]


def test_a_plan_made_again_cancels_the_job_before(run, planned, folder, client):
    run(SqlFlowPlanShardsOperator, paths=str(folder), dialect="postgres", shards=2)
    first, second = sorted(client.list_jobs(JobFilter()).jobs, key=lambda job: job.created_at)
    assert (first.id, first.status) == (planned[0], JobStatus.CANCEL)
    assert second.status is JobStatus.CREATE
    with pytest.raises(AirflowFailException, match="is cancel"):
        run(SqlFlowAnalyzeShardOperator, job_id=first.id, stage="declare", shard=0)
    with pytest.raises(AirflowFailException, match="is cancel"):
        run(SqlFlowMergeShardsOperator, job_id=first.id)


def test_what_cannot_work_is_told(run, folder, planned, make_client, context):
    with pytest.raises(AirflowFailException, match="shards = 0"):
        run(SqlFlowPlanShardsOperator, paths=str(folder), dialect="postgres", shards=0)
    with pytest.raises(AirflowFailException, match="No such file"):
        run(SqlFlowPlanShardsOperator, paths=str(folder / "none"), dialect="postgres", shards=2)
    with pytest.raises(AirflowFailException, match="'both' is not one of"):
        run(SqlFlowAnalyzeShardOperator, job_id=planned[0], stage="both", shard=0)
    with pytest.raises(AirflowFailException, match="no job"):
        run(SqlFlowAnalyzeShardOperator, job_id="missing", stage="declare", shard=0)
    with DAG("dag", schedule=None):
        operator = SqlFlowPlanShardsOperator(task_id="task", sql="select 1", dialect="", shards=2)
    remote = make_client()
    operator.hook = SqlFlowHook(client=remote)
    with pytest.raises(AirflowFailException, match="shards need the embedded engine"):
        operator.execute(context)
    assert remote.jobs == {}, "nothing was submitted"


def test_an_outage_is_for_a_retry(run, planned, client, monkeypatch):
    def gone(*_arguments):
        raise StoreUnavailableError("gone")

    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

    monkeypatch.setattr(SqlJobStore, "save_results", gone)
    with pytest.raises(StoreUnavailableError):
        run(SqlFlowAnalyzeShardOperator, job_id=planned[0], stage="declare", shard=0)


def tasks_of(shards: int | None, output_path: str | None = "/out/") -> dict[str, set[str]]:
    with DAG("dag", schedule=None) as dag:
        group = sqlflow_lineage(paths="sql", dialect="postgres", output_path=output_path, shards=shards)
        assert group.group_id == "lineage"
    return {task.task_id: task.downstream_task_ids for task in dag.tasks}


def test_the_group_without_shards():
    assert tasks_of(1) == tasks_of(None)
    assert tasks_of(None) == {
        "lineage.submit": {"lineage.wait", "lineage.export"},
        "lineage.wait": {"lineage.export"},
        "lineage.export": set(),
    }


def test_the_group_with_shards():
    everything = {f"lineage.{name}" for name in ("declare", "analyze", "merge")}
    assert tasks_of(3) == {
        "lineage.plan": everything,
        "lineage.declare": {"lineage.analyze"},
        "lineage.analyze": {"lineage.merge"},
        "lineage.merge": {"lineage.export"},
        "lineage.export": set(),
    }


def test_the_group_without_export():
    assert tasks_of(None, None)["lineage.wait"] == set()
    assert tasks_of(2, None)["lineage.merge"] == set()


def test_the_group_refuses_no_shards_at_all():
    with pytest.raises(ConfigError, match="shards = 0"):
        tasks_of(0)


@pytest.mark.parametrize(
    ("shards", "output_path", "last"),
    [(1, None, "wait"), (1, "/out/", "export"), (2, None, "merge"), (2, "/out/", "export")],
)
def test_the_outlets_are_the_last_tasks(shards, output_path, last):
    with DAG("dag", schedule=None) as dag:
        sqlflow_lineage(
            sql="select 1", dialect="postgres", output_path=output_path, shards=shards, outlets=[Asset("x")]
        )
    assert [task.task_id for task in dag.tasks if task.outlets] == [f"lineage.{last}"]


def test_the_group_passes_its_arguments_on():
    with DAG("dag", schedule=None) as dag:
        sqlflow_lineage(
            "g",
            sql="select 1",
            dialect="postgres",
            output_path="/out/",
            formats=["csv", "json"],
            shards=2,
            fail_on_partial=True,
            sqlflow_conn_id="other",
            default_args={"retries": 3},
        )
    assert {task.sqlflow_conn_id for task in dag.tasks if not task.is_mapped} == {"other"}
    assert {
        dag.get_task(f"g.{stage}").partial_kwargs["sqlflow_conn_id"] for stage in ("declare", "analyze")
    } == {"other"}
    assert dag.get_task("g.merge").fail_on_partial
    assert dag.get_task("g.export").formats == ["csv", "json"]
    assert dag.get_task("g.plan").retries == dag.get_task("g.declare").retries == 3
