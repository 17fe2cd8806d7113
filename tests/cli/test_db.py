from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_sqlflow.jobs.store.tables import SCHEMA_REVISION
from tests.cli.conftest import Run

GOOD = "INSERT INTO t (a) SELECT b FROM s;\n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/.store/jobs.db"


def submit(run: Run, *arguments: str) -> None:
    Path("a.sql").write_text(GOOD)
    assert run("job", "submit", "a.sql", "-d", "postgres", *arguments).exit_code == 0


def test_schema_up_and_down(run: Run, url: str) -> None:
    assert run("db", "current").stdout == f"{url}: no tables (this version needs {SCHEMA_REVISION})\n"
    assert run("db", "upgrade").stdout == f"{url}: schema {SCHEMA_REVISION}\n"
    submit(run, "--name", "kept")
    assert run("db", "downgrade", "0001", stdin="n\n").exit_code == 1
    assert run("db", "current").stdout == f"{url}: schema {SCHEMA_REVISION}\n"
    done = run("db", "downgrade", "0001", "--yes")
    assert done.stdout == f"{url}: schema 0001 (this version needs {SCHEMA_REVISION})\n"
    assert run("db", "current").stdout == done.stdout
    assert "kept" in run("job", "list").stdout
    assert run("db", "current").stdout == f"{url}: schema {SCHEMA_REVISION}\n", "opened, so upgraded"


def test_downgrade_to_nowhere(run: Run) -> None:
    submit(run)
    done = run("db", "downgrade", "9999", "--yes")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "cannot go back to '9999'; known: 0001" in done.stderr


def test_clean(run: Run) -> None:
    submit(run, "--name", "old")
    submit(run, "--persist", "--name", "warehouse")
    assert run("db", "clean", "--older-than", "1h", "--ended").stdout == (
        "removed 0 jobs, 0 runs, 0 results, 0 texts\n"
    )
    assert run("db", "clean", "--before", "2999-01-01").stdout == (
        "removed 0 jobs, 0 runs, 0 results, 0 texts\n"
    )
    assert run("db", "clean", "--before", "2999-01-01", "--ended").stdout == (
        "removed 1 job, 0 runs, 0 results, 0 texts\n"
    )
    assert [line.split()[-1] for line in run("job", "list").stdout.splitlines()[1:-1]] == ["warehouse"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --before or --older-than"),
        (["--before", "2026-01-01", "--older-than", "3d"], "give either --before or --older-than"),
        (["--older-than", "3 days"], "'3 days' is not a length of time such as 12h, 30d or 8w"),
        (["--before", "then"], "'then' is no time"),
    ],
)
def test_clean_that_is_refused(run: Run, arguments: list[str], message: str) -> None:
    done = run("db", "clean", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
