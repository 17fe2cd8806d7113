"""SQL of Airflow's own operators, captured in real task runs: what stands in the events and in the store."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from postgres_server import running_postgres

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.settings import Settings

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

DAG_FILE = Path(__file__).parent / "dags" / "captured_sql.py"
TABLES = (
    "CREATE TABLE orders (id INT, amount INT)",
    "CREATE TABLE daily (id INT, amount INT)",
    "INSERT INTO orders VALUES (1, 2)",
)
NAMES = ("one_statement", "several_statements", "split_script", "mapped", "failing", "in_python")
OPENLINEAGE = "AIRFLOW__OPENLINEAGE__"


@dataclass(frozen=True)
class Outcome:
    """What a run of Dags left behind."""

    events: list[dict[str, Any]]
    log: str
    store: Settings

    def of(self, name: str) -> list[dict[str, Any]]:
        """Events of a Dag's task and of whatever else ran below it, in order."""
        return [event for event in self.events if event["job"]["name"].startswith(f"{name}.")]

    def states(self, name: str) -> list[tuple[str, str]]:
        return [(event["eventType"], event["job"]["name"]) for event in self.of(name)]

    def writers(self, table: str) -> list[str]:
        """The task instances that wrote a table, by name."""
        client = EmbeddedClient(self.store)
        try:
            found = client.list_instances(table)
        finally:
            client.close()
        return sorted(
            f"{item.run.origin.dag_id}.{item.run.origin.task_id}[{item.run.origin.map_index}]"
            for item in found.instances
            if item.role.value == "write"
        )


@pytest.fixture(scope="session")
def run_dags(airflow_home: Path, environment: Callable[..., dict[str, str]], tmp_path_factory) -> Callable:
    """Runs Dags of ``captured_sql.py`` against a connection, with options of the environment."""

    def run(connection: dict[str, str], *names: str, capture: str = "both", **options: str) -> Outcome:
        folder = tmp_path_factory.mktemp("captured")
        transport = {"type": "file", "log_file_path": str(folder / "events.jsonl"), "append": True}
        env = {
            **environment(airflow_home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAG_FILE.parent),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps(connection),
            "AIRFLOW__SQLFLOW__CAPTURE_SQL": capture,
            "AIRFLOW__SQLFLOW__HOME": str(folder),
            f"{OPENLINEAGE}TRANSPORT": json.dumps(transport),
            **options,
        }
        done = subprocess.run(
            [sys.executable, str(DAG_FILE), *names], env=env, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, done.stderr[-3000:]
        file = folder / "events.jsonl"
        events = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return Outcome(events, done.stdout + done.stderr, Settings(home=str(folder)))

    return run


@pytest.fixture(scope="module")
def postgres() -> Iterator[dict[str, str]]:
    import psycopg

    with running_postgres() as host:
        with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
            for statement in TABLES:
                connection.execute(statement)
        yield {"conn_type": "postgres", "host": host, "login": "postgres", "schema": "postgres"}


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory) -> dict[str, str]:
    path = tmp_path_factory.mktemp("sqlite") / "warehouse.db"
    connection = sqlite3.connect(path)
    for statement in TABLES:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return {"conn_type": "sqlite", "host": str(path)}


@pytest.fixture(scope="module", params=["postgres", "sqlite"])
def captured(request: pytest.FixtureRequest, run_dags) -> tuple[Outcome, str]:
    """All Dags on one kind of database, and what stands before a table's name."""
    prefix = {"postgres": "postgres.public", "sqlite": "main"}[request.param]
    return run_dags(request.getfixturevalue(request.param), *NAMES), prefix


def lineage_of(event: dict[str, Any]) -> dict[str, list[str]]:
    """Column lineage of an event's only output."""
    [output] = event["outputs"]
    facet = output["facets"]["columnLineage"]
    return {
        name: [f"{source['name']}.{source['field']}" for source in field["inputFields"]]
        for name, field in sorted(facet["fields"].items())
    }


def ends(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    return [event for event in outcome.of(name) if event["eventType"] in ("COMPLETE", "FAIL")]


def test_there_is_one_start_and_one_end_of_each_task_and_nothing_else(captured):
    outcome, _ = captured
    for name in NAMES:
        end = "FAIL" if name == "failing" else "COMPLETE"
        count = 2 if name == "mapped" else 1
        assert outcome.states(name) == [("START", f"{name}.load"), (end, f"{name}.load")] * count


def test_stars_are_resolved_by_the_connections_catalog(captured):
    outcome, prefix = captured
    [event] = ends(outcome, "one_statement")
    assert lineage_of(event) == {"amount": [f"{prefix}.orders.amount"], "id": [f"{prefix}.orders.id"]}
    facet = event["outputs"][0]["facets"]["columnLineage"]
    assert [(item["field"], item["transformations"][0]["subtype"]) for item in facet["dataset"]] == [
        ("id", "FILTER")
    ]
    assert event["job"]["facets"]["sql"]["query"].endswith("id > 0")


def test_names_of_column_lineage_are_names_of_the_events_datasets(captured):
    outcome, _ = captured
    for name in NAMES:
        for event in ends(outcome, name):
            known = {(item["namespace"], item["name"]) for item in event["inputs"]}
            for field in event["outputs"][0]["facets"]["columnLineage"]["fields"].values():
                assert {(item["namespace"], item["name"]) for item in field["inputFields"]} <= known


def test_schemas_have_types(captured):
    outcome, _ = captured
    [event] = ends(outcome, "one_statement")
    for item in (*event["inputs"], *event["outputs"]):
        fields = {field["name"]: field["type"].lower() for field in item["facets"]["schema"]["fields"]}
        assert fields in ({"id": "int", "amount": "int"}, {"id": "int4", "amount": "int4"})


def test_temporary_tables_of_a_list_are_followed(captured):
    outcome, prefix = captured
    [event] = ends(outcome, "several_statements")
    daily = next(item for item in event["outputs"] if item["name"] == f"{prefix}.daily")
    [source] = daily["facets"]["columnLineage"]["fields"]["amount"]["inputFields"]
    assert f"{source['name']}.{source['field']}" == f"{prefix}.orders.amount"
    assert source["transformations"][0]["subtype"] == "AGGREGATION"


def test_scripts_mapped_tasks_failures_and_hooks(captured):
    outcome, prefix = captured
    assert [lineage_of(event) for event in ends(outcome, "split_script")] == [{"id": [f"{prefix}.orders.id"]}]
    # Mapped tasks end in any order.
    assert sorted((lineage_of(event) for event in ends(outcome, "mapped")), key=str) == [
        {"amount": [f"{prefix}.orders.amount"]},
        {"id": [f"{prefix}.orders.id"]},
    ]
    [failed] = ends(outcome, "failing")
    assert lineage_of(failed)["id"] == [f"{prefix}.orders.id"]
    [python] = ends(outcome, "in_python")
    assert lineage_of(python) == {"amount": [f"{prefix}.orders.amount"], "id": [f"{prefix}.orders.id"]}


def test_start_events_have_no_column_lineage(captured):
    outcome, _ = captured
    starts = [event for name in NAMES for event in outcome.of(name) if event["eventType"] == "START"]
    assert not any("columnLineage" in item["facets"] for event in starts for item in event["outputs"])


def test_the_store_knows_which_tasks_wrote(captured):
    outcome, _ = captured
    assert outcome.writers("daily") == [
        "in_python.load[-1]",
        "mapped.load[0]",
        "mapped.load[1]",
        "one_statement.load[-1]",
        "several_statements.load[-1]",
        "split_script.load[-1]",
    ]


def test_switched_off_everything_is_the_providers(run_dags, postgres):
    outcome = run_dags(postgres, "split_script", capture="off")
    for field in outcome.of("split_script")[1]["outputs"][0]["facets"]["columnLineage"]["fields"].values():
        assert not any(item.get("transformations") for item in field["inputFields"])
    assert not (Path(outcome.store.home) / "sqlflow.db").exists()


def test_without_openlineage_the_store_still_learns(run_dags, sqlite):
    outcome = run_dags(sqlite, "split_script", "in_python", **{f"{OPENLINEAGE}DISABLED": "True"})
    assert outcome.events == []
    assert outcome.writers("daily") == ["in_python.load[-1]", "split_script.load[-1]"]


def test_the_emission_policy_is_respected(run_dags, sqlite):
    policy = [
        {"scope": {"dag_id": "split_script"}, "controls": {"emit": False}},
        {"scope": {"dag_id": "one_statement"}, "controls": {"extract_operator_metadata": False}},
        {"scope": {"dag_id": "in_python"}, "controls": {"hook_lineage": False}},
    ]
    names = ("split_script", "one_statement", "in_python", "mapped")
    outcome = run_dags(sqlite, *names, **{f"{OPENLINEAGE}EMISSION_POLICY": json.dumps(policy)})
    assert outcome.of("split_script") == []
    for name in ("one_statement", "in_python"):
        assert not any(event["inputs"] or event["outputs"] for event in outcome.of(name))
    assert outcome.writers("daily") == ["mapped.load[0]", "mapped.load[1]"]


def test_a_slow_catalog_leaves_the_providers_result(run_dags, postgres):
    import psycopg

    with psycopg.connect(
        host=postgres["host"], user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute("CREATE DATABASE slow")
    with psycopg.connect(
        host=postgres["host"], user="postgres", dbname="slow", autocommit=True
    ) as connection:
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("ALTER VIEW information_schema.columns RENAME TO fast_columns")
        connection.execute(
            "CREATE VIEW information_schema.columns AS "
            "SELECT c.* FROM information_schema.fast_columns c, (SELECT pg_sleep(2)) AS waiting"
        )
    slow = {**postgres, "schema": "slow"}
    outcome = run_dags(slow, "split_script", AIRFLOW__SQLFLOW__CAPTURE_SECONDS="1")
    assert "Reading the task's SQL took longer than 1 seconds" in outcome.log
    assert outcome.states("split_script") == [
        ("START", "split_script.load"),
        ("COMPLETE", "split_script.load"),
    ]
    for field in outcome.of("split_script")[1]["outputs"][0]["facets"]["columnLineage"]["fields"].values():
        assert not any(item.get("transformations") for item in field["inputFields"])
    assert outcome.writers("daily") == []
