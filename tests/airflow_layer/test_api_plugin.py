"""The REST API as a part of Airflow's API server; ``tests/system`` has it in a running one."""

from __future__ import annotations

import logging
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import anyio
import pytest
from airflow.exceptions import DagNotFound, DagRunAlreadyExists
from airflow.models.dag import DagModel
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.testclient import TestClient

from airflow_provider_sqlflow.api.context import Caller
from airflow_provider_sqlflow.errors import AccessDeniedError, RequestError
from airflow_provider_sqlflow.jobs.model import Job, JobId, JobStatus
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.plugins import api
from airflow_provider_sqlflow.plugins.sqlflow import SqlFlowPlugin

JOB = Job(JobId("abc"), "totals", "postgres", JobStatus.CREATE, utc_now(), owner="ada", run=2)


class TestPlugin:
    def test_airflow_gets_an_app(self):
        [mounted] = SqlFlowPlugin().fastapi_apps
        assert mounted["url_prefix"] == "/sqlflow"
        assert isinstance(mounted["app"], FastAPI)

    def test_switched_off(self, monkeypatch):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__SERVER_ENABLED", "False")
        assert SqlFlowPlugin().fastapi_apps == []

    def test_an_option_that_cannot_be_used_costs_the_api_only(self, monkeypatch, caplog):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__SERVER_PARALLEL", "0")
        assert SqlFlowPlugin().fastapi_apps == []
        assert "server_parallel = 0" in caplog.text

    def test_a_package_that_is_missing_costs_the_api_only(self, monkeypatch, caplog):
        monkeypatch.setitem(sys.modules, "airflow_provider_sqlflow.plugins.api", None)
        assert SqlFlowPlugin().fastapi_apps == []
        assert "airflow-provider-sqlflow[server]" in caplog.text

    def test_no_store_before_the_first_operation(self, monkeypatch, tmp_path):
        monkeypatch.setenv("AIRFLOW__SQLFLOW__STORE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
        [mounted] = SqlFlowPlugin().fastapi_apps
        with TestClient(mounted["app"]) as client:
            assert client.get("/gspLive_backend/version").status_code == 401
            assert list(tmp_path.iterdir()) == []
            assert client.post("/gspLive_backend/sqlflow/job/listScheduleJobs").status_code == 401
        assert (tmp_path / "jobs.db").exists()

    @pytest.mark.parametrize("manager", ["airflow.sdk.plugins_manager", "airflow.plugins_manager"])
    def test_processes_that_load_all_plugins_stay_light(self, manager):
        code = (
            f"import sys, {manager} as manager; plugins, errors = manager._get_plugins(); "
            "assert 'sqlflow' in {plugin.name for plugin in plugins}, errors; print('\\n'.join(sys.modules))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
        )
        modules = set(run.stdout.split())
        assert "airflow_provider_sqlflow.plugins.sqlflow" in modules
        assert {"airflow_provider_sqlflow.plugins.api", "airflow_provider_sqlflow.api"} & modules == set()
        assert {"fastapi", "sqlglot", "uvicorn", "alembic"} & modules == set()


class TestRunner:
    @pytest.fixture
    def trigger(self, monkeypatch):
        """What Airflow is asked for, and what it raises."""
        asked = SimpleNamespace(calls=[], error=None)

        def trigger_dag(dag_id, **arguments):
            asked.calls.append((dag_id, arguments))
            if asked.error:
                raise asked.error

        monkeypatch.setattr(api, "trigger_dag", trigger_dag)
        return asked

    def test_a_run_of_the_dag_for_a_run_of_the_job(self, trigger):
        api.DagRunner("runner").run(JOB)
        [(dag_id, arguments)] = trigger.calls
        assert (dag_id, arguments["run_id"]) == ("runner", "sqlflow__abc__2")
        assert arguments["conf"] == {"job_id": "abc", "run": 2}
        assert arguments["triggering_user_name"] == "ada"

    def test_twice_is_once(self, trigger, caplog):
        trigger.error = DagRunAlreadyExists(SimpleNamespace(dag_id="runner", run_id="sqlflow__abc__2"))
        api.DagRunner("runner").run(JOB)
        assert "waits" not in caplog.text

    def test_a_run_that_cannot_be_made_does_not_fail_the_submit(self, trigger, caplog):
        trigger.error = DagNotFound("gone")
        with caplog.at_level(logging.ERROR):
            api.DagRunner("runner").run(JOB)
        assert "job abc waits for the next scheduled run" in caplog.text


@pytest.mark.parametrize(
    ("dag", "said"),
    [
        (None, "is not there"),
        ({"is_stale": True}, "is not there"),
        ({"has_import_errors": True}, "has import errors"),
        ({"is_paused": True}, "is paused"),
        ({"allowed_run_types": ["scheduled"]}, "takes no manual runs"),
        ({}, ""),
        ({"allowed_run_types": ["manual"]}, ""),
    ],
)
def test_why_nobody_would_run_a_job(dag, said):
    values = {"is_stale": False, "is_paused": False, "has_import_errors": False, "allowed_run_types": None}
    model = None if dag is None else DagModel(dag_id="runner", **values | dag)
    problem = api._problem(model)
    assert problem.startswith(said)
    assert bool(problem) is bool(said)


class TestLogin:
    @pytest.fixture
    def log_in(self, monkeypatch):
        """Asks for a token where Airflow's own ``/auth/token`` gives an answer."""

        async def get_user_from_token(token):
            return SimpleNamespace(get_name=lambda: token.removeprefix("token of "))

        manager = SimpleNamespace(get_user_from_token=get_user_from_token)
        monkeypatch.setattr(api, "get_auth_manager", lambda: manager)

        def log_in(response, name="ada", password="secret"):
            app = FastAPI(root_path="/af")
            asked = []

            @app.post("/auth/token")
            def token(body: dict[str, str]):
                asked.append(body)
                return response

            if response is None:
                app = FastAPI()
            monkeypatch.setitem(sys.modules, "airflow.api_fastapi.main", SimpleNamespace(app=app))
            issue = partial(api.AirflowLogin().issue_token, name, password)
            try:
                return anyio.run(anyio.to_thread.run_sync, issue)
            finally:
                assert asked in ([], [{"username": name, "password": password}])

        return log_in

    def test_gives_airflows_token(self, log_in):
        assert log_in(JSONResponse({"access_token": "token of ada"}, 201)) == "token of ada"

    def test_the_user_that_airflow_knows(self, log_in):
        with pytest.raises(AccessDeniedError, match="Airflow knows this user as 'Anonymous'"):
            log_in(JSONResponse({"access_token": "token of Anonymous"}, 201))

    @pytest.mark.parametrize("status", [401, 403])
    def test_wrong_password(self, log_in, status):
        with pytest.raises(AccessDeniedError, match="Airflow user name and password"):
            log_in(JSONResponse({"detail": "no"}, status))

    def test_no_password(self, log_in):
        with pytest.raises(AccessDeniedError, match="secretKey: is required"):
            log_in(JSONResponse({"access_token": "token of ada"}, 201), password="")

    @pytest.mark.parametrize(
        "response",
        [
            None,
            JSONResponse({"detail": "no"}, 400),
            JSONResponse([], 201),
            PlainTextResponse("token of ada", 201),
            JSONResponse({"access_token": "token of ada"}, 200),
        ],
    )
    def test_an_auth_manager_without_such_a_login(self, log_in, response):
        with pytest.raises(RequestError, match=r"SimpleNamespace gives no token .* Authorization"):
            log_in(response)

    def test_there_are_no_secret_keys(self):
        with pytest.raises(RequestError, match="Airflow keeps the accounts"):
            api.AirflowLogin().new_secret_key(Caller("ada"))
