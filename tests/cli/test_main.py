"""The command as a process: start, exit codes, pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_sqlflow import __version__

GOOD = "INSERT INTO t (a) SELECT b FROM s;\n"
COMMAND = [sys.executable, "-c", "from airflow_provider_sqlflow.cli.main import main; main()"]


def sqlflow(*arguments: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SQLFLOW_HOME": str(cwd / "home")}
    environment.pop("SQLFLOW_STORE_URL", None)
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_console_script_is_installed(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("sqlflow")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == f"sqlflow, version {__version__}\n"


def test_module_is_the_command_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "airflow_provider_sqlflow.cli.main", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == f"sqlflow, version {__version__}\n"


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
from airflow_provider_sqlflow.cli.main import cli
cli(["--help"], prog_name="sqlflow", standalone_mode=False)
heavy = {"sqlglot", "sqlalchemy", "alembic", "rich", "airflow", "openlineage", "pygraphviz", "httpx"}
print("loaded:", sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.endswith("loaded: []\n")
    assert "analyze" in done.stdout


def test_analyze_as_a_process(tmp_path: Path) -> None:
    done = sqlflow("analyze", "-", "-d", "postgres", "-f", "csv", "-q", cwd=tmp_path, stdin=GOOD)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2


def test_analyze_opens_no_store(tmp_path: Path) -> None:
    sqlflow("analyze", "-", "-d", "postgres", cwd=tmp_path, stdin=GOOD)
    assert not (tmp_path / "home").exists()


def test_error_as_a_process(tmp_path: Path) -> None:
    done = sqlflow("analyze", "gone.sql", "-d", "postgres", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: cannot read gone.sql: No such file or directory\n"


def test_wrong_number_in_the_environment(tmp_path: Path) -> None:
    environment = {**os.environ, "SQLFLOW_MAX_NESTING": "many"}
    done = subprocess.run(
        [*COMMAND, "job", "list"], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (
        2,
        "error: SQLFLOW_MAX_NESTING='many' is not a positive whole number\n",
    )


def test_jobs_stay_from_one_process_to_the_next(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text(GOOD)
    assert sqlflow("job", "submit", "a.sql", "-d", "postgres", cwd=tmp_path).returncode == 0
    assert sqlflow("job", "list", cwd=tmp_path).stdout.splitlines()[-1] == "1 of 1 job"


def test_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    sql = "".join(f"INSERT INTO t{n} (a) SELECT b FROM s{n};\n" for n in range(3000))
    (tmp_path / "a.sql").write_text(sql)
    with subprocess.Popen(
        [*COMMAND, "analyze", "a.sql", "-d", "postgres", "-q"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("arguments", [("analyze", "a.sql", "-d", "postgres", "-q"), ("job", "list")])
def test_output_that_takes_no_more_is_one_line_and_not_told_as_bad_sql(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "a.sql").write_text(GOOD)
    environment = {**os.environ, "SQLFLOW_HOME": str(tmp_path / "home")}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "error: the output cannot be written: No space left on device\n"
