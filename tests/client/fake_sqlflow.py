"""A SQLFlow service that plays the documented quirks, over real sockets.

Lineage is real: jobs are analysed by the embedded engine and answered in the shape of the generation asked
for. Everything else follows the reference (sqlflow-api) and knows nothing of the client's code: what a test
wants to see it finds in ``requests`` and ``jobs``. ``script`` holds answers that come before the usual ones.
"""

# ruff: noqa: N802, N815  # methods are named after HTTP methods and operations
from __future__ import annotations

import io
import json
import socket
import ssl
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider_sqlflow import engine
from airflow_provider_sqlflow.formats.registry import render

PREFIX = "/api/gspLive_backend"
SECRET = "s3cr3t-key-of-the-test"
USER = "auth0|5f1e"


@dataclass
class Seen:
    """A request as it arrived."""

    path: str
    query: str
    headers: dict[str, str]
    fields: dict[str, str]
    files: list[tuple[str, bytes]]
    body: bytes


@dataclass
class FakeJob:
    """A job of the fake: each look at it moves it one step along ``steps``."""

    job_id: str
    name: str
    vendor: str
    batches: list[list[tuple[str, str]]]
    steps: list[str]
    status: str = "create"
    persist: bool = False
    members: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> list[tuple[str, str]]:
        return [file for batch in self.batches for file in batch]


Answer = Callable[["Handler"], None]


class FakeSqlFlow:
    """The service's state and manners.

    Attributes:
        code_style: ``int`` or ``str``: how envelopes spell their code.
        generation: ``old``, ``middle`` or ``new``: the shape of lineage documents.
        steps: statuses that a new job goes through, one a look.
        script: answers to give first, by operation.
        has_names: whether the list of jobs tells their names.
        relation_limit: above it the graph's JSON is a summary.
    """

    def __init__(self) -> None:
        self.code_style: type = int
        self.generation = "new"
        self.steps = ["create", "analysing", "success"]
        self.script: dict[str, list[Answer]] = {}
        self.has_names = True
        self.relation_limit = 1000
        self.needs_token = True
        self.read_body: Callable[[Handler], bytes] | None = None
        self.requests: list[Seen] = []
        self.jobs: dict[str, FakeJob] = {}
        self.tokens: set[str] = set()
        self.lock = threading.Lock()
        self.url = ""

    def calls(self, operation: str) -> list[Seen]:
        return [seen for seen in self.requests if seen.path.endswith(f"/{operation}")]

    def answer_first(self, operation: str, *answers: Answer) -> None:
        self.script.setdefault(operation, []).extend(answers)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeSqlFlow
    seen: Seen

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.seen = self._read()
        with self.fake.lock:
            self.fake.requests.append(self.seen)
            operation = self.seen.path.rsplit("/", 1)[-1]
            queue = self.fake.script.get(operation)
            scripted = queue.pop(0) if queue else None
        if scripted is not None:
            scripted(self)
            return
        if not self.seen.path.startswith(PREFIX):
            self.send(404, b"<html><body>no such page</body></html>", "text/html")
            return
        with self.fake.lock:
            self._dispatch(operation)

    do_GET = do_POST

    # -- answering

    def send(
        self, status: int, body: bytes, media_type: str = "application/json;charset=utf-8", **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def envelope(self, data: Any = None, code: int = 200, **members: Any) -> None:
        answer = {"code": self.fake.code_style(code), **members}
        if data is not None:
            answer["data"] = data
        self.send(200, json.dumps(answer).encode())

    # -- reading

    def _read(self) -> Seen:
        parts = urlsplit(self.path)
        body = self._body()
        content_type = self.headers.get("Content-Type", "")
        fields: dict[str, str] = {name: values[0] for name, values in parse_qs(parts.query).items()}
        files: list[tuple[str, bytes]] = []
        if content_type.startswith("multipart/"):
            message: Any = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
            for part in message.get_payload():
                payload = part.get_payload(decode=True)
                name = part.get_param("name", header="content-disposition")
                if part.get_filename() is None:
                    fields[name] = payload.decode()
                else:
                    assert name == "sqlfiles"
                    files.append((part.get_filename(), payload))
        else:
            parsed = parse_qs(body.decode(), keep_blank_values=True)
            fields |= {name: values[0] for name, values in parsed.items()}
        return Seen(parts.path, parts.query, dict(self.headers), fields, files, body)

    def _body(self) -> bytes:
        if self.fake.read_body is not None and "submit" in self.path:
            return self.fake.read_body(self)
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    # -- operations

    def _dispatch(self, operation: str) -> None:
        fields = self.seen.fields
        if operation == "generateToken":
            self._token(fields)
            return
        if fields.get("userId") != USER and self.fake.needs_token:
            self.envelope(code=401, error="userId is not valid")
            return
        if self.fake.needs_token and fields.get("token") not in self.fake.tokens:
            self.envelope(code=401, error=f"token {fields.get('token')} is not valid")
            return
        getattr(self, f"_do_{operation}", self._unknown)(fields)

    def _unknown(self, _fields: dict[str, str]) -> None:
        self.send(404, b'{"timestamp": "x", "status": 404, "error": "Not Found"}')

    def _token(self, fields: dict[str, str]) -> None:
        if (fields.get("userId"), fields.get("secretKey")) != (USER, SECRET):
            self.envelope(code=400, error=f"the secret {fields.get('secretKey')} is wrong")
            return
        token = f"eyJ-{uuid.uuid4().hex}"
        self.fake.tokens = {token}
        self.send(200, json.dumps({"code": "200", "token": token}).encode())

    def _do_submitUserJob(self, fields: dict[str, str], **members: Any) -> None:
        job = FakeJob(
            uuid.uuid4().hex, fields["jobName"], fields["dbvendor"], [self._sources()], list(self.fake.steps)
        )
        job.members.update(members)
        self.fake.jobs[job.job_id] = job
        self.envelope(self._object(job, look=False))

    def _do_submitPersistJob(self, fields: dict[str, str]) -> None:
        known = self.fake.jobs.get(fields.get("jobId", ""))
        if known is None:
            job = FakeJob(
                uuid.uuid4().hex,
                fields["jobName"],
                fields["dbvendor"],
                [],
                list(self.fake.steps),
                persist=True,
            )
            self.fake.jobs[job.job_id] = known = job
        if fields.get("incremental", "true") == "false":
            known.batches.clear()
        known.batches.append(self._sources())
        known.steps, known.status = list(self.fake.steps), "create"
        if fields.get("schedulable") == "true":
            known.members |= {"schedulable": True, "cronExpression": fields["cronExpression"]}
        self.envelope(self._object(known, look=False))

    def _sources(self) -> list[tuple[str, str]]:
        found = []
        for name, content in self.seen.files:
            if content.startswith(b"PK"):
                with zipfile.ZipFile(io.BytesIO(content)) as archive:
                    found += [
                        (member, archive.read(member).decode())
                        for member in archive.namelist()
                        if member != "metadata.json"
                    ]
            else:
                found.append((name, content.decode()))
        return found

    def _job(self, fields: dict[str, str]) -> FakeJob | None:
        if "jobName" in fields and "jobId" not in fields:
            matching = [job for job in self.fake.jobs.values() if job.name == fields["jobName"]]
            job = matching[-1] if matching else None
        else:
            job = self.fake.jobs.get(fields.get("jobId", ""))
        if job is None:
            self.envelope(code=404, error="job does not exist")
        return job

    def _do_displayUserJobSummary(self, fields: dict[str, str]) -> None:
        job = self._job(fields)
        if job is not None:
            self.envelope(self._object(job))

    def _do_displayUserJobsSummary(self, _fields: dict[str, str]) -> None:
        details = [self._object(job, look=False) for job in reversed(self.fake.jobs.values())]
        if not self.fake.has_names:
            details = [{"jobId": item["jobId"], "status": item["status"]} for item in details]
        self.envelope({"total": len(details), "jobIds": list(self.fake.jobs), "jobDetails": details})

    def _do_deleteUserJob(self, fields: dict[str, str]) -> None:
        job = self._job(fields)
        if job is not None:
            job.status, job.steps = "delete", []
            self.envelope(self._object(job))

    def _do_rerunJob(self, fields: dict[str, str]) -> None:
        job = self._job(fields)
        if job is not None:
            job.status, job.steps = "create", list(self.fake.steps)
            self.envelope()

    def _do_listScheduleJobs(self, _fields: dict[str, str]) -> None:
        jobs = [job for job in self.fake.jobs.values() if job.members.get("schedulable")]
        self.envelope([self._object(job, look=False) for job in jobs])

    def _do_pauseScheduleJob(self, fields: dict[str, str]) -> None:
        self._schedule(fields, cancelSchedule=True)

    def _do_resumeScheduleJob(self, fields: dict[str, str]) -> None:
        self._schedule(fields, cancelSchedule=False)

    def _do_updateScheduleJob(self, fields: dict[str, str]) -> None:
        self._schedule(fields, schedulable=True, cronExpression=fields["cronExpression"])

    def _schedule(self, fields: dict[str, str], **members: Any) -> None:
        job = self._job(fields)
        if job is not None:
            job.members |= members
            self.envelope()

    def _object(self, job: FakeJob, *, look: bool = True) -> dict[str, Any]:
        if look and job.steps:
            job.status = job.steps.pop(0)
        found: dict[str, Any] = {
            "jobId": job.job_id,
            "jobName": job.name,
            "userId": USER,
            "dbVendor": job.vendor,
            "createTime": "2026-01-02 03:04:05",
            "status": job.status,
            "executeTime": "1min 2sec",
            "executeTimeMillis": 0,
            "persist": job.persist,
            "incremental": job.persist,
            "cancelSchedule": False,
            "subJobs": [],
            **job.members,
        }
        if job.persist:
            found["subJobs"] = [
                {
                    "batchId": f"{number:032x}",
                    "fileNames": [name for name, _ in batch],
                    "createTime": "2026-01-02 03:04:05",
                    "status": job.status,
                }
                for number, batch in enumerate(job.batches)
            ]
        else:
            found["fileNames"] = [name for name, _ in job.files]
        if job.status in ("success", "partial_success"):
            found["lastExecuteTime"] = "2026-01-02 03:04:06"
            found["sessionId"] = "ab_1664880305725"
        return found

    # -- lineage

    def _result(self, job: FakeJob) -> engine.LineageResult:
        return engine.merge_results(
            engine.analyze(text, dialect=job.vendor, source_name=name) for name, text in job.files
        )

    def _do_exportLineageAsJson(self, fields: dict[str, str], *, is_full: bool = False) -> None:
        job = self._job(fields)
        if job is None:
            return
        name = "json" if self.fake.generation == "new" else "json-flat"
        text = render(name, self._result(job)).decode()
        if self.fake.generation == "old":
            text = text.replace('"relationships"', '"relations"').replace("RelationRows", "PseudoRows")
        answer = json.loads(text)
        sqlflow = answer["data"]["sqlflow"]
        relations = sqlflow.get("relationships") or sqlflow.get("relations") or []
        if len(relations) > self.fake.relation_limit and not is_full:
            self.envelope({"mode": "summary", "summary": answer["data"]["summary"]}, jobId=job.job_id)
            return
        errors = "; ".join(item["errorMessage"] for item in sqlflow["errors"])
        self.envelope(answer["data"], code=203 if errors else 200, jobId=job.job_id, error=errors)

    def _do_exportFullLineageAsJson(self, fields: dict[str, str]) -> None:
        self._do_exportLineageAsJson(fields, is_full=True)

    def _do_exportFullLineageAsCsv(self, fields: dict[str, str]) -> None:
        self._export(fields, "csv", "text/plain;charset=utf-8")

    def _do_exportLineageAsGraphml(self, fields: dict[str, str]) -> None:
        self._export(fields, "graphml", "application/octet-stream")

    def _export(self, fields: dict[str, str], format: str, media_type: str) -> None:
        job = self._job(fields)
        if job is not None:
            self.send(200, render(format, self._result(job)), media_type)

    def _do_check(self, fields: dict[str, str]) -> None:
        errors = list(engine.analyze(fields["sql"], dialect=fields["dbvendor"]).errors())
        data: dict[str, Any] = {"usedTime": "1ms", "gsp.version": "2.4"}
        if errors:
            data["errorInfos"] = [
                {"errorMessage": f"{e.message} ({e.span.start_line},{e.span.start_column})"} for e in errors
            ]
        self.envelope(data, code=500 if errors else 200)


# Scripted answers --------------------------------------------------------------------------------


def page(status: int = 200) -> Answer:
    body = b"<!DOCTYPE html>\n<html><body>Please log in</body></html>"
    return lambda handler: handler.send(status, body, "text/html")


def refusal(code: int, error: str, status: int = 200, **headers: str) -> Answer:
    body = json.dumps({"code": code, "error": error}).encode()
    return lambda handler: handler.send(status, body, **headers)


def raw(body: bytes, status: int = 200, media_type: str = "application/json", **headers: str) -> Answer:
    return lambda handler: handler.send(status, body, media_type, **headers)


def cut_off(body: bytes = b'{"code": 200, "data": {"jobId": "', promised: int = 500) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def hang_up(handler: Handler) -> None:
    """Take the request and say nothing."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def carried_out_but_lost(handler: Handler) -> None:
    """Do what is asked; the answer gets lost."""
    handler.wfile, kept = io.BytesIO(), handler.wfile
    with handler.fake.lock:
        handler._dispatch(handler.seen.path.rsplit("/", 1)[-1])
    handler.wfile = kept
    hang_up(handler)


def drip(pause: float = 0.05, in_head: bool = False) -> Answer:
    """A byte now and then, for as long as somebody listens."""

    def answer(handler: Handler) -> None:
        handler.close_connection = True
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        handler.wfile.write(head if in_head else head + b"\r\n{")
        try:
            for _ in range(2000):
                handler.wfile.write(b"X-Slow: 1\r\n" if in_head else b" ")
                handler.wfile.flush()
                time.sleep(pause)
        except OSError:
            pass

    return answer


# Running -----------------------------------------------------------------------------------------


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        pass  # clients hang up in the middle on purpose


@contextmanager
def running(fake: FakeSqlFlow | None = None, certificate: str = "") -> Iterator[FakeSqlFlow]:
    """The fake on a free port of this machine."""
    fake = fake or FakeSqlFlow()
    server = _Server(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"fake": fake}))
    scheme = "http"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    fake.url = f"{scheme}://127.0.0.1:{server.server_address[1]}{PREFIX}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
