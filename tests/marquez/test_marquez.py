"""What we send is what Marquez shows."""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sqlflow.emission.datasets import DatasetCollector
from airflow_provider_sqlflow.emission.events import events_to_ndjson
from airflow_provider_sqlflow.emission.naming import DatasetId, DatasetNaming
from airflow_provider_sqlflow.jobs.model import PathSource, TextSource
from airflow_provider_sqlflow.jobs.publish import JobLineage, lineage_events
from tests.marquez.conftest import Marquez, Publisher

WAREHOUSE = Path(__file__).parents[2] / "dags" / "sql"

Column = tuple[str, str, str]

SCRIPT = """\
CREATE TABLE raw.orders (id INT, amount NUMERIC, email TEXT, status TEXT);
CREATE TABLE mart.daily AS
SELECT sum(amount) AS total, md5(email) AS who FROM raw.orders WHERE status = 'paid' GROUP BY email;
CREATE VIEW mart.report AS SELECT total * 100 AS cents, who FROM mart.daily;
SELEC broken FORM nowhere;
"""


class Own:
    """Our own lineage in the terms of Marquez: what it must show."""

    def __init__(self, lineage: JobLineage, namespace: str) -> None:
        [result] = lineage.results
        naming = DatasetNaming(result.dialect, namespace)
        collector = DatasetCollector(result, naming)
        self.columns: dict[Column, set[Column]] = defaultdict(set)
        self.jobs: list[tuple[set[DatasetId], set[DatasetId]]] = []
        self.fields: dict[DatasetId, set[str]] = defaultdict(set)
        for statement in result.statements:
            datasets = collector.collect(statement)
            if datasets.inputs or datasets.outputs:
                self.jobs.append((set(datasets.inputs), set(datasets.outputs)))
            for side in (datasets.inputs, datasets.outputs):
                for dataset, columns in side.items():
                    self.fields[dataset] |= set(columns)
            for output, found in datasets.lineage.items():
                for column, sources in found.fields.items():
                    for dataset, source in sources:
                        self.columns[output.namespace, output.name, column].add(
                            (dataset.namespace, dataset.name, source)
                        )

    def downstream(self, column: Column) -> set[Column]:
        return self._reach(
            column, lambda this: {end for end, starts in self.columns.items() if this in starts}
        )

    def upstream(self, column: Column) -> set[Column]:
        return self._reach(column, lambda this: self.columns.get(this, set()))

    @staticmethod
    def _reach(column: Column, step: Any) -> set[Column]:
        found = {column}
        todo = [column]
        while todo:
            new = step(todo.pop()) - found
            found |= new
            todo += new
        return found


def shown(graph: Any) -> set[Column]:
    return {
        (node["data"]["namespace"], node["data"]["dataset"], node["data"]["field"]) for node in graph["graph"]
    }


@pytest.mark.parametrize("dialect", ["postgres", "snowflake", "bigquery"])
def test_the_demo_warehouse(dialect: str, marquez: Marquez, publisher: Publisher) -> None:
    lineage = publisher.analyse("warehouse", dialect, PathSource(str(WAREHOUSE / dialect)))
    assert publisher.publish(lineage, publisher.options(dialect, dialect)).is_complete
    own = Own(lineage, marquez.dataset_namespace(dialect))
    assert len(own.columns) > 50

    jobs = marquez.jobs()
    children = [job for job in jobs if job["name"] != "warehouse"]
    assert {job["parentJobName"] for job in children} == {"warehouse"}
    edges = sorted(
        (sorted((item["namespace"], item["name"]) for item in job["inputs"]),
         sorted((item["namespace"], item["name"]) for item in job["outputs"]))
        for job in children
        if job["inputs"] or job["outputs"]
    )  # fmt: skip
    assert edges == sorted(
        (sorted((item.namespace, item.name) for item in inputs),
         sorted((item.namespace, item.name) for item in outputs))
        for inputs, outputs in own.jobs
    )  # fmt: skip

    found: dict[Column, set[Column]] = defaultdict(set)
    for dataset, columns in own.fields.items():
        document = marquez.dataset(dataset.namespace, dataset.name)
        assert {column["name"] for column in document["fields"]} >= columns, dataset
        for entry in document["columnLineage"] or ():
            for source in entry["inputFields"]:
                found[dataset.namespace, dataset.name, entry["name"]].add(
                    (source["namespace"], source["dataset"], source["field"])
                )
    assert found == {column: sources for column, sources in own.columns.items() if sources}


def test_a_script_from_end_to_end(marquez: Marquez, publisher: Publisher) -> None:
    lineage = publisher.analyse("nightly", "postgres", TextSource("load.sql", SCRIPT))
    options = publisher.options("postgres", "postgres")
    assert str(publisher.publish(lineage, options)) == "10 of 10 events sent"
    namespace = marquez.dataset_namespace("postgres")
    own = Own(lineage, namespace)

    states = {job["name"]: job["latestRun"]["state"] for job in marquez.jobs()}
    assert states == {
        "nightly": "COMPLETED",
        "nightly.load.1": "COMPLETED",
        "nightly.load.2": "COMPLETED",
        "nightly.load.3": "COMPLETED",
        "nightly.load.4": "FAILED",
    }
    failed = marquez.job("nightly.load.4")["latestRun"]["id"]
    facets = marquez.get("jobs", "runs", failed, "facets", type="run")["facets"]
    assert "load.sql:5:" in facets["errorMessage"]["message"]
    assert marquez.job("nightly.load.2")["facets"]["sql"]["query"].startswith("CREATE TABLE mart.daily")

    orders = marquez.dataset(namespace, "shop.raw.orders")
    types = {column["name"]: column["type"].lower() for column in orders["fields"]}
    assert types == {"id": "int", "amount": "numeric", "email": "text", "status": "text"}

    node = f"dataset:{namespace}:shop.mart.daily"
    graph = {item["id"]: item for item in marquez.get("lineage", nodeId=node, depth=1)["graph"]}
    job = f"job:{marquez.job_namespace}:nightly.load"
    assert {edge["origin"] for edge in graph[node]["inEdges"]} == {f"{job}.2"}
    assert {edge["destination"] for edge in graph[node]["outEdges"]} == {f"{job}.3"}

    top = (namespace, "shop.mart.report", "cents")
    up = marquez.get(
        "column-lineage", nodeId=f"datasetField:{':'.join(top)}", depth=20, withDownstream="false"
    )
    assert shown(up) == own.upstream(top) != {top}
    low = (namespace, "shop.raw.orders", "amount")
    down = marquez.get(
        "column-lineage", nodeId=f"datasetField:{':'.join(low)}", depth=20, withDownstream="true"
    )
    assert shown(down) == own.downstream(low) != {low}
    entries = {
        entry["name"]: entry for entry in marquez.dataset(namespace, "shop.mart.daily")["columnLineage"]
    }
    [total] = [item for item in entries["total"]["inputFields"] if item["field"] == "amount"]
    assert (total["transformationType"], total["transformationDescription"]) == ("AGGREGATION", "sum(amount)")


def test_again_means_no_doubles(marquez: Marquez, publisher: Publisher) -> None:
    lineage = publisher.analyse("nightly", "postgres", TextSource("load.sql", SCRIPT))
    options = publisher.options("postgres", "postgres")
    namespace = marquez.dataset_namespace("postgres")

    def picture() -> Any:
        jobs = sorted(job["name"] for job in marquez.jobs())
        runs = [
            run["id"]
            for name in jobs
            for run in marquez.get("namespaces", marquez.job_namespace, "jobs", name, "runs")["runs"]
        ]
        datasets = marquez.get("namespaces", namespace, "datasets")["datasets"]
        columns = sorted(
            (item["name"], entry["name"], sorted(source["field"] for source in entry["inputFields"]))
            for item in datasets
            for entry in marquez.dataset(namespace, item["name"])["columnLineage"] or ()
        )
        fields = sorted((item["name"], column["name"]) for item in datasets for column in item["fields"])
        return jobs, runs, fields, columns

    publisher.publish(lineage, options)
    first = picture()
    publisher.publish(lineage, options)
    assert picture() == first


def test_a_split_statement_is_whole(marquez: Marquez, publisher: Publisher) -> None:
    names = ", ".join(f"c{number}" for number in range(120))
    sql = f"CREATE TABLE s.a ({names.replace(',', ' int,')} int); CREATE TABLE s.b AS SELECT {names} FROM s.a"
    lineage = publisher.analyse("wide", "postgres", TextSource("x.sql", sql))
    options = publisher.options("postgres", "postgres")
    from dataclasses import replace

    from airflow_provider_sqlflow.emission import EventLimits

    small = replace(options, limits=EventLimits(max_column_links=25))
    assert publisher.publish(lineage, small).events > 6
    document = marquez.dataset(marquez.dataset_namespace("postgres"), "shop.s.b")
    assert {entry["name"] for entry in document["columnLineage"]} == set(names.split(", "))
    job = marquez.job("wide.x.2")
    assert ([item["name"] for item in job["inputs"]], job["latestRun"]["state"]) == (
        ["shop.s.a"],
        "COMPLETED",
    )


@pytest.mark.slow
def test_a_thousand_statements(marquez: Marquez, publisher: Publisher) -> None:
    sql = "\n".join(
        f"INSERT INTO s.t{number + 1} (a, b) SELECT a, upper(b) FROM s.t{number};" for number in range(1000)
    )
    lineage = publisher.analyse("long", "postgres", TextSource("long.sql", sql))
    began = time.monotonic()
    summary = publisher.publish(lineage, publisher.options("postgres", "postgres"))
    print(f"{summary.events} events in {time.monotonic() - began:.1f} s")
    assert summary.sent == summary.events == 2002
    assert len([job for job in marquez.jobs() if job["parentJobName"]]) == 1000
    namespace = marquez.dataset_namespace("postgres")
    document = marquez.dataset(namespace, "shop.s.t1000")
    assert {entry["name"] for entry in document["columnLineage"]} == {"a", "b"}


def test_what_marquez_refuses_is_what_we_never_send(marquez: Marquez, publisher: Publisher) -> None:
    import json

    lineage = publisher.analyse("nightly", "postgres", TextSource("load.sql", SCRIPT))
    events = lineage_events(lineage, publisher.options("postgres", "postgres"))
    good = [json.loads(line) for line in events_to_ndjson(events)][3]
    assert marquez.post(good) == 201
    for status, damage in (
        (422, lambda event: event["job"]["facets"]["jobType"].pop("jobType")),
        (400, lambda event: event["inputs"][0].update(namespace="kafka://a,b")),
        (500, lambda event: event.pop("eventType")),
    ):
        event = json.loads(json.dumps(good))
        if not event["inputs"]:
            event["inputs"] = [dict(event["outputs"][0])]
        damage(event)
        assert marquez.post(event) == status
