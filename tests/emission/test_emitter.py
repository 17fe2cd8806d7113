from __future__ import annotations

import copy
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
import types
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sqlflow.emission import DatasetNaming, EventContext, ParentRun
from airflow_provider_sqlflow.emission.channels import event_from_json, open_channels
from airflow_provider_sqlflow.emission.emitter import EmissionSummary, Emitter
from airflow_provider_sqlflow.emission.events import (
    build_events,
    build_job_events,
    build_static_events,
    events_to_ndjson,
)
from airflow_provider_sqlflow.emission.spool import Spool
from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.errors import ConfigError
from tests.emission.backend import Backend, running_backend

SQL = "INSERT INTO s.t (x) SELECT y FROM s.u; INSERT INTO s.v (x) SELECT x FROM s.t; SELEC a FORM b"
CLOSED = "http://127.0.0.1:9"


@pytest.fixture
def backend() -> Iterator[Backend]:
    with running_backend() as found:
        yield found


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture(autouse=True)
def own_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("OPENLINEAGE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def events(build: Callable[..., Any] = build_events, **context: Any) -> list[Any]:
    result = analyze(SQL, dialect="postgres", source_name="x.sql", default_database="shop")
    values: dict[str, Any] = {
        "event_time": datetime(2026, 3, 1, tzinfo=timezone.utc),
        "job_namespace": "ns",
        "job_name": "job",
        "naming": DatasetNaming("postgres"),
        "parent": ParentRun(
            "ns",
            "job",
            "0190b2c4-0000-7000-8000-000000000001",
            "ns",
            "dag",
            "0190b2c4-0000-7000-8000-000000000002",
        ),
        **context,
    }
    return list(build(result, EventContext(**values)))


def as_json(made: list[Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in events_to_ndjson(copy.deepcopy(made))]


def emitter(config: dict[str, Any] | None, spool: Spool) -> Emitter:
    return Emitter(open_channels(config), spool, sleep=lambda seconds: None)


def run(config: dict[str, Any] | None, spool: Spool, made: list[Any] | None = None) -> EmissionSummary:
    with closing(emitter(config, spool)) as opened:
        return opened.replay() if made is None else opened.emit(made)


def identity(event: dict[str, Any]) -> tuple[str, str, str]:
    return event["run"]["runId"], event["eventType"], event["job"]["name"]


def without_client_tags(event: dict[str, Any]) -> dict[str, Any]:
    """The client adds its version to the run's tags."""
    event = copy.deepcopy(event)
    tags = event.get("run", {}).get("facets", {}).get("tags")
    if tags:
        tags["tags"] = [tag for tag in tags["tags"] if tag["source"] == "sqlflow"]
    return event


class TestHttp:
    def test_events_arrive_once_in_order_and_whole(self, backend: Backend, spool: Spool) -> None:
        made = events()
        summary = run(backend.config, spool, made)
        assert summary == EmissionSummary(events=6, sent=6)
        assert summary.is_complete
        assert [without_client_tags(event) for event in backend.events] == as_json(made)
        assert spool.paths() == list(spool.folder.iterdir()) == []

    @pytest.mark.parametrize("build", [build_job_events, build_static_events])
    def test_every_kind_of_event(self, build: Any, backend: Backend, spool: Spool) -> None:
        made = events(build)
        assert run(backend.config, spool, made).is_complete
        assert [without_client_tags(event) for event in backend.events] == as_json(made)

    def test_a_passing_trouble_costs_nothing(self, backend: Backend, spool: Spool) -> None:
        backend.answer = lambda event: 503 if len(backend.tried) in (1, 4) else 201
        assert run(backend.config, spool, events()).sent == 6
        assert len({identity(event) for event in backend.events}) == 6 == len(backend.events)

    def test_a_backend_that_goes_down_loses_nothing(self, backend: Backend, spool: Spool) -> None:
        backend.answer = lambda event: 201 if len(backend.tried) <= 2 else 500
        made = events()
        summary = run(backend.config, spool, made)
        assert (summary.sent, summary.kept, summary.is_complete) == (2, 4, False)
        assert len(backend.tried) == 5, "the event at hand is tried three times, the rest not at all"
        backend.answer = lambda event: 201
        assert run(backend.config, spool) == EmissionSummary(events=4, sent=4)
        assert [without_client_tags(event) for event in backend.events] == as_json(made)
        assert run(backend.config, spool) == EmissionSummary()
        assert list(spool.folder.iterdir()) == []

    def test_nobody_listens(self, spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
        config = {"transport": {"type": "http", "url": CLOSED, "retry": {"total": 0}}}
        summary = run(config, spool, events())
        assert str(summary) == "0 of 6 events sent, 6 kept for a replay"
        assert "sqlflow emit --replay" in caplog.text

    def test_an_event_that_is_refused_does_not_hold_up_the_others(
        self, backend: Backend, spool: Spool, caplog: pytest.LogCaptureFixture
    ) -> None:
        backend.answer = lambda event: 422 if event["job"]["name"].endswith(".2") else 201
        summary = run(backend.config, spool, events())
        assert (summary.sent, summary.rejected, summary.kept) == (4, 2, 0)
        assert len(backend.tried) == 6, "a refusal is final"
        kept = [path for path in spool.folder.iterdir() if path.suffix == ".rejected"]
        assert len(kept[0].read_text().splitlines()) == 2
        assert "422" in kept[0].with_name(f"{kept[0].name}-reasons").read_text()
        assert run(backend.config, spool) == EmissionSummary()

    def test_wrong_credentials_are_not_the_events_fault(self, backend: Backend, spool: Spool) -> None:
        backend.answer = lambda event: 401
        assert run(backend.config, spool, events()).kept == 6

    def test_the_api_key_is_sent_and_never_logged(
        self, backend: Backend, spool: Spool, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        backend.answer = lambda event: 403
        config = copy.deepcopy(backend.config)
        config["transport"]["auth"] = {"type": "api_key", "apiKey": "hunter2"}
        run(config, spool, events())
        assert backend.headers[0]["Authorization"] == "Bearer hunter2"
        assert "hunter2" not in caplog.text

    def test_async_http_is_confirmed_too(self, backend: Backend, spool: Spool) -> None:
        backend.answer = lambda event: 500
        config = {"transport": {"type": "async_http", "url": backend.url, "retry": {"total": 0}}}
        assert run(config, spool, events()).kept == 6

    def test_openlineage_url_is_enough(
        self, backend: Backend, spool: Spool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENLINEAGE_URL", backend.url)
        assert run(None, spool, events()).sent == len(backend.events) == 6

    def test_a_configuration_file_is_found(self, backend: Backend, spool: Spool) -> None:
        Path("openlineage.yml").write_text(f"transport: {{type: http, url: '{backend.url}'}}\n")
        assert run(None, spool, events()).sent == 6


class TestOthers:
    def test_files(self, tmp_path: Path, spool: Spool) -> None:
        path = tmp_path / "events.ndjson"
        config = {"transport": {"type": "file", "log_file_path": str(path), "append": True}}
        made = events()
        assert run(config, spool, made).is_complete
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [without_client_tags(event) for event in lines] == as_json(made)

    def test_each_backend_of_a_composite_gets_every_event_once(
        self, backend: Backend, spool: Spool, tmp_path: Path
    ) -> None:
        path = tmp_path / "events.ndjson"
        config = {
            "transport": {
                "type": "composite",
                "continue_on_failure": True,
                "transports": {
                    "marquez": backend.config["transport"],
                    "file": {"type": "file", "log_file_path": str(path), "append": True},
                },
            }
        }
        backend.answer = lambda event: 500
        summary = run(config, spool, events())
        assert (summary.events, summary.sent, summary.kept) == (12, 6, 6)
        backend.answer = lambda event: 201
        assert run(config, spool).sent == 6
        assert len(backend.events) == len(path.read_text().splitlines()) == 6

    @pytest.mark.parametrize("names", [("prod.eu", "test.eu"), ("a b", "a_b"), ("a.b", "a_b")])
    def test_backends_with_names_alike_are_two(
        self, spool: Spool, tmp_path: Path, names: tuple[str, str]
    ) -> None:
        paths = [tmp_path / "first.ndjson", tmp_path / "second.ndjson"]
        transports = {
            name: {"type": "file", "log_file_path": str(path), "append": True}
            for name, path in zip(names, paths, strict=True)
        }
        config = {"transport": {"type": "composite", "transports": transports}}
        assert run(config, spool, events()).sent == 12
        assert [len(path.read_text().splitlines()) for path in paths] == [6, 6]

    def test_a_failover_composite_is_one_backend(self, backend: Backend, spool: Spool) -> None:
        down = {"type": "http", "url": CLOSED, "retry": {"total": 0}, "name": "down", "priority": 2}
        config = {
            "transport": {
                "type": "composite",
                "continue_on_success": False,
                "transports": [down, {**backend.config["transport"], "name": "up"}],
            }
        }
        assert run(config, spool, events()).sent == len(backend.events) == 6

    def test_kafka_delivery_reports_are_read(self, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
        """The contract of confluent-kafka's Producer: produce() queues, flush() reports each message."""
        produced: list[tuple[str, str, dict[str, Any]]] = []
        refused: list[str] = []

        class Producer:
            def __init__(self, config: dict[str, Any]) -> None:
                assert config["bootstrap.servers"] == "broker:9092"
                self.queue: list[Any] = []

            def produce(self, topic: str, value: bytes, key: str, on_delivery: Any) -> None:
                self.queue.append((topic, key, json.loads(value), on_delivery))

            def flush(self, timeout: float = -1) -> int:
                for topic, key, event, on_delivery in self.queue:
                    if not refused:
                        produced.append((topic, key, event))
                    on_delivery(refused[0] if refused else None, object())
                self.queue.clear()
                return 0

        module = types.ModuleType("confluent_kafka")
        module.Producer = Producer  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "confluent_kafka", module)
        config = {
            "transport": {
                "type": "kafka",
                "topic": "lineage",
                "config": {"bootstrap.servers": "broker:9092"},
                "flush": False,
            }
        }
        refused.append("_MSG_TIMED_OUT")
        assert run(config, spool, events()).kept == 6
        refused.clear()
        assert run(config, spool).sent == 6
        assert {topic for topic, _, _ in produced} == {"lineage"}
        assert {key for _, key, _ in produced} == {"run:ns/dag"}, "a Dag's events keep their order"
        assert [without_client_tags(event) for _, _, event in produced] == as_json(events())

    def test_switched_off(self, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
        config = {"transport": {"type": "http", "url": CLOSED}}
        assert run(config, spool, events()) == EmissionSummary()

    def test_nothing_configured(self) -> None:
        with pytest.raises(ConfigError, match="no OpenLineage backend is configured"):
            open_channels()

    @pytest.mark.parametrize(
        "transport", [{"type": "nonsense"}, {"type": "http"}, {"type": "http", "url": "https://a:hunter2@[x"}]
    )
    def test_an_unusable_configuration(self, transport: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match="transport cannot be used") as error:
            open_channels({"transport": transport})
        assert "hunter2" not in str(error.value)


class TestSpool:
    def test_events_survive_json(self) -> None:
        for build in (build_events, build_job_events, build_static_events):
            made = events(build)
            lines = list(events_to_ndjson(made))
            assert list(events_to_ndjson(event_from_json(line) for line in lines)) == lines

    def test_a_killed_process_loses_nothing(self, backend: Backend, spool: Spool, tmp_path: Path) -> None:
        """Killed while the backend ponders the third event; the replay sends that one and the rest."""
        made = events()

        def ponder(event: dict[str, Any]) -> int:
            if len(backend.tried) == 3:
                time.sleep(3)
                return 500
            return 201

        backend.answer = ponder
        lines = tmp_path / "lines.ndjson"
        lines.write_text("".join(events_to_ndjson(made)))
        script = f"""
            from airflow_provider_sqlflow.emission.channels import event_from_json, open_channels
            from airflow_provider_sqlflow.emission.emitter import Emitter
            from airflow_provider_sqlflow.emission.spool import Spool
            from pathlib import Path
            made = [event_from_json(line) for line in Path({str(lines)!r}).read_text().splitlines()]
            Emitter(open_channels({backend.config!r}), Spool(Path({str(spool.folder)!r}))).emit(made)
        """
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
        deadline = time.monotonic() + 60
        while len(backend.tried) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert run(backend.config, spool) == EmissionSummary(), "another process is at it"
        process.send_signal(signal.SIGKILL)
        process.wait()
        backend.answer = lambda event: 201
        assert run(backend.config, spool) == EmissionSummary(events=4, sent=4)
        assert [identity(event) for event in backend.events] == [identity(event) for event in as_json(made)]

    def test_files_of_a_backend_that_is_no_more_stay(
        self, backend: Backend, spool: Spool, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        config = {"transport": {"type": "http", "url": CLOSED, "retry": {"total": 0}}}
        run(config, spool, events())
        other = {"transport": {"type": "file", "log_file_path": str(tmp_path / "x"), "append": True}}
        assert run(other, spool).kept == 6
        assert "not configured" in caplog.text
        assert len(spool.paths()) == 1

    def test_only_the_owner_can_read_it(self, spool: Spool) -> None:
        path = spool.add("http", ["{}"])
        assert path.stat().st_mode & 0o777 == 0o600
        assert spool.folder.stat().st_mode & 0o777 == 0o700

    def test_without_a_disk_events_are_sent_all_the_same(
        self, backend: Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("")
        nowhere = Spool(tmp_path / "file" / "spool")
        assert run(backend.config, nowhere, events()).sent == 6
        backend.answer = lambda event: 500
        summary = run(backend.config, nowhere, events())
        assert (summary.sent, summary.lost) == (0, 6)
        lost = [record for record in caplog.records if record.message.startswith("lost OpenLineage event: {")]
        assert len(lost) == 6, "what is lost is in the log, whole"
