"""What Airflow's own commands say about the provider, and the flagship Dag without a scheduler."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow
REPOSITORY = Path(__file__).parents[2]


def from_json(printed: str):
    """The JSON list in what a command printed, behind whatever Airflow logged before it."""
    return json.loads(printed[re.search(r"^\[", printed, re.MULTILINE).start() :])


def test_the_provider_is_listed(airflow):
    [row] = [
        row
        for row in from_json(airflow("providers", "list", "-o", "json"))
        if "sqlflow" in row["package_name"]
    ]
    assert row["package_name"] == "airflow-provider-sqlflow"


def test_the_configuration_section_is_listed(airflow):
    text = airflow("config", "list", "--section", "sqlflow", "--include-descriptions")
    assert "[sqlflow]" in text
    assert "store_url" in text


def test_the_dags_load_without_errors(airflow):
    airflow("dags", "reserialize")
    assert from_json(airflow("dags", "list-import-errors", "-o", "json")) == []
    listed = {row["dag_id"] for row in from_json(airflow("dags", "list", "-o", "json"))}
    files = {path.stem for path in (Path(__file__).parents[2] / "dags").glob("example_*.py")}
    made = {"sqlflow_postgres_warehouse", "sqlflow_snowflake_warehouse", "sqlflow_runner"}
    assert listed == files | made


def test_the_flagship_runs_and_leaves_readable_files(airflow, check_exports, tmp_path):
    airflow(
        "dags", "test", "example_sqlflow_lineage_job", "--conf", json.dumps({"output": str(tmp_path / "out")})
    )
    check_exports(tmp_path / "out")


def test_the_flagship_analyses_another_folder(airflow, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "daily.sql").write_text(
        "create table daily as select sum(amount) as total from orders;"
    )
    conf = {"sql": str(tmp_path / "mine"), "dialect": "duckdb", "output": str(tmp_path / "out")}
    airflow("dags", "test", "example_sqlflow_lineage_job", "--conf", json.dumps(conf))
    text = (tmp_path / "out" / "mine" / "mine.csv").read_text()
    assert "orders" in text
    assert "total" in text


def test_the_minimal_dag_runs_as_it_stands(airflow):
    written = Path("/tmp/lineage/example_sqlflow_minimal.analyse.csv")
    written.unlink(missing_ok=True)
    airflow("dags", "test", "example_sqlflow_minimal")
    assert "sold_on" in written.read_text()
    written.unlink()
