"""A Marquez: the model of its rules, and a real one where ``MARQUEZ_URL`` names it (``make marquez``)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from airflow_provider_sqlflow.client.embedded import EmbeddedClient
from airflow_provider_sqlflow.emission.channels import open_channels
from airflow_provider_sqlflow.emission.emitter import EmissionSummary, Emitter
from airflow_provider_sqlflow.emission.namespaces import DatabaseAddress
from airflow_provider_sqlflow.emission.spool import Spool
from airflow_provider_sqlflow.jobs.model import JobRequest, JobSource
from airflow_provider_sqlflow.jobs.publish import EmissionOptions, JobLineage, lineage_events
from airflow_provider_sqlflow.settings import Settings
from tests.marquez.model import running_model


@dataclass
class Marquez:
    """Marquez's HTTP interface. Its namespaces are our own, so that a used one is as good as a new one."""

    url: str
    unique: str = field(default_factory=lambda: uuid.uuid4().hex[:10])

    @property
    def job_namespace(self) -> str:
        return f"sqlflow-{self.unique}"

    def dataset_namespace(self, scheme: str) -> str:
        return f"{scheme}://host-{self.unique}:1234"

    def post(self, event: dict[str, Any]) -> int:
        import requests

        return requests.post(f"{self.url}/api/v1/lineage", json=event, timeout=30).status_code

    def get(self, *parts: str, **query: Any) -> Any:
        import requests

        path = "/".join(quote(part, safe="") for part in parts)
        answer = requests.get(f"{self.url}/api/v1/{path}", params=query, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def dataset(self, namespace: str, name: str) -> Any:
        return self.get("namespaces", namespace, "datasets", name)

    def job(self, name: str) -> Any:
        return self.get("namespaces", self.job_namespace, "jobs", name)

    def jobs(self) -> list[Any]:
        found: list[Any] = self.get("namespaces", self.job_namespace, "jobs", limit=5000)["jobs"]
        return found


@pytest.fixture(params=["model", pytest.param("real", marks=pytest.mark.marquez)])
def marquez(request: pytest.FixtureRequest) -> Iterator[Marquez]:
    if request.param == "model":
        with running_model() as url:
            yield Marquez(url)
        return
    url = os.environ.get("MARQUEZ_URL", "").rstrip("/")
    if not url:
        pytest.skip("needs a Marquez: `make marquez` starts one, MARQUEZ_URL names one")
    yield Marquez(url)


@dataclass
class Publisher:
    """Analyses SQL in a job and sends its lineage."""

    client: EmbeddedClient
    marquez: Marquez
    folder: Path

    def analyse(self, name: str, dialect: str, *sources: JobSource) -> JobLineage:
        request = JobRequest(name, dialect, sources, default_database="shop", default_schema="public")
        return self.client.get_lineage(self.client.submit_job(request).id)

    def options(self, dialect: str, scheme: str) -> EmissionOptions:
        options = EmissionOptions(self.marquez.job_namespace, {})
        return options.at(dialect, DatabaseAddress(dialect, self.marquez.dataset_namespace(scheme)))

    def publish(self, lineage: JobLineage, options: EmissionOptions) -> EmissionSummary:
        config = {"transport": {"type": "http", "url": self.marquez.url, "timeout": 60}}
        emitter = Emitter(open_channels(config), Spool(self.folder / "spool"))
        try:
            return emitter.emit(lineage_events(lineage, options))
        finally:
            emitter.close()


@pytest.fixture
def publisher(marquez: Marquez, tmp_path: Path) -> Iterator[Publisher]:
    client = EmbeddedClient(Settings(store_url=f"sqlite:///{tmp_path / 'jobs.db'}"))
    yield Publisher(client, marquez, tmp_path)
    client.close()
