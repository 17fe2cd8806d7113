"""What every command needs: settings and the client, made when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.client.base import SqlFlowClient
    from airflow_provider_sqlflow.jobs.execution import OnProgress
    from airflow_provider_sqlflow.jobs.lineage.service import LineageService


@dataclass(frozen=True)
class CliState:
    """The global options.

    Attributes:
        store_url: the ``--store`` option; empty means the environment's.
        debug: let errors through with their traceback.
    """

    store_url: str = ""
    debug: bool = False

    def settings(self) -> Settings:
        """Settings of the environment, with the global options over them.

        Raises:
            ConfigError: an environment variable has a value that cannot be used.
        """
        settings = Settings.from_env()
        return replace(settings, store_url=self.store_url) if self.store_url else settings

    @contextmanager
    def client(self, on_progress: OnProgress = lambda _counts, _name: None) -> Iterator[SqlFlowClient]:
        """The client that job commands talk to."""
        from airflow_provider_sqlflow.client.embedded import EmbeddedClient

        client = EmbeddedClient(self.settings(), on_progress)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def lineage(self) -> Iterator[LineageService]:
        """What answers questions about lineage across jobs."""
        from airflow_provider_sqlflow.jobs.lineage.service import LineageService

        settings = self.settings()
        service = LineageService.open(settings.resolved_store_url(), settings.store_retry_seconds)
        try:
            yield service
        finally:
            service.close()


pass_state = click.make_pass_decorator(CliState)
