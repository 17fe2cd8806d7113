"""Every parameter that an operation declares is looked at, unless it says that it changes nothing."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import BaseModel

from airflow_provider_sqlflow.api import operations
from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api.app import OPERATIONS, build_app
from airflow_provider_sqlflow.api.context import LazyServer
from airflow_provider_sqlflow.api.opening import open_server
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.runners.inline import InlineRunner
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings
from tests.api.golden.cases import read_cases
from tests.api.golden.sending import request
from tests.api.golden.world import World
from tests.api.server_process import RunningServer, ServerProcess

IS_UNUSED = "Accepted"
"""How the description of a parameter begins that changes nothing."""

LOGIN = {"userId", "token", "userid"}
"""Read before the operation: see ``authentication``."""

CLOSED = "127.0.0.1:1"
"""A database host that is allowed, where nobody answers."""

DATABASE = {
    "jobName": "d",
    "dbvendor": "dbvpostgresql",
    "hostname": "127.0.0.1",
    "port": "1",
    "account": "user",
    "password": "secret",
    "database": "db",
}

ALTERNATIVES = {"jobId", "sessionId", "dbvendor", "defaultDatabase", "defaultSchema"}
"""Ways to name a subject: a request that names one does not look for the others."""


class Reader:
    """Gives operations parameters that note which of them are asked for."""

    def __init__(self, parse: Any) -> None:
        self._parse = parse
        self.read: dict[type[BaseModel], set[str]] = defaultdict(set)

    def __call__(self, model: type[BaseModel], given: Any) -> BaseModel:
        names = {name: field.alias or name for name, field in model.model_fields.items()}
        read = self.read[model]

        class Noting(model):  # type: ignore[misc, valid-type]
            def __getattribute__(self, name: str) -> Any:
                if name in names:
                    read.add(names[name])
                return super().__getattribute__(name)

            def model_dump(self, **how: Any) -> dict[str, Any]:
                found: dict[str, Any] = super().model_dump(**how)
                read.update(name for name in names.values() if name in p._SETTINGS)
                return found

        parsed: BaseModel = self._parse(Noting, given)
        return parsed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server in this process that runs its jobs at once."""
    url = f"sqlite:///{tmp_path}/store.db"
    settings = Settings(store_url=url, server_allowed_hosts=CLOSED)

    def opened() -> Any:
        store = SqlJobStore(url)
        runner = InlineRunner(store, Execution(store, settings, utc_now), settings, utc_now)
        return open_server(settings, runner=runner)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = build_app(LazyServer(opened), settings)
        uvicorn_server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=uvicorn_server.run, args=([listener],))
        thread.start()
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield RunningServer(ServerProcess(origin, None, tmp_path), url)  # type: ignore[arg-type]
        uvicorn_server.should_exit = True
        thread.join()


@pytest.mark.slow
def test_what_is_declared_is_read(monkeypatch: pytest.MonkeyPatch, server: RunningServer) -> None:
    reader = Reader(operations.parse)
    monkeypatch.setattr(operations, "parse", reader)
    cases = read_cases()
    worlds: dict[str, World] = {}
    unread: dict[str, set[str]] = {}
    with httpx.Client(timeout=60) as client:
        for operation in OPERATIONS:
            found: set[str] = set()
            for case in cases:
                if case.path == operation.path and case.status == 200:
                    world = worlds.setdefault(case.book, World(server, client))
                    sent = request(case, "multipart" if case.method == "POST" else "query", server.url, world)
                    reader.read.clear()  # requests that made the world
                    assert client.send(sent).status_code == 200, case
                    found |= reader.read[operation.parameters]
            if issubclass(operation.parameters, p.Source):  # its files are not all: a database may be read
                reader.read.clear()
                login = {"userId": worlds["jobs"].user, "token": worlds["jobs"].token}
                answer = client.post(f"{server.url}{operation.path}", data={**login, **DATABASE})
                assert "cannot connect" in answer.json()["error"]
                found |= reader.read[operation.parameters]
            declared = {
                field.alias or name
                for name, field in operation.parameters.model_fields.items()
                if not (field.description or "").startswith(IS_UNUSED)
            }
            left = declared - found - LOGIN - ALTERNATIVES
            if left:
                unread[operation.path] = left
    assert unread == {}
