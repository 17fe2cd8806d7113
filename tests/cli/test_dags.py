"""``sqlflow dags``: check and render."""

from __future__ import annotations

import ast
from pathlib import Path

GOOD = """jobs:
  nightly: {dialect: postgres, paths: sql, schedule: "0 6 * * *", description: 'It "is" \\ it'}
"""


def test_check_counts(run):
    Path("jobs.yaml").write_text(GOOD)
    result = run("dags", "check", "jobs.yaml")
    assert (result.exit_code, result.stdout) == (0, "1 jobs, 0 problems\n")


def test_check_names_every_problem_the_dialect_too(run):
    Path("jobs.yaml").write_text(
        GOOD + "  odd: {dialect: klingon, sql: select 1}\n  bad: {dialect: postgres, sql: x, retries: no}\n"
    )
    result = run("dags", "check", "jobs.yaml")
    assert (result.exit_code, result.stdout) == (1, "1 jobs, 2 problems\n")
    lines = result.stderr.splitlines()
    assert lines[0] == "jobs.yaml:4: jobs.bad.retries: False is not of type 'integer'"
    assert lines[1].startswith("jobs.yaml:3: jobs.odd.dialect: unknown SQL dialect 'klingon'")


def test_render_writes_python_that_does_not_depend_on_the_machine(run, tmp_path):
    Path("team").mkdir()
    Path("team/jobs.yaml").write_text(GOOD)
    result = run("dags", "render", "team/jobs.yaml", "-o", "dags/lineage")
    assert (result.exit_code, result.stdout) == (0, "dags/lineage/sqlflow_nightly.py\n")
    text = Path("dags/lineage/sqlflow_nightly.py").read_text()
    ast.parse(text)
    assert "paths=['../../team/sql']" in text
    assert str(tmp_path) not in text
    again = run("dags", "render", "team/jobs.yaml", "-o", "dags/lineage")
    assert again.exit_code == 0
    assert Path("dags/lineage/sqlflow_nightly.py").read_text() == text


def test_render_leaves_files_of_others_alone(run):
    Path("jobs.yaml").write_text(GOOD)
    Path("sqlflow_nightly.py").write_text("mine = 1\n")
    result = run("dags", "render", "jobs.yaml")
    assert result.exit_code == 2
    assert "sqlflow_nightly.py was not written by this command" in result.stderr
    assert Path("sqlflow_nightly.py").read_text() == "mine = 1\n"


def test_render_writes_the_good_ones(run):
    Path("jobs.yaml").write_text(GOOD + "  bad: {}\n")
    result = run("dags", "render", "jobs.yaml", "-o", "out")
    assert result.exit_code == 1
    assert [path.name for path in Path("out").iterdir()] == ["sqlflow_nightly.py"]
    assert "jobs.yaml:3: jobs.bad: 'dialect' is a required property" in result.stderr
