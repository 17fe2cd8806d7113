"""The REST API inside a running Airflow: who gets in, and that Airflow's executor runs its jobs.

One Airflow for all tests, behind a base path, with logins.
"""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from airflow_provider_sqlflow.api.app import OPERATIONS, PREFIXES
from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.jobs.model import SERVER_QUEUE, JobRequest, JobStatus, TextSource
from airflow_provider_sqlflow.settings import Settings
from tests.system.running_airflow import DagRun, RunningAirflow, wait_for

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(420)]

RUNNER = Path(__file__).parents[2] / "dags" / "sqlflow_runner.py"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve-the-api-inside-airflow.md"
DAG = "sqlflow_runner"
SQL = "INSERT INTO totals (amount) SELECT sum(price) FROM orders"
ADA, VIC = "ada", "vic"
PASSWORDS = {ADA: f"ada-{uuid.uuid4().hex}", VIC: f"vic-{uuid.uuid4().hex}"}
NO_LOGIN = "/user/generateToken"


@pytest.fixture(scope="module")
def home(airflow_home, tmp_path_factory) -> Path:
    """An AIRFLOW_HOME with two users' passwords, and the runner Dag alone in its Dag folder."""
    home = tmp_path_factory.mktemp("api")
    shutil.copy(airflow_home / "airflow.db", home)
    (home / "simple_auth_manager_passwords.json.generated").write_text(json.dumps(PASSWORDS))
    (home / "dags").mkdir()
    shutil.copy(RUNNER, home / "dags")
    return home


@pytest.fixture(scope="module")
def store_url(home) -> str:
    return f"sqlite:///{home}/jobs.db"


@pytest.fixture(scope="module")
def airflow(home, environment, store_url) -> Iterator[RunningAirflow]:
    settings = {
        **environment(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",  # as it is by default
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADA}:admin,{VIC}:viewer",
        "AIRFLOW__API_AUTH__JWT_SECRET": uuid.uuid4().hex,
        "AIRFLOW__SQLFLOW__STORE_URL": store_url,
    }
    running = RunningAirflow(
        settings,
        home,
        parts=("api-server", "scheduler", "dag-processor"),
        base_path="/af",
        login=(ADA, PASSWORDS[ADA]),
    )
    try:
        running.start()
        wait_for("the runner Dag", lambda: running.has_dag(DAG))
        yield running
    finally:
        running.stop()


@pytest.fixture
def http(airflow) -> Iterator[httpx.Client]:
    """A client that nobody has logged in."""
    with httpx.Client(base_url=f"{airflow.url}/sqlflow", timeout=60) as client:
        yield client


@pytest.fixture
def call(airflow, http):
    """Calls an operation as a user, with Airflow's token where Airflow's clients have it."""
    tokens = {name: airflow.token(name, password) for name, password in PASSWORDS.items()}

    def call(path: str, user: str = ADA, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[user]}"}
        return http.post(f"/gspLive_backend{path}", headers=headers, **more)

    return call


def submit(call, **more: Any) -> httpx.Response:
    files = {"sqlfiles": ("totals.sql", SQL)}
    data = {"jobName": "totals", "dbvendor": "dbvpostgresql"}
    return call("/sqlflow/job/submitUserJob", data=data, files=files, **more)


def wait_for_end(call, job_id: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        job = call("/sqlflow/job/displayUserJobSummary", data={"jobId": job_id}).json()["data"]
        return job if job["status"] not in ("create", "running") else None

    return wait_for(f"the end of job {job_id}", ended)


def is_refused(response: httpx.Response) -> bool:
    answer = response.json()
    return response.status_code == 401 and answer["code"] == 401 and bool(answer["error"])


class TestWhoGetsIn:
    def test_every_operation_asks_for_a_login(self, http):
        asked = [
            (method, f"{prefix}{operation.path}")
            for prefix in PREFIXES
            for operation in OPERATIONS
            for method in operation.methods
            if operation.path != NO_LOGIN
        ]
        assert len(asked) > 80
        assert [one for one in asked if not is_refused(http.request(*one))] == []

    @pytest.mark.parametrize("prefix", PREFIXES)
    def test_everything_else_asks_for_a_login(self, http, prefix):
        pages = ["/version", "/openapi.json", "/doc.html"]
        nowhere = ["/nowhere", "/version/", "/sqlflow/job/submitUserJob/", "", "/", "/user/generateToken/"]
        for path in [f"{prefix}{page}" for page in pages + nowhere] + ["/", "/docs", "/openapi.json"]:
            for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
                assert is_refused(http.request(method, path)), (method, path)

    def test_a_login_opens_the_pages(self, airflow, call, http):
        headers = {"Authorization": f"Bearer {airflow.token(VIC, PASSWORDS[VIC])}"}
        assert http.get("/gspLive_backend/doc.html", headers=headers).status_code == 200
        document = http.get("/gspLive_backend/openapi.json", headers=headers).json()
        assert document["servers"][0]["url"] == "/af/sqlflow/gspLive_backend"
        assert http.get("/gspLive_backend/nowhere", headers=headers).status_code == 404

    def test_a_token_counts_where_clients_put_it(self, airflow, http):
        token = airflow.token(ADA, PASSWORDS[ADA])
        path = "/gspLive_backend/sqlflow/job/displayUserJobsSummary"
        assert http.post(path, data={"userId": ADA, "token": token}).status_code == 200
        assert http.post(path, params={"userId": ADA, "token": token}).status_code == 200
        assert http.post(path, headers={"Authorization": f"Token {token}"}).status_code == 200
        assert http.post(path, headers={"Cookie": f"_token={token}"}).status_code == 200
        assert is_refused(http.post(path, data={"userId": VIC, "token": token}))

    @pytest.mark.parametrize("token", ["token", "a.b.c", "é", "Bearer", "x" * 5000])
    def test_a_broken_token_opens_nothing(self, airflow, http, token):
        path = "/gspLive_backend/sqlflow/job/displayUserJobsSummary"
        assert is_refused(http.post(path, data={"userId": ADA, "token": token}))
        assert is_refused(http.post(path, headers={"Authorization": f"Bearer {token}".encode()}))
        assert is_refused(http.post(path, headers={"Cookie": f"_token={token}".encode()}))

    def test_a_cookie_proves_nothing_in_the_hands_of_another_page(self, airflow, http):
        cookie = f"_token={airflow.token(ADA, PASSWORDS[ADA])}"
        path = "/gspLive_backend/sqlflow/job/displayUserJobsSummary"
        own = airflow.url.removesuffix("/af")
        assert http.post(path, headers={"Cookie": cookie, "Origin": own}).status_code == 200
        for origin in ("http://127.0.0.1:1", "https://evil.example", "null"):
            assert is_refused(http.post(path, headers={"Cookie": cookie, "Origin": origin}))

    def test_a_password_gives_a_token(self, http):
        answer = http.post(
            "/gspLive_backend/user/generateToken", data={"userId": ADA, "secretKey": PASSWORDS[ADA]}
        ).json()
        assert answer["code"] == "200"
        given = {"userId": ADA, "token": answer["token"]}
        assert (
            http.post("/api/gspLive_backend/sqlflow/job/listScheduleJobs", data=given).json()["code"] == 200
        )
        secret = http.post("/gspLive_backend/user/generateSecretKey", data=given)
        assert secret.status_code == 400
        assert "Airflow keeps the accounts" in secret.json()["error"]

    @pytest.mark.parametrize("given", [{"secretKey": "wrong"}, {"secretKey": PASSWORDS[VIC]}, {}])
    def test_a_wrong_password_gives_none(self, http, given):
        assert is_refused(http.post("/gspLive_backend/user/generateToken", data={"userId": ADA, **given}))


class TestJobs:
    def test_airflow_runs_a_job(self, airflow, call):
        job_id = submit(call).json()["data"]["jobId"]
        assert wait_for_end(call, job_id)["status"] == "success"
        exported = call("/sqlflow/job/exportLineageAsCsv", data={"jobId": job_id})
        assert exported.status_code == 200
        assert {"orders", "totals"} <= {cell.lower() for cell in exported.text.replace("\n", ",").split(",")}

        run = DagRun(airflow, DAG, f"sqlflow__{job_id}__1")
        task = run.wait_for_task("run", "success")
        told = airflow.get(run.path)
        assert (told["triggering_user_name"], told["conf"]) == (ADA, {"job_id": job_id, "run": 1})
        worker = run.result("run")["worker"].split(":")
        assert worker[:2] == [task["hostname"], str(task["pid"])]
        server = psutil.Process(airflow.pid("api-server"))
        assert task["pid"] not in {server.pid, *(child.pid for child in server.children(recursive=True))}

        assert call("/sqlflow/job/rerunJob", data={"jobId": job_id}).json()["code"] == 200
        DagRun(airflow, DAG, f"sqlflow__{job_id}__2").wait_for_task("run", "success")
        assert wait_for_end(call, job_id)["status"] == "success"

        hidden = call("/sqlflow/job/displayUserJobSummary", user=VIC, data={"jobId": job_id})
        assert hidden.status_code == 404

    def test_the_first_job_of_the_page(self, airflow, tmp_path):
        [script] = re.findall(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
        run = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "AIRFLOW": airflow.url, "PASSWORD": PASSWORDS[ADA]},
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert run.returncode == 0, run.stderr
        [row] = [row for row in csv.DictReader(run.stdout.splitlines()) if row["source_column"] == "price"]
        assert (row["source_table"], row["target_table"]) == ("orders", "totals")

    def test_airflow_runs_a_persist_job(self, airflow, call):
        def batch(name: str, **more: str) -> dict[str, Any]:
            data = {"jobName": "grows", "dbvendor": "dbvpostgresql", "incremental": "true", **more}
            answer = call("/sqlflow/job/submitPersistJob", data=data, files={"sqlfiles": (name, SQL)})
            return answer.json()["data"]

        job_id = batch("a.sql", firstSubmit="true")["jobId"]
        wait_for_end(call, job_id)
        assert batch("b.sql", jobId=job_id, firstSubmit="false")["jobId"] == job_id
        assert wait_for_end(call, job_id)["status"] == "success"
        DagRun(airflow, DAG, f"sqlflow__{job_id}__2").wait_for_task("run", "success")

    def test_who_may_not_trigger_the_dag_may_not_submit(self, airflow, call):
        refused = submit(call, user=VIC)
        assert (refused.status_code, refused.json()["code"]) == (403, 403)
        assert DAG in refused.json()["error"]
        looks = call(
            "/sqlflow/generation/sqlflow", user=VIC, data={"sqltext": SQL, "dbvendor": "dbvpostgresql"}
        )
        assert looks.json()["code"] == 200, "looking is for all users"
        assert "totals" in looks.text

    def test_a_paused_dag_is_said(self, airflow, call):
        airflow.patch(f"dags/{DAG}", {"is_paused": True})
        try:
            refused = submit(call)
        finally:
            airflow.patch(f"dags/{DAG}", {"is_paused": False})
        assert refused.status_code == 503
        assert f"{DAG} is paused" in refused.json()["error"]

    def test_a_job_whose_run_was_lost_is_found(self, airflow, call, store_url):
        store = EmbeddedClient(Settings(store_url=store_url, runner="worker"))
        request = JobRequest("lost", "postgres", (TextSource("a.sql", SQL),), owner=ADA, queue=SERVER_QUEUE)
        job = store.submit_job(request)
        assert job.status is JobStatus.CREATE
        airflow.trigger(DAG).wait_for_task("run", "success")
        assert store.get_job(job.id).status is JobStatus.SUCCESS
        store.close()

    def test_logs_hold_no_tokens(self, airflow, call, http):
        token = airflow.token(ADA, PASSWORDS[ADA])
        given = {"userId": ADA, "token": token, "secretKey": PASSWORDS[ADA]}
        for path in ("/user/generateToken", "/sqlflow/job/listScheduleJobs"):
            assert http.post(f"/gspLive_backend{path}", params=given).status_code == 200
        log = (airflow.folder / "api-server.log").read_text()
        assert "listScheduleJobs" in log
        assert token not in log
        assert PASSWORDS[ADA] not in log
        assert "begins, attempt" not in log, "a job ran in the API server"
