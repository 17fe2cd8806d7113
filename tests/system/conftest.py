"""A real Airflow for the tests marked ``airflow``: its own home, SQLite, the repository's Dags."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DIALECTS = ("bigquery", "postgres", "snowflake")


def airflow_environment(home: Path) -> dict[str, str]:
    """The environment of an Airflow under ``home``, without settings of whoever runs the tests."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SQLFLOW"))
    }
    return {
        **inherited,
        # ``airflow standalone`` starts its parts by name.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "NO_COLOR": "1",
        "COLUMNS": "400",
    }


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AIRFLOW_HOME with a migrated database."""
    home = tmp_path_factory.mktemp("airflow-home")
    run_airflow(home, "db", "migrate")
    return home


def run_airflow(home: Path, *arguments: str) -> str:
    run = subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=airflow_environment(home),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, f"airflow {' '.join(arguments)}\n{run.stdout[-4000:]}\n{run.stderr[-4000:]}"
    return run.stdout


@pytest.fixture(scope="session")
def airflow(airflow_home: Path) -> Callable[..., str]:
    """Runs an ``airflow`` command and returns what it prints; the test fails when the command does."""
    return lambda *arguments: run_airflow(airflow_home, *arguments)


@pytest.fixture(scope="session")
def environment() -> Callable[[Path], dict[str, str]]:
    return airflow_environment


@pytest.fixture(scope="session")
def check_exports() -> Callable[[Path], None]:
    return _check_exports


def _check_exports(output: Path) -> None:
    """Every job of the demo warehouse left readable files in every format."""
    assert sorted(path.name for path in output.iterdir()) == list(DIALECTS)
    for name in DIALECTS:
        folder = output / name
        suffixes = (".csv", ".graphml", ".json", ".openlineage.jsonl", ".svg")
        assert sorted(path.name for path in folder.iterdir()) == [f"{name}{suffix}" for suffix in suffixes]
        document = json.loads((folder / f"{name}.json").read_text())
        assert document["code"] == 200
        with (folder / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) > 100
        assert {row["relation_type"] for row in rows} >= {"fdd", "fdr"}
        ElementTree.parse(folder / f"{name}.graphml")
        assert ElementTree.parse(folder / f"{name}.svg").getroot().tag.endswith("svg")
        events = [
            json.loads(line)
            for line in (folder / f"{name}.openlineage.jsonl").read_text().splitlines()
            if line
        ]
        assert any(dataset for event in events for dataset in event.get("outputs", ()))
