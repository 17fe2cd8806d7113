"""SQL of an operator of Airflow's own, on PostgreSQL, captured: Marquez shows our column lineage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.marquez.conftest import Marquez
from tests.postgres_server import running_postgres
from tests.system.conftest import airflow_environment, run_airflow

pytestmark = pytest.mark.airflow

DAG_FILE = Path(__file__).parents[1] / "system" / "dags" / "captured_sql.py"


def test_the_column_lineage_of_a_sql_operator(marquez: Marquez, tmp_path: Path) -> None:
    run_airflow(tmp_path, "db", "migrate")
    # The host names the database in events; the driver takes the socket's folder.
    host = f"warehouse-{marquez.unique}"
    with running_postgres() as folder:
        with psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True) as database:
            database.execute("CREATE TABLE orders (id INT, amount INT)")
            database.execute("CREATE TABLE daily (id INT, amount INT)")
        run_dag(tmp_path, marquez, {"host": host, "extra": {"host": folder}})

    namespace = f"postgres://{host}:5432"
    [entry] = [
        item
        for item in marquez.dataset(namespace, "postgres.public.daily")["columnLineage"]
        if item["name"] == "amount"
    ]
    [source] = [item for item in entry["inputFields"] if item["field"] == "amount"]
    assert (source["namespace"], source["dataset"]) == (namespace, "postgres.public.orders")
    types = {
        item["name"]: item["type"] for item in marquez.dataset(namespace, "postgres.public.orders")["fields"]
    }
    assert types == {"id": "int4", "amount": "int4"}
    job = marquez.job("one_statement.load")
    assert job["latestRun"]["state"] == "COMPLETED"
    assert [item["name"] for item in job["outputs"]] == ["postgres.public.daily"]


def run_dag(home: Path, marquez: Marquez, connection: dict[str, Any]) -> None:
    fields = {"conn_type": "postgres", "login": "postgres", "schema": "postgres", **connection}
    environment = {
        **airflow_environment(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAG_FILE.parent),
        "AIRFLOW_CONN_WAREHOUSE": json.dumps(fields),
        "AIRFLOW__SQLFLOW__CAPTURE_SQL": "openlineage",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "http", "url": marquez.url}),
        "AIRFLOW__OPENLINEAGE__NAMESPACE": marquez.job_namespace,
    }
    done = subprocess.run(
        [sys.executable, str(DAG_FILE), "one_statement"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
