"""The example Dags load; how the flagship plans its jobs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from airflow_provider_sqlflow.errors import ConfigError, UnknownDialectError, UnreadableInputError

DAGS = Path(__file__).parents[2] / "dags"
FILES = sorted(DAGS.glob("example_*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_dag_loads(path):
    bag = DagBag(dag_folder=str(path))
    assert bag.import_errors == {}
    assert list(bag.dags) == [path.stem]
    assert bag.dags[path.stem].tags >= {"sqlflow", "example"}


@pytest.fixture(scope="module")
def plan_jobs():
    spec = importlib.util.spec_from_file_location("flagship", DAGS / "example_sqlflow_lineage_job.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.plan_jobs


@pytest.fixture
def warehouse(tmp_path):
    for folder in ("snowflake", "bigquery", "notes"):
        (tmp_path / "dwh" / folder).mkdir(parents=True)
        (tmp_path / "dwh" / folder / "a.sql").write_text("select 1")
    return tmp_path / "dwh"


def test_every_folder_named_after_a_dialect_is_a_job(plan_jobs, warehouse):
    assert plan_jobs(str(warehouse), "", "/out") == [
        {
            "submit": {
                "job_name": name,
                "dialect": name,
                "paths": str(warehouse / name),
                "default_database": None,
            },
            "output_path": f"/out/{name}/",
        }
        for name in ("bigquery", "snowflake")
    ]


def test_a_dialect_makes_one_job_of_the_whole(plan_jobs, warehouse):
    [job] = plan_jobs(str(warehouse), "dbvpostgresql", "/out")
    assert job["submit"] == {
        "job_name": "dwh",
        "dialect": "postgres",
        "paths": str(warehouse),
        "default_database": None,
    }
    [job] = plan_jobs(str(warehouse / "notes" / "a.sql"), "mysql", "/out")
    assert job["submit"]["job_name"] == "a"
    assert job["output_path"] == "/out/a/"


def test_the_default_output_is_under_the_configured_home(plan_jobs, warehouse, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SQLFLOW__HOME", "/data/sqlflow")
    [job] = plan_jobs(str(warehouse), "duckdb", "")
    assert job["output_path"] == "/data/sqlflow/lineage/dwh/"


def test_bad_input_is_named(plan_jobs, warehouse):
    with pytest.raises(UnreadableInputError, match="missing does not exist"):
        plan_jobs(str(warehouse / "missing"), "", "")
    with pytest.raises(UnknownDialectError, match="postgras"):
        plan_jobs(str(warehouse), "postgras", "")
    with pytest.raises(ConfigError, match="named after a SQL dialect"):
        plan_jobs(str(warehouse / "notes"), "", "")
