from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.test_jobs import submit
from tests.emission.backend import Backend, running_backend

SQL = "INSERT INTO s.t (x) SELECT y FROM s.u;\nDELETE FROM s.t WHERE password = 'hunter2';\n"
RUN_ID = "0190b2c4-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def own_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("OPENLINEAGE", "SQLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SQLFLOW_HOME", str(tmp_path / "home"))


@pytest.fixture
def backend() -> Iterator[Backend]:
    with running_backend() as found:
        yield found


@pytest.fixture
def job(run: Run) -> str:
    return str(submit(run, SQL, "--name", "nightly", "--owner", "ann", "--tag", "tier=1")["id"])


def printed(run: Run, job: str, *arguments: str) -> list[dict[str, Any]]:
    done = run("emit", job, "--file", "-", *arguments)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_events_reach_the_backend(run: Run, job: str, backend: Backend) -> None:
    done = run("emit", job, "--url", backend.url)
    assert (done.exit_code, done.stdout) == (0, "6 of 6 events sent\n")
    names = [(event["eventType"], event["job"]["name"]) for event in backend.events]
    assert names[0] == ("START", "nightly")
    assert names[-1] == ("COMPLETE", "nightly")
    assert {name for _, name in names[1:-1]} == {"nightly.a.1", "nightly.a.2"}
    assert {event["job"]["namespace"] for event in backend.events} == {"sqlflow"}
    assert "hunter2" not in str(backend.events)


def test_the_same_job_gives_the_same_events(run: Run, job: str) -> None:
    assert printed(run, job) == printed(run, job)


def test_what_was_not_taken_is_kept_and_replayed(run: Run, job: str, backend: Backend) -> None:
    transport = json.dumps(backend.config["transport"])
    backend.answer = lambda event: 500
    done = run("emit", job, "--transport", transport)
    assert (done.exit_code, done.stdout) == (1, "0 of 6 events sent, 6 kept for a replay\n")
    assert "sqlflow emit --replay" in done.stderr
    assert len(list(Path("home/openlineage-spool").iterdir())) == 1
    backend.answer = lambda event: 201
    done = run("emit", "--replay", "--transport", transport)
    assert (done.exit_code, done.stdout) == (0, "6 of 6 events sent\n")
    assert run("emit", "--replay", "--transport", transport).stdout == "0 of 0 events sent\n"
    assert len(backend.events) == 6


def test_options_reach_the_events(run: Run, job: str) -> None:
    events = printed(
        run,
        job,
        "--namespace",
        "dwh",
        "--dataset-namespace",
        "postgres://db:5432",
        "--dataset-database",
        "shop",
        "--source-url",
        "https://git/{path}#L{line}",
        "--no-sql",
        "--parent",
        f"airflow/dag.task/{RUN_ID}",
    )
    assert {event["run"]["facets"]["parent"]["run"]["runId"] for event in events} == {RUN_ID}
    assert events[0]["job"]["name"] == "dag.task.a.1"
    assert events[0]["job"]["namespace"] == "airflow", "a job stands in its parent's namespace"
    assert (events[0]["inputs"][0]["namespace"], events[0]["inputs"][0]["name"]) == (
        "postgres://db:5432",
        "shop.s.u",
    )
    assert "sql" not in events[0]["job"]["facets"]
    assert events[0]["job"]["facets"]["sourceCodeLocation"]["url"] == "https://git/a.sql#L1"
    assert events[0]["job"]["facets"]["ownership"]["owners"] == [{"name": "ann"}]
    assert ("tier", "1") in {(tag["key"], tag["value"]) for tag in events[0]["job"]["facets"]["tags"]["tags"]}


def test_static_events_have_no_run(run: Run, job: str) -> None:
    events = printed(run, job, "--static", "--namespace", "dwh")
    assert not any("run" in event for event in events)
    assert [event["job"]["name"] for event in events if "job" in event] == ["nightly.a.1", "nightly.a.2"]
    assert sorted(event["dataset"]["name"] for event in events if "dataset" in event) == ["s.t", "s.u"]


def test_the_environment_configures(
    run: Run, job: str, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLFLOW_OPENLINEAGE_TRANSPORT", json.dumps(backend.config["transport"]))
    monkeypatch.setenv("SQLFLOW_OPENLINEAGE_NAMESPACE", "dwh")
    datasets = {"postgres": {"namespace": "postgres://db:5432", "database": "shop"}}
    monkeypatch.setenv("SQLFLOW_OPENLINEAGE_DATASETS", json.dumps(datasets))
    monkeypatch.setenv("SQLFLOW_OPENLINEAGE_INCLUDE_SQL", "false")
    assert run("emit", job).exit_code == 0
    assert {event["job"]["namespace"] for event in backend.events} == {"dwh"}
    assert backend.events[1]["inputs"][0]["name"] == "shop.s.u"
    assert "sql" not in backend.events[1]["job"]["facets"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either a JOB_ID or --replay"),
        (("x", "--replay"), "give either a JOB_ID or --replay"),
        (("x", "--url", "http://h", "--file", "f"), "give one of"),
        (("x", "--transport", "{"), "not JSON"),
        (("x", "--transport", "[]"), "not of the form"),
        (("x", "--parent", "a/b"), "namespace/job/run id"),
        (("x", "--parent", "a/b/c"), "namespace/job/run id"),
        (("nothing",), "no job"),
    ],
)
def test_wrong_use(run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = run("emit", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr


def test_no_backend_is_an_error(run: Run, job: str) -> None:
    done = run("emit", job)
    assert done.exit_code == 2
    assert "no OpenLineage backend is configured" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATASETS", "{", "openlineage_datasets is not of the form"),
        ("DATASETS", '{"postgres": {"host": "h"}}', "has host"),
        ("DATASETS", "[]", "openlineage_datasets"),
        ("RUNS_PER", "file", "openlineage_runs_per"),
        ("INCLUDE_SQL", "maybe", "neither true nor false"),
    ],
)
def test_settings_that_cannot_be_used(
    run: Run, job: str, name: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"SQLFLOW_OPENLINEAGE_{name}", value)
    done = run("emit", job, "--file", "-")
    assert done.exit_code == 2
    assert message in done.stderr
