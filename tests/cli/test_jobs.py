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


def test_persist_job_takes_batches(run: Run) -> None:
    job = submit(
        run, GOOD, "--persist", "--name", "warehouse", "--cron", "0 0 1 ? * 2", "--timezone", "Asia/Tokyo"
    )
    assert (job["kind"], job["run"]) == ("persist", 1)
    assert job["schedule"] == {"cron": "0 1 * * 1", "timezone": "Asia/Tokyo", "is_paused": False}
    Path("b.sql").write_text(GOOD)
    done = run("job", "submit", "b.sql", "-d", "postgres", "--job-id", job["id"], "--json")
    second = json.loads(done.stdout)
    assert (second["id"], second["name"], second["run"], second["result_run"]) == (
        job["id"],
        "warehouse",
        2,
        2,
    )
    assert [line.split()[3] for line in run("job", "files", job["id"]).stdout.splitlines()[1:]] == [
        "a.sql",
        "b.sql",
    ]
    assert len(run("job", "files", job["id"], "--run", "1").stdout.splitlines()) == 2
    done = run("job", "submit", "b.sql", "-d", "postgres", "--job-id", job["id"], "--replace")
    assert "run          3, result of run 3\n" in done.stdout
    assert "schedule     0 1 * * 1 (Asia/Tokyo)\n" in done.stdout
    assert len(run("job", "files", job["id"]).stdout.splitlines()) == 2
    head, *rows = run("job", "runs", job["id"]).stdout.splitlines()
    assert head.split() == ["run", "status", "files", "statements", "created", "end", "task", "error"]
    assert [row.split()[:3] for row in rows] == [
        ["3", "success", "1"],
        ["2", "success", "2"],
        ["1", "success", "1"],
    ]
    assert [item["number"] for item in json.loads(run("job", "runs", job["id"], "--json").stdout)] == [
        3,
        2,
        1,
    ]


def test_rerun_reads_the_files_again(run: Run) -> None:
    job = submit(run)
    Path("a.sql").write_text(GOOD + BROKEN)
    done = run("job", "rerun", job["id"], "--json")
    assert done.exit_code == 1
    assert done.stderr.startswith("a.sql:2:")
    assert (json.loads(done.stdout)["run"], json.loads(done.stdout)["status"]) == (2, "partial_success")


def test_schedule_is_shown_and_changed(run: Run) -> None:
    job = submit(run, GOOD, "--persist", "--name", "nightly")
    assert run("job", "schedule").stdout.split() == ["id", "status", "schedule", "next", "run", "name"]
    shown = run("job", "schedule", job["id"], "--cron", "30 2 * * *").stdout.splitlines()[1]
    assert "30 2 * * * (UTC)" in shown
    assert shown.split()[-2:] == ["02:30:00+00:00", "nightly"]
    assert run("job", "schedule").stdout.splitlines()[1] == shown
    paused = run("job", "schedule", job["id"], "--pause").stdout.splitlines()[1]
    assert "30 2 * * * (UTC, paused)" in paused
    assert ":30:00" not in paused
    resumed = json.loads(run("job", "schedule", job["id"], "--resume", "--json").stdout)
    assert resumed[0]["schedule"]["is_paused"] is False
    assert json.loads(run("job", "schedule", job["id"], "--cancel", "--json").stdout)[0]["schedule"] is None
    assert json.loads(run("job", "schedule", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submit", "a.sql", "-d", "mysql", "--replace"], "--replace needs --job-id"),
        (["submit", "a.sql", "-d", "mysql", "--cron", "@daily"], "--cron needs --persist or --job-id"),
        (["submit", "a.sql", "-d", "mysql", "--persist", "--cron", "1"], "1 fields instead of five"),
        (["submit", "a.sql", "-d", "mysql", "--job-id", "nope"], "no job nope"),
        (["schedule", "--pause"], "name the job"),
        (["schedule", "nope", "--pause", "--cron", "@daily"], "exclude each other"),
        (["schedule", "nope"], "no job nope"),
        (["rerun", "nope"], "no job nope"),
        (["runs", "nope"], "no job nope"),
        (["list", "--since", "yesterday"], "'yesterday' is no time"),
        (["instances", "t", "--until", "then"], "'then' is no time"),
    ],
)
def test_what_is_refused(run: Run, arguments: list[str], message: str) -> None:
    Path("a.sql").write_text(GOOD)
    done = run("job", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr


def test_list_by_queue_and_time(run: Run) -> None:
    submit(run, GOOD, "--name", "small")
    submit(run, GOOD, "--name", "large", "--queue", "big")
    assert listed(run, "--queue", "big") == ["large"]
    assert listed(run, "--since", "2020-01-01T10:00+02:00") == ["large", "small"]
    assert listed(run, "--until", "2020-01-01") == []


def test_instances_of_a_table(run: Run) -> None:
    from airflow_provider_sqlflow.client.embedded import EmbeddedClient
    from airflow_provider_sqlflow.jobs.model import JobRequest, TaskOrigin, TextSource
    from airflow_provider_sqlflow.settings import Settings

    client = EmbeddedClient(Settings.from_env())
    origin = TaskOrigin("sales", "2026-01-01", "load", 4, 2)
    client.submit_job(JobRequest("j", "postgres", (TextSource("a.sql", GOOD),), origin=origin))
    client.close()
    head, row, end = run("job", "instances", "T", "--write").stdout.splitlines()
    assert head.split() == ["table", "role", "status", "begin", "end", "task", "job"]
    assert "sales.load[4] 2026-01-01 try 2" in row
    assert (row.split()[:3], end) == (["t", "write", "success"], "1 of 1 instance")
    assert json.loads(run("job", "instances", "t", "--read", "--json").stdout)["total"] == 0
    assert (
        json.loads(run("job", "instances", "s", "--since", "2020-01-01T00:00Z", "--json").stdout)["total"]
        == 1
    )


def test_export_takes_options(run: Run) -> None:
    job = submit(run)
    done = run("job", "export", job["id"], "-f", "csv", "-o", "t.csv", "--table-level", "--delimiter", ";")
    assert done.exit_code == 0, done.stderr
    assert Path("t.csv").read_text().startswith("source_db;source_schema;source_table;target_db;")
    done = run("job", "export", job["id"], "-f", "csv", "-o", "u.csv", "--setting", "what=1")
    assert (done.exit_code, Path("u.csv").exists()) == (2, False)
    assert done.stderr.startswith("error: unknown export option 'what'")


@pytest.mark.parametrize(
    "arguments",
    [
        ("job", "list", "--since", "0001-01-01T00:00+02:00"),
        ("job", "list", "--until", "9999-12-31T23:59-02:00"),
    ],
)
def test_a_time_that_utc_does_not_have_is_no_time(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "is no time: write 2026-01-31" in done.output


@pytest.mark.parametrize(
    "arguments", [("worker", "--until-idle"), ("job", "submit", "a.sql", "-d", "postgres")]
)
def test_a_queue_without_a_name_is_refused(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """As of ``--queue "$QUEUE"`` where there is no such variable: nobody would ever serve it."""
    (tmp_path / "a.sql").write_text(GOOD)
    done = run(*arguments, "--queue", " ")
    assert done.exit_code == 2
    assert "a queue has a name" in done.output
