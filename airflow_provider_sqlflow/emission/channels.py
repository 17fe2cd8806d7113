"""Ways to OpenLineage backends, each of which says at once whether it took an event.

A channel wraps one transport of the OpenLineage client. The client's own ways of losing an event without an
exception are closed here: a ``composite`` that goes on when one of its transports fails becomes one channel
each; ``async_http`` becomes ``http``; Kafka's delivery reports are read.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.emission.masking import mask_text
from airflow_provider_sqlflow.errors import ConfigError, EmissionError

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport import Transport

    from airflow_provider_sqlflow.emission.events import Event

KAFKA_SECONDS = 30.0
"""How long Kafka's brokers may take to confirm an event."""

_KAFKA = frozenset({"kafka", "msk-iam"})
_REJECTED = frozenset({400, 413, 422})
"""HTTP answers that say: this event, never. Others blame the backend or the configuration."""


class Channel:
    """One transport.

    Args:
        name: of the channel, unique and stable, fit for a file's name.
        client: sends through that transport.
    """

    def __init__(self, name: str, client: OpenLineageClient) -> None:
        self.name = name
        self._client = client
        self._failures: list[str] = []
        self._is_kafka = client.transport.kind in _KAFKA
        if self._is_kafka:
            transport: Any = client.transport
            transport.producer = _ReportedProducer(transport.producer, self._failures)

    def __str__(self) -> str:
        return f"{self.name} ({self._client.transport.kind})"

    def send(self, line: str) -> None:
        """Send an event.

        Args:
            line: the event as JSON.

        Raises:
            Exception: whatever the transport raises when the backend did not take it.
        """
        self._client.emit(event_from_json(line))
        if self._is_kafka:
            transport: Any = self._client.transport
            if not transport.wait_for_completion(KAFKA_SECONDS):
                raise TimeoutError(f"no broker confirmed an event within {KAFKA_SECONDS:g} seconds")
            if self._failures:
                message = self._failures[-1]
                self._failures.clear()
                raise EmissionError(f"a broker refused an event: {message}")

    def close(self) -> None:
        """Release connections."""
        self._client.close(timeout=5.0)


class _ReportedProducer:
    """Kafka's producer, with delivery errors kept: the transport only logs them."""

    def __init__(self, producer: Any, failures: list[str]) -> None:
        self._producer = producer
        self._failures = failures

    def produce(self, *args: Any, on_delivery: Any = None, **kwargs: Any) -> None:
        def report(error: Any, message: Any) -> None:
            if error is not None:
                self._failures.append(str(error))
            elif on_delivery is not None:
                on_delivery(error, message)

        self._producer.produce(*args, on_delivery=report, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)


def is_rejection(error: BaseException) -> bool:
    """Whether the backend says that it will never take this event, whatever happens."""
    response = getattr(error, "response", None)
    return getattr(response, "status_code", None) in _REJECTED


def open_channels(config: Mapping[str, Any] | None = None) -> list[Channel]:
    """The channels of a client configuration.

    Args:
        config: what the client's ``config`` argument takes: ``{"transport": {...}, ...}``. ``None`` means the
            client's own sources: ``openlineage.yml`` and ``OPENLINEAGE_*`` variables.

    Returns:
        One channel for each backend; none when OpenLineage is switched off.

    Raises:
        ConfigError: no backend is configured, or the configuration cannot be used.
    """
    given = copy.deepcopy(dict(config)) if config else None
    try:
        channels = _open(given)
    except Exception as error:  # noqa: BLE001  # the client's factories raise whatever comes
        text = mask_text(f"{type(error).__name__}: {error}")
        raise ConfigError(f"the OpenLineage transport cannot be used: {text}") from None
    if channels is None:
        raise ConfigError(
            "no OpenLineage backend is configured: set [openlineage] transport, [sqlflow] "
            "openlineage_transport (SQLFLOW_OPENLINEAGE_TRANSPORT) or OPENLINEAGE_URL"
        )
    return channels


def _open(config: dict[str, Any] | None) -> list[Channel] | None:
    """The channels, or ``None`` where nothing is configured (the client would print to the console)."""
    from openlineage.client import OpenLineageClient

    recorder = _recorder()
    probe = OpenLineageClient(config=config, factory=recorder)
    if not recorder.configs:
        kind = probe.transport.kind
        # http: of OPENLINEAGE_URL; noop: OPENLINEAGE_DISABLED
        return [] if kind == "noop" else [Channel("http", probe)] if kind == "http" else None
    leaves = [leaf for leaf in _leaves(recorder.configs[0]) if leaf[1].get("type") != "noop"]
    names = _unique([name for name, _ in leaves])
    return [
        Channel(name, OpenLineageClient(transport=_create(leaf), config=config))
        for name, (_, leaf) in zip(names, leaves, strict=True)
    ]


def _unique(names: Sequence[str]) -> list[str]:
    """The names, those that stood before with a number."""
    found: list[str] = []
    for name in names:
        numbered = (f"{name}-{number}" for number in itertools.count(2))
        found.append(next(each for each in itertools.chain((name,), numbered) if each not in found))
    return found


def _recorder() -> Any:
    from openlineage.client.transport import TransportFactory
    from openlineage.client.transport.noop import NoopConfig, NoopTransport

    class Recorder(TransportFactory):
        """Keeps the configuration instead of opening connections."""

        def __init__(self) -> None:
            self.configs: list[dict[str, Any]] = []

        def create(self, config: dict[str, Any] | None = None) -> Transport:
            self.configs.append(copy.deepcopy(config or {}))
            return NoopTransport(NoopConfig())

    return Recorder()


def _leaves(config: dict[str, Any], name: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The transports that must each take every event, named."""
    kind = str(config.get("type", ""))
    if kind == "async_http":
        config = {**config, "type": "http"}
    goes_on = config.get("continue_on_failure", True) and config.get("continue_on_success", True)
    if kind != "composite" or not goes_on:
        return [(name or _word(kind.rpartition(".")[2]) or "backend", config)]
    children = config.get("transports") or {}
    if isinstance(children, Mapping):
        pairs = [(str(key), dict(child)) for key, child in children.items() if child]
    else:
        pairs = [
            (str(child.get("name") or f"{index}-{child.get('type')}"), dict(child))
            for index, child in enumerate(children)
        ]
    return [leaf for key, child in pairs for leaf in _leaves(child, f"{name}.{_word(key)}".lstrip("."))]


def _word(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in text)


def _create(config: dict[str, Any]) -> Transport:
    from openlineage.client.transport import get_default_factory

    return get_default_factory().create(config)


def event_from_json(line: str) -> Event:
    """An event as the client's class, from its JSON.

    Facets stay plain values, except those that the client itself looks into.
    """
    from openlineage.client import event_v2
    from openlineage.client.facet_v2 import parent_run, tags_job, tags_run

    data = json.loads(line)
    common: dict[str, Any] = {"eventTime": data["eventTime"], "producer": data["producer"]}
    if "dataset" in data:
        return event_v2.DatasetEvent(dataset=event_v2.StaticDataset(**data["dataset"]), **common)
    job = data["job"]
    tags = (job.get("facets") or {}).get("tags")
    if tags:
        job["facets"]["tags"] = tags_job.TagsJobFacet(
            tags=[tags_job.TagsJobFacetFields(**tag) for tag in tags["tags"]], producer=tags["_producer"]
        )
    datasets: dict[str, Any] = {
        "inputs": [event_v2.InputDataset(**item) for item in data.get("inputs", ())],
        "outputs": [event_v2.OutputDataset(**item) for item in data.get("outputs", ())],
    }
    if "run" not in data:
        return event_v2.JobEvent(job=event_v2.Job(**job), **datasets, **common)
    facets = data["run"].get("facets") or {}
    if "tags" in facets:
        facets["tags"] = tags_run.TagsRunFacet(
            tags=[tags_run.TagsRunFacetFields(**tag) for tag in facets["tags"]["tags"]],
            producer=facets["tags"]["_producer"],
        )
    if "parent" in facets:
        facets["parent"] = _parent(facets["parent"], parent_run)
    return event_v2.RunEvent(
        eventType=event_v2.RunState(data["eventType"]),
        run=event_v2.Run(runId=data["run"]["runId"], facets=facets),
        job=event_v2.Job(**job),
        **datasets,
        **common,
    )


def _parent(data: dict[str, Any], parent_run: Any) -> Any:
    root = None
    if "root" in data:
        root = parent_run.Root(
            run=parent_run.RootRun(**data["root"]["run"]), job=parent_run.RootJob(**data["root"]["job"])
        )
    return parent_run.ParentRunFacet(
        run=parent_run.Run(**data["run"]),
        job=parent_run.Job(**data["job"]),
        root=root,
        producer=data["_producer"],
    )
