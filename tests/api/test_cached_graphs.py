from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from airflow_provider_sqlflow.api.app import PREFIXES, build_app
from airflow_provider_sqlflow.api.context import LazyServer
from airflow_provider_sqlflow.api.opening import open_server
from airflow_provider_sqlflow.settings import Settings

SQL = "insert into u (x) select ((((a)))) from t"


def graph_on(settings: Settings) -> dict[str, Any]:
    lazy = LazyServer(partial(open_server, settings))
    with TestClient(build_app(lazy, settings), base_url="http://localhost") as client:
        answer = client.post(
            f"{PREFIXES[0]}/sqlflow/generation/sqlflow/graph",
            data={"dbvendor": "dbvpostgresql", "sqltext": SQL},
        )
    found: dict[str, Any] = answer.json()
    return found


def test_a_graph_is_kept_for_what_was_found_not_for_what_was_asked(tmp_path: Path) -> None:
    """The same SQL on servers of one store, the first of which may not read it."""
    narrow = graph_on(Settings(home=str(tmp_path), server_ignore_token=True, max_nesting=2))
    assert (narrow["code"], narrow["data"]["summary"]["table"]) == (203, 0)
    wide = graph_on(Settings(home=str(tmp_path), server_ignore_token=True))
    assert (wide["code"], wide["data"]["summary"]["table"]) == (200, 2)
