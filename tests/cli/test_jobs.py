from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run

GOOD = "INSERT INTO t (a) SELECT b FROM s;\n"
BROKEN = "SELECT FROM WHERE ((;\n"


def submit(run: Run, text: str = GOOD, *arguments: str) -> dict[str, Any]:
    Path("a.sql").write_text(text)
    done = run("job", "submit", "a.sql", "-d", "postgres", "--json", *arguments)
    assert done.exit_code in (0, 1), done.stderr
    job: dict[str, Any] = json.loads(done.stdout)
    return job


def listed(run: Run, *arguments: str) -> list[str]:
    done = run("job", "list", "--json", *arguments)
    assert done.exit_code == 0
    return [job["name"] for job in json.loads(done.stdout)["jobs"]]


def test_submit_shows_the_ended_job(run: Run) -> None:
    Path("models").mkdir()
    Path("models/a.sql").write_text(GOOD)
    done = run("job", "submit", "models", "-d", "dbvpostgresql", "--tag", "x", "--tag", "y", "--owner", "ann")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert (lines["name"], lines["status"], lines["dialect"]) == ("models", "success", "postgres")
    assert (lines["tags"], lines["owner"], lines["files"]) == ("x, y", "ann", "1 of 1")


def test_partial_success_is_exit_code_1_and_says_where(run: Run) -> None:
    Path("a.sql").write_text(GOOD + BROKEN)
    done = run("job", "submit", "a.sql", "-d", "postgres")
    assert done.exit_code == 1
    assert "partial_success" in done.stdout
    assert done.stderr.startswith("a.sql:2:")


def test_failed_job_is_exit_code_1(run: Run) -> None:
    Path("a.sql").write_text(BROKEN)
    done = run("job", "submit", "a.sql", "-d", "postgres")
    assert done.exit_code == 1
    assert "no statement of 1 file(s) was understood" in done.stdout


def test_submit_from_standard_input(run: Run) -> None:
    done = run("job", "submit", "-", "-d", "postgres", "--json", stdin=GOOD)
    assert (done.exit_code, json.loads(done.stdout)["name"]) == (0, "stdin")


def test_same_key_gives_the_same_job(run: Run) -> None:
    first, second = submit(run, GOOD, "--key", "k"), submit(run, GOOD, "--key", "k")
    assert first["id"] == second["id"]
    assert run("job", "submit", "a.sql", "-d", "mysql", "--key", "k").exit_code == 2


def test_status_in_text_and_json(run: Run) -> None:
    job = submit(run)
    assert f"id           {job['id']}\n" in run("job", "status", job["id"]).stdout
    assert json.loads(run("job", "status", job["id"], "--json").stdout) == job
    assert job["counts"]["column_edges"] == 1
    assert job["created_at"].endswith("+00:00")


def test_list_filters_and_pages(run: Run) -> None:
    for name, tag in [("nightly", "x"), ("Weekly", "y"), ("monthly", "x")]:
        submit(run, GOOD, "--name", name, "--tag", tag, "--owner", f"{name}er")
    submit(run, BROKEN, "--name", "broken")
    assert listed(run) == ["broken", "monthly", "Weekly", "nightly"]
    assert listed(run, "--limit", "1", "--offset", "1") == ["monthly"]
    assert listed(run, "--tag", "x") == ["monthly", "nightly"]
    assert listed(run, "--name", "WEEK") == ["Weekly"]
    assert listed(run, "--owner", "nightlyer") == ["nightly"]
    assert listed(run, "--status", "fail") == ["broken"]
    assert listed(run, "--status", "fail", "--status", "success", "--limit", "2") == ["broken", "monthly"]
    text = run("job", "list", "--limit", "2").stdout.splitlines()
    assert text[0].split() == ["id", "status", "files", "statements", "created", "name"]
    assert (text[1].split()[-1], text[-1]) == ("broken", "2 of 4 jobs")


def test_list_of_an_empty_store(run: Run) -> None:
    assert run("job", "list").stdout.splitlines()[-1] == "0 of 0 jobs"


def test_files(run: Run) -> None:
    job = submit(run, GOOD + BROKEN)
    (file,) = json.loads(run("job", "files", job["id"], "--json").stdout)
    assert (file["path"], file["status"], file["statements"]) == ("a.sql", "partial_success", 2)
    head, row = run("job", "files", job["id"]).stdout.splitlines()
    assert head.split() == ["status", "statements", "failed", "file", "cause"]
    assert row.split()[:4] == ["partial_success", "2", "1", "a.sql"]
    assert file["cause"] in row


def test_export(run: Run) -> None:
    job = submit(run)
    done = run("job", "export", job["id"], "--format", "csv", "--output", "out/x.csv")
    size = Path("out/x.csv").stat().st_size
    assert (done.exit_code, done.stdout) == (0, f"out/x.csv: {size} bytes, 2 relations, 1 column edge\n")


def test_cancel_and_delete(run: Run) -> None:
    job = submit(run)
    assert run("job", "cancel", job["id"]).stdout == f"{job['id']} success\n"
    assert run("job", "delete", job["id"]).stdout == f"{job['id']} delete\n"
    done = run("job", "export", job["id"], "-f", "csv", "-o", "x.csv")
    assert (done.exit_code, done.stderr) == (2, f"error: job {job['id']} is delete and has no result\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "nope"],
        ["files", "nope"],
        ["cancel", "nope"],
        ["delete", "nope"],
        ["export", "nope", "-f", "csv", "-o", "x"],
    ],
)
def test_unknown_job(run: Run, arguments: list[str]) -> None:
    done = run("job", *arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", "error: no job nope\n")


def test_store_option_goes_before_the_environment(run: Run, tmp_path: Path) -> None:
    submit(run)
    done = run("--store", f"sqlite:///{tmp_path}/other.db", "job", "list")
    assert done.stdout.splitlines()[-1] == "0 of 0 jobs"
    assert (tmp_path / "other.db").exists()


def test_store_that_cannot_be_reached(run: Run) -> None:
    done = run("--store", "postgresql://me:hush@127.0.0.1:1/jobs", "job", "list")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: the job store postgresql+psycopg://me:***@127.0.0.1:1/jobs cannot")
    assert "hush" not in done.stderr
