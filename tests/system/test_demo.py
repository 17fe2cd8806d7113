"""The demo that ``make demo`` runs: good and bad input, exit codes, one clear line for a mistake."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

DEMO = Path(__file__).parents[2] / ".ci" / "demo.py"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Runs the demo with its own AIRFLOW_HOME, which the first good run sets up."""
    home = tmp_path_factory.mktemp("demo-home")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(DEMO), "--home", str(home), *map(str, arguments)]
        environment = {**os.environ, "AIRFLOW__CORE__LOAD_EXAMPLES": "True", "NO_COLOR": "1"}
        return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)

    return run


def test_the_warehouse(demo, check_exports, tmp_path):
    run = demo("--output", tmp_path / "out")
    assert run.returncode == 0, run.stdout + run.stderr
    check_exports(tmp_path / "out")
    assert "partial_success" in run.stdout
    errors = [line for line in run.stdout.splitlines() if line.startswith("  error")]
    assert len(errors) == 1
    assert "postgres/" in errors[0]
    assert ".sql:" in errors[0]
    assert str(tmp_path / "out" / "snowflake") in run.stdout
    assert run.stderr == ""


def test_a_zip_archive_of_the_users(demo, tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("models/daily.sql", "create table daily as select sum(amount) as total from orders;")
    run = demo("--sql", tmp_path / "mine.zip", "--dialect", "bigquery", "--output", tmp_path / "out")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "mine (bigquery)" in run.stdout
    assert "orders" in (tmp_path / "out" / "mine" / "mine.csv").read_text()


def make_input(tmp_path, name):
    path = tmp_path / name
    if name == "empty":
        path.mkdir()
    elif name == "broken.zip":
        path.write_bytes(b"PK\x03\x04 not a zip")
    elif name == "good.sql":
        path.write_text("select 1")
    return path


@pytest.mark.parametrize(
    ("name", "dialect", "said"),
    [
        ("missing", "", "does not exist"),
        ("empty", "duckdb", "empty"),
        ("broken.zip", "duckdb", "broken.zip"),
        ("good.sql", "klingon", "klingon"),
        ("good.sql", "", "give the dialect"),
    ],
)
def test_a_mistake_is_one_clear_line(demo, tmp_path, name, dialect, said):
    run = demo("--sql", make_input(tmp_path, name), "--dialect", dialect, "--output", tmp_path / "out")
    assert run.returncode == 2
    [line] = run.stdout.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert run.stderr == ""
    assert not (tmp_path / "out").exists()
