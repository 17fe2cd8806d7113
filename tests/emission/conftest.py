"""Results to make events of. The engine reads real SQL: events are about its results."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_provider_sqlflow.emission import (
    DatasetNaming,
    EventContext,
    build_events,
    build_job_events,
    build_static_events,
    events_to_ndjson,
)
from airflow_provider_sqlflow.engine.model import LineageResult

EVENT_TIME = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)

Emit = Callable[..., list[dict[str, Any]]]


_BUILDERS = {"runs": build_events, "job": build_job_events, "static": build_static_events}


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """The OpenLineage client writes its own spelling of OPENLINEAGE_URL into the environment."""
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


@pytest.fixture
def emit(checker: ModuleType | None) -> Emit:
    """``emit(result, namespace=..., build="runs", **context)``: the events of a result as JSON objects.

    Where the OpenLineage schemas are at hand, every event is checked against them, facet by facet.
    """

    def run(
        result: LineageResult, namespace: str = "postgres://db:5432", build: str = "runs", **context: Any
    ) -> list[dict[str, Any]]:
        naming = context.pop("naming", None) or DatasetNaming(result.dialect, namespace)
        values = {"event_time": EVENT_TIME, "job_namespace": "default", "job_name": "dag.task", **context}
        made = _BUILDERS[build](result, EventContext(naming=naming, **values))
        events = [json.loads(line) for line in events_to_ndjson(made)]
        if checker is not None and events:
            problems = [row for row in _problems(checker, events) if row.startswith("error")]
            assert problems == []
        return events

    return run


@pytest.fixture(scope="session")
def checker() -> ModuleType | None:
    """The offline checker beside the repository; ``None`` where it or the schemas are absent."""
    script = _shared() / "tools" / "validate_openlineage.py"
    return _load(script) if _spec().is_dir() and script.is_file() else None


@pytest.fixture(scope="session")
def validate(checker: ModuleType | None) -> Callable[[list[dict[str, Any]]], list[str]]:
    """``validate(events)``: what the offline checker has against them, as a Marquez would see it."""
    if checker is None:
        pytest.skip("needs the OpenLineage schemas (OPENLINEAGE_SPEC) and the checker beside the repository")
    return lambda events: _problems(checker, events)


def _problems(checker: Any, events: list[dict[str, Any]]) -> list[str]:
    run = checker.Checker(_schemas(checker), profile="marquez", custom_prefixes=set())
    for number, event in enumerate(events, start=1):
        run.check_line(number, json.dumps(event))
    run.check_runs()
    assert run.report.events == len(events) > 0
    return [
        f"{severity} {group} {where}: {message}" for severity, _, group, where, message in run.report.rows
    ]


@cache
def _schemas(checker: Any) -> Any:
    return checker.Spec(_spec())


def _spec() -> Path:
    return Path(os.environ.get("OPENLINEAGE_SPEC") or _shared() / "openlineage-spec")


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
