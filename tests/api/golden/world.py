"""What the cases find: an account with jobs, sessions and files, made when a case first asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from functools import cached_property
from typing import Any

import httpx

from tests.api.server_process import RunningServer

SAMPLE = "select ename from emp, dept where deptid = id"
"""The reference's own sample (sqlflow-lineage-model, section 2.5)."""

CHAIN = "CREATE VIEW b AS SELECT x, y FROM a;\nINSERT INTO c (x) SELECT x FROM b;\n"
"""a -> b -> c of the reference (sqlflow-api, section 4.8)."""

KEYS = (
    "CREATE TABLE departments (department_id INT PRIMARY KEY, name VARCHAR(20));\n"
    "CREATE TABLE employees (id INT PRIMARY KEY, department_id INT, "
    "FOREIGN KEY (department_id) REFERENCES departments(department_id));\n"
    "CREATE TABLE alone (z INT);\n"
)
"""The foreign key of the reference (sqlflow-lineage-model, sections 6.2 E12 and 11)."""


def wide(columns: int) -> str:
    """SQL with two relations a column, one where result sets in between are left out."""
    names = ", ".join(f"c{number}" for number in range(columns))
    return f"INSERT INTO t ({names}) SELECT {names} FROM s"


class World:
    """One account on a running server."""

    def __init__(self, server: RunningServer, client: httpx.Client) -> None:
        self._server = server
        self._client = client
        self.user, self.secret = server.new_user()
        self.email = f"{self.user}@example.org"
        self.token = self.call("/user/generateToken", userId=self.user, secretKey=self.secret)["token"]
        self.dynamic: dict[str, Callable[[], str]] = {
            "$new_job": self.new_job,
            "$new_persist": lambda: self.new_persist()["jobId"],
            "$new_scheduled": lambda: self.new_persist(schedulable="true", cronExpression="0 1 * * *")[
                "jobId"
            ],
            "$new_paused": self.new_paused,
            "$deleted": self.deleted,
            "$fresh_user": self.fresh_user,
        }

    @classmethod
    def again(cls, world: World, server: RunningServer) -> World:
        """The same account and token on another server of the same store."""
        other = copy(world)
        other.__dict__ = {
            name: world.__dict__[name] for name in ("_client", "user", "secret", "email", "token")
        }
        other._server = server
        return other

    def value(self, text: str) -> str:
        """What stands for a word of a case."""
        if not text.startswith("$"):
            return text
        if text in self.dynamic:
            return self.dynamic[text]()
        return str(getattr(self, text[1:]))

    def call(self, path: str, files: Any = None, **send: str) -> dict[str, Any]:
        """The answer of an operation that must work."""
        if path != "/user/generateToken":
            send = {"userId": self.user, "token": self.token, **send}
        answer = self._client.post(f"{self._server.url}{path}", data=send, files=files)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    # -- accounts

    def fresh_user(self) -> str:
        """An account for one request; its token is :attr:`fresh_token`."""
        user, secret = self._server.new_user()
        self.fresh_token = self.call("/user/generateToken", userId=user, secretKey=secret)["token"]
        return user

    # -- query mode

    def _session(self, text: str) -> str:
        answer = self.call("/sqlflow/generation/sqlflow/graph", sqltext=text)
        return str(answer["sessionId"])

    @cached_property
    def session(self) -> str:
        """Of the sample."""
        return self._session(SAMPLE)

    @cached_property
    def chain(self) -> str:
        """Of the chain."""
        return self._session(CHAIN)

    @cached_property
    def keys(self) -> str:
        """Of the foreign key."""
        return self._session(KEYS)

    @cached_property
    def wide(self) -> str:
        """SQL with more relations than the limit."""
        return wide(1100)

    @cached_property
    def half_wide(self) -> str:
        """SQL with more relations than the limit only with its result sets."""
        return wide(600)

    # -- jobs

    def submit(self, operation: str, texts: dict[str, str], **send: str) -> dict[str, Any]:
        """Submit a job; its object."""
        files = [("sqlfiles", (name, text.encode())) for name, text in texts.items()]
        answer = self.call(f"/sqlflow/job/{operation}", files, **{"dbvendor": "dbvoracle", **send})
        found: dict[str, Any] = answer["data"]
        return found

    def ended(self, job_id: str) -> dict[str, Any]:
        """A job's object once it has run."""
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            found: dict[str, Any] = self.call("/sqlflow/job/displayUserJobSummary", jobId=job_id)["data"]
            if found["status"] not in ("create", "running"):
                return found
            time.sleep(0.05)
        raise AssertionError(found)

    @cached_property
    def _jobs(self) -> dict[str, Any]:
        """A persist job of two batches, a job that fails in part, then a job: the latest."""
        first = self.submit("submitPersistJob", {"b.sql": CHAIN.splitlines()[0]}, jobName="grows")
        job_id = self.ended(first["jobId"])["jobId"]
        self.submit("submitPersistJob", {"c.sql": CHAIN.splitlines()[1]}, jobId=job_id)
        broken = {"good.sql": SAMPLE, "bad.sql": "select from where ("}
        bad = self.submit("submitUserJob", broken, jobName="half")["jobId"]
        job = self.submit("submitUserJob", {"1.sql": CHAIN, "2.sql": SAMPLE}, jobName="job1")["jobId"]
        return {"job": self.ended(job), "persist": self.ended(job_id), "half": self.ended(bad)}

    @property
    def job(self) -> str:
        """Id of a job that has run, the latest."""
        return str(self._jobs["job"]["jobId"])

    @property
    def job_session(self) -> str:
        """Of that job."""
        return str(self._jobs["job"]["sessionId"])

    @property
    def persist(self) -> str:
        """Id of a persist job."""
        return str(self._jobs["persist"]["jobId"])

    @property
    def batch(self) -> str:
        """Its last batch."""
        return str(self._jobs["persist"]["subJobs"][-1]["batchId"])

    @property
    def half(self) -> str:
        """Id of a job that succeeded in part."""
        return str(self._jobs["half"]["jobId"])

    @cached_property
    def failed(self) -> str:
        """Id of a job that nothing of was understood."""
        job = self.submit("submitUserJob", {"bad.sql": "select from where ("}, jobName="bad")
        return str(self.ended(job["jobId"])["jobId"])

    @cached_property
    def wide_job(self) -> str:
        """Id of a job with more relations than the limit."""
        job = self.submit("submitUserJob", {"wide.sql": self.wide}, jobName="wide")
        return str(self.ended(job["jobId"])["jobId"])

    @cached_property
    def scheduled(self) -> str:
        """Id of a job with a schedule."""
        return self.value("$new_scheduled")

    def deleted(self) -> str:
        """A job that was deleted."""
        job = self.new_job()
        self.call("/sqlflow/job/deleteUserJob", jobId=job)
        return job

    def new_job(self) -> str:
        """A job for one request."""
        return str(
            self.ended(self.submit("submitUserJob", {"a.sql": SAMPLE}, jobName="new")["jobId"])["jobId"]
        )

    def new_persist(self, **send: str) -> dict[str, Any]:
        """A persist job for one request."""
        job = self.submit("submitPersistJob", {"a.sql": SAMPLE}, jobName="new", **send)
        return self.ended(job["jobId"])

    def new_paused(self) -> str:
        """A job whose schedule is paused."""
        job = self.value("$new_scheduled")
        self.call("/sqlflow/job/pauseScheduleJob", jobId=job)
        return job

    # -- DDL

    @property
    def schema_file(self) -> str:
        """Name of a file of DDL that is kept, beside ``emp.sql``."""
        emp = b"CREATE TABLE dept (ename VARCHAR(10), id INT)"
        files = [("sqlfiles", ("emp.sql", emp)), ("sqlfiles", ("kept.sql", b"CREATE TABLE emp (ename INT)"))]
        self.call("/sqlflow/generation/submitUserSchema", files, dbvendor="dbvoracle")
        return "kept.sql"
