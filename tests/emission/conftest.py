"""Results to make events of. The engine reads real SQL: events are about its results."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_sqlflow.emission import DatasetNaming, EventContext, build_events, events_to_ndjson
from airflow_provider_sqlflow.engine.model import LineageResult

EVENT_TIME = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)

Emit = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def emit() -> Emit:
    """``emit(result, namespace=..., **context)``: the events of a result as JSON objects."""

    def run(
        result: LineageResult, namespace: str = "postgres://db:5432", **context: Any
    ) -> list[dict[str, Any]]:
        naming = context.pop("naming", None) or DatasetNaming(result.dialect, namespace)
        values = {"event_time": EVENT_TIME, "job_namespace": "default", "job_name": "dag.task", **context}
        events = build_events(result, EventContext(naming=naming, **values))
        return [json.loads(line) for line in events_to_ndjson(events)]

    return run


@pytest.fixture(scope="session")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[dict[str, Any]]], list[str]]:
    """``validate(events)``: what the offline checker has against them, as a Marquez would see it."""
    spec = Path(os.environ.get("OPENLINEAGE_SPEC") or _shared() / "openlineage-spec")
    script = _shared() / "tools" / "validate_openlineage.py"
    if not spec.is_dir() or not script.is_file():
        pytest.skip("needs the OpenLineage schemas and the checker beside the repository")
    checker = _load(script)
    schemas = checker.Spec(spec)

    def check(events: list[dict[str, Any]]) -> list[str]:
        run = checker.Checker(schemas, profile="marquez", custom_prefixes=set())
        for number, event in enumerate(events, start=1):
            run.check_line(number, json.dumps(event))
        run.check_runs()
        assert run.report.events == len(events) > 0
        return [
            f"{severity} {group} {where}: {message}" for severity, _, group, where, message in run.report.rows
        ]

    return check


def _shared() -> Path:
    return Path(__file__).parents[3] / "shared"


def _load(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("validate_openlineage", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module
