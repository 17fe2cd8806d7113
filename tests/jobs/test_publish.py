from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.emission import events_to_ndjson
from airflow_provider_sqlflow.emission.namespaces import DatabaseAddress
from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.errors import JobNotReadyError
from airflow_provider_sqlflow.jobs.model import Job, JobId, JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.jobs.publish import EmissionOptions, JobLineage, lineage_events
from airflow_provider_sqlflow.settings import Settings

MOMENT = datetime(2026, 3, 1, tzinfo=timezone.utc)
OPTIONS = EmissionOptions("dwh", {})


@pytest.fixture
def client(tmp_path):
    client = EmbeddedClient(Settings(store_url=f"sqlite:///{tmp_path / 'jobs.db'}"))
    yield client
    client.close()


def told(lineage: JobLineage, options: EmissionOptions = OPTIONS) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events_to_ndjson(lineage_events(lineage, options))]


def test_each_dialect_has_its_own_names():
    job = Job(JobId("j"), "mixed #1", "auto", JobStatus.SUCCESS, MOMENT)
    results = tuple(
        analyze("INSERT INTO s.t (x) SELECT y FROM s.u", dialect=dialect, source_name=f"{dialect}.sql")
        for dialect in ("snowflake", "postgres")
    )
    options = OPTIONS.at("postgres", DatabaseAddress("postgres", "postgres://db:5432", "shop"))
    events = told(JobLineage(job, MOMENT, results, {}), options)
    assert [event["job"]["name"] for event in events[::2]][:1] == ["mixed _1"]
    outputs = {event["job"]["name"]: event["outputs"][0] for event in events if event.get("outputs")}
    assert {name: (item["namespace"], item["name"]) for name, item in outputs.items()} == {
        "mixed _1.snowflake.1": ("snowflake", "S.T"),
        "mixed _1.postgres.1": ("postgres://db:5432", "shop.s.t"),
    }
    parents = {event["run"]["facets"]["parent"]["run"]["runId"] for event in events[1:-1]}
    assert parents == {events[0]["run"]["runId"]}
    assert len(told(JobLineage(job, MOMENT, results, {}), options)) == 6


def test_every_run_of_a_job_is_a_run_of_its_own(client):
    request = JobRequest("nightly", "postgres", (TextSource("a.sql", "INSERT INTO t (x) SELECT y FROM u"),))
    job = client.submit_persist_job(request)
    first = told(client.get_lineage(job.id))
    again = told(client.get_lineage(job.id))
    client.rerun_job(job.id)
    second = told(client.get_lineage(job.id))
    assert [event["run"]["runId"] for event in again] == [event["run"]["runId"] for event in first]
    assert {event["run"]["runId"] for event in first} & {event["run"]["runId"] for event in second} == set()
    assert [event["job"]["name"] for event in first] == [event["job"]["name"] for event in second]


def test_a_job_without_result_has_no_lineage(client):
    job = client.submit_job(JobRequest("broken", "postgres", (TextSource("a.sql", "SELEC a FORM b"),)))
    assert job.status is JobStatus.FAIL
    with pytest.raises(JobNotReadyError, match="has no result"):
        client.get_lineage(job.id)


def test_tags_owners_and_the_jobs_id_are_told(client):
    source = TextSource("a.sql", "INSERT INTO t (x) SELECT y FROM u")
    request = JobRequest("n", "postgres", (source,), owner="ann", tags=("nightly", "tier=1", "team:dwh"))
    job = client.submit_job(request)
    facets = told(client.get_lineage(job.id))[0]["job"]["facets"]
    assert {tag["key"]: tag["value"] for tag in facets["tags"]["tags"]} == {
        "sqlflow_job": str(job.id),
        "nightly": "true",
        "tier": "1",
        "team": "dwh",
    }
    assert facets["ownership"]["owners"] == [{"name": "ann"}]


def test_an_address_keeps_what_it_does_not_say():
    options = OPTIONS.at("postgres", DatabaseAddress("postgres", "postgres://db:1", "shop", "public"))
    merged = options.at("postgres", DatabaseAddress("postgres", "", "other")).addresses["postgres"]
    assert merged == DatabaseAddress("postgres", "postgres://db:1", "other", "public")
