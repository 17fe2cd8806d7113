"""A model of Marquez's rules, over real HTTP: what it takes, stores and answers, as far as the suite asks.

It is no Marquez and proves nothing about one. It holds the rules that were read in Marquez 0.51's source
(reference openlineage-marquez, section 4), so that an event that breaks one of them fails a test on every
machine, and so that the suite itself is tested. The same suite runs against a real one: ``make marquez``.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Key = tuple[str, str]
Column = tuple[str, str, str]

_NAMESPACE = re.compile(r"[a-zA-Z:;=/0-9_\-.@+]{1,1024}")
_ENDS = {"COMPLETE": "COMPLETED", "FAIL": "FAILED", "ABORT": "ABORTED"}


class RefusedError(Exception):
    """The status of an answer that takes nothing."""


@dataclass
class Job:
    parent: str | None = None
    facets: dict[str, Any] = field(default_factory=dict)
    inputs: set[Key] = field(default_factory=set)
    outputs: set[Key] = field(default_factory=set)
    runs: list[str] = field(default_factory=list)


@dataclass
class Run:
    state: str = "NEW"
    facets: dict[str, Any] = field(default_factory=dict)
    inputs: set[Key] = field(default_factory=set)
    outputs: set[Key] = field(default_factory=set)


@dataclass
class Dataset:
    fields: dict[tuple[str, str], None] = field(default_factory=dict)  # name and type identify a field
    facets: dict[str, Any] = field(default_factory=dict)
    is_deleted: bool = False


@dataclass
class Model:
    events: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[Key, Job] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    datasets: dict[Key, Dataset] = field(default_factory=dict)
    column_edges: dict[tuple[Column, Column], tuple[str | None, str | None]] = field(default_factory=dict)

    def take(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        kind = event["schemaURL"].rpartition("/")[2]
        if kind == "DatasetEvent":
            self._dataset(event["dataset"], is_current=True)
            return
        _check(event, kind)
        job_facets = event["job"].get("facets", {})
        namespace, name = event["job"]["namespace"], event["job"]["name"]
        parent = event.get("run", {}).get("facets", {}).get("parent")
        if parent is not None:
            above = parent["job"]["name"]
            if not name.startswith(f"{above}."):
                name = f"{above}.{name}"
            self.jobs.setdefault((namespace, above), Job())
        job = self.jobs.setdefault((namespace, name), Job())
        job.parent = parent["job"]["name"] if parent else job.parent
        job.facets.update(job_facets)
        inputs = [self._dataset(item) for item in event.get("inputs", ())]
        state = event.get("eventType", "COMPLETE")
        outputs = [self._dataset(item, is_current=state == "COMPLETE") for item in event.get("outputs", ())]
        if kind == "JobEvent":
            job.inputs, job.outputs = set(inputs), set(outputs)
            return
        run = self.runs.setdefault(event["run"]["runId"], Run())
        if event["run"]["runId"] not in job.runs:
            job.runs.append(event["run"]["runId"])
        run.facets.update(event["run"].get("facets", {}))
        run.inputs.update(inputs)
        run.outputs.update(outputs)
        run.state = _ENDS.get(state, "RUNNING")
        if state in _ENDS:
            job.inputs, job.outputs = set(run.inputs), set(run.outputs)
        else:  # an event without inputs or outputs hides the job's at once
            job.inputs = job.inputs if inputs else set()
            job.outputs = job.outputs if outputs else set()
        for item in event.get("outputs", ()):
            self._columns(item, run)

    def _dataset(self, item: dict[str, Any], is_current: bool = False) -> Key:
        key = (item["namespace"], item["name"])
        dataset = self.datasets.setdefault(key, Dataset())
        facets = item.get("facets", {})
        for column in facets.get("schema", {}).get("fields", ()):
            if len(column["name"]) > 255:
                raise RefusedError(500)
            dataset.fields[column["name"], column["type"]] = None
        dataset.facets.update(facets)
        if is_current:
            change = facets.get("lifecycleStateChange", {}).get("lifecycleStateChange")
            dataset.is_deleted = change == "DROP"
        return key

    def _columns(self, item: dict[str, Any], run: Run) -> None:
        """Edges between columns that stand in a schema, of inputs of this run."""
        facet = item.get("facets", {}).get("columnLineage", {})
        own = {column["name"] for column in item.get("facets", {}).get("schema", {}).get("fields", ())}
        for column, entry in facet.get("fields", {}).items():
            for source in entry["inputFields"]:
                key = (source["namespace"], source["name"])
                known = {name for name, _ in self.datasets[key].fields} if key in run.inputs else set()
                if column in own and source["field"] in known:
                    ends = ((item["namespace"], item["name"], column), (*key, source["field"]))
                    self.column_edges[ends] = (
                        entry.get("transformationType"),
                        entry.get("transformationDescription"),
                    )

    # -- answers

    def dataset_json(self, key: Key) -> dict[str, Any]:
        dataset = self.datasets.get(key)
        if dataset is None:
            raise RefusedError(404)
        columns: dict[str, list[dict[str, Any]]] = {}
        for (target, source), (kind, text) in self.column_edges.items():
            if target[:2] == key:
                columns.setdefault(target[2], []).append(
                    {
                        "namespace": source[0],
                        "dataset": source[1],
                        "field": source[2],
                        "transformationType": kind,
                        "transformationDescription": text,
                    }
                )
        return {
            "name": key[1],
            "namespace": key[0],
            "deleted": dataset.is_deleted,
            "fields": [{"name": name, "type": type_} for name, type_ in dataset.fields],
            "facets": dataset.facets,
            "columnLineage": [{"name": name, "inputFields": found} for name, found in columns.items()]
            or None,
        }

    def job_json(self, key: Key) -> dict[str, Any]:
        job = self.jobs.get(key)
        if job is None:
            raise RefusedError(404)
        return {
            "name": key[1],
            "namespace": key[0],
            "parentJobName": job.parent,
            "facets": job.facets,
            "inputs": [{"namespace": space, "name": name} for space, name in sorted(job.inputs)],
            "outputs": [{"namespace": space, "name": name} for space, name in sorted(job.outputs)],
            "latestRun": self.run_json(job.runs[-1]) if job.runs else None,
        }

    def run_json(self, run_id: str) -> dict[str, Any]:
        return {"id": run_id, "state": self.runs[run_id].state, "facets": self.runs[run_id].facets}

    def lineage_json(self, node: str) -> dict[str, Any]:
        """The neighbourhood of a dataset, one job deep."""
        graph: dict[str, dict[str, Any]] = {}

        def at(name: str, kind: str) -> dict[str, Any]:
            return graph.setdefault(name, {"id": name, "type": kind, "inEdges": [], "outEdges": []})

        for (space, name), job in self.jobs.items():
            ids = {key: f"dataset:{key[0]}:{key[1]}" for key in job.inputs | job.outputs}
            if node not in ids.values():
                continue
            job_id = f"job:{space}:{name}"
            pairs = [(ids[key], job_id) for key in job.inputs] + [(job_id, ids[key]) for key in job.outputs]
            for origin, destination in sorted(pairs):
                edge = {"origin": origin, "destination": destination}
                at(origin, "JOB" if origin == job_id else "DATASET")["outEdges"].append(edge)
                at(destination, "JOB" if destination == job_id else "DATASET")["inEdges"].append(edge)
        return {"graph": list(graph.values())}

    def column_json(self, node: str, downstream: bool) -> dict[str, Any]:
        """All columns upstream of a column, and downstream if asked for."""
        names = {f"datasetField:{':'.join(column)}": column for edge in self.column_edges for column in edge}
        if node not in names:
            raise RefusedError(404)
        reached = {names[node]}
        for this, that in ((0, 1), (1, 0)) if downstream else ((0, 1),):
            todo = [names[node]]
            while todo:
                column = todo.pop()
                for edge in self.column_edges:
                    if edge[this] == column and edge[that] not in reached:
                        reached.add(edge[that])
                        todo.append(edge[that])
        return {
            "graph": [
                {
                    "id": f"datasetField:{':'.join(column)}",
                    "type": "DATASET_FIELD",
                    "data": {
                        "namespace": column[0],
                        "dataset": column[1],
                        "field": column[2],
                        "inputFields": [
                            {"namespace": source[0], "dataset": source[1], "field": source[2]}
                            for target, source in self.column_edges
                            if target == column
                        ],
                    },
                }
                for column in sorted(reached)
            ]
        }


def _check(event: dict[str, Any], kind: str) -> None:
    """What bean validation refuses."""
    for side in ("inputs", "outputs"):
        for item in event.get(side, ()):
            if not _NAMESPACE.fullmatch(item["namespace"]) or not item["name"].strip():
                raise RefusedError(400)
    job_type = event["job"].get("facets", {}).get("jobType")
    if job_type is not None and not all(
        job_type.get(name) for name in ("processingType", "integration", "jobType")
    ):
        raise RefusedError(422)
    if kind == "RunEvent" and event["run"].get("facets") and not event.get("eventType"):
        raise RefusedError(500)
    for item in event.get("outputs", ()):
        facet = item.get("facets", {}).get("columnLineage", {})
        for entry in facet.get("fields", {}).values():
            if not all({"namespace", "name", "field"} <= set(source) for source in entry["inputFields"]):
                raise RefusedError(500)


@contextmanager
def running_model() -> Iterator[str]:
    """Yields the URL of a fresh model."""
    model = Model()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            try:
                model.take(json.loads(body))
            except RefusedError as refused:
                self.answer(int(str(refused)))
            else:
                self.answer(201)

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            parts = [unquote(part) for part in address.path.removeprefix("/api/v1/").split("/")]
            try:
                self.answer(200, _answer(model, parts, query))
            except RefusedError as refused:
                self.answer(int(str(refused)))

        def answer(self, status: int, document: Any = None) -> None:
            body = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(model: Model, parts: list[str], query: dict[str, str]) -> Any:
    match parts:
        case ["namespaces"]:
            names = {space for space, _ in (*model.jobs, *model.datasets)}
            return {"namespaces": [{"name": name} for name in sorted(names)]}
        case ["namespaces", space, "datasets"]:
            found = [model.dataset_json(key) for key in model.datasets if key[0] == space]
            return {"datasets": found, "totalCount": len(found)}
        case ["namespaces", space, "datasets", name]:
            return model.dataset_json((space, name))
        case ["namespaces", space, "jobs"]:
            found = [model.job_json(key) for key in model.jobs if key[0] == space]
            return {"jobs": found, "totalCount": len(found)}
        case ["namespaces", space, "jobs", name]:
            return model.job_json((space, name))
        case ["namespaces", space, "jobs", name, "runs"]:
            runs = model.jobs[space, name].runs
            return {"runs": [model.run_json(run) for run in runs], "totalCount": len(runs)}
        case ["jobs", "runs", run, "facets"]:
            return {"runId": run, "facets": model.runs[run].facets}
        case ["lineage"]:
            return model.lineage_json(query["nodeId"])
        case ["column-lineage"]:
            return model.column_json(query["nodeId"], query.get("withDownstream") == "true")
        case ["events", "lineage"]:
            return {"events": model.events[-int(query["limit"]) :], "totalCount": len(model.events)}
    raise RefusedError(404)
