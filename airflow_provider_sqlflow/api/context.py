"""What operations work with, put together once for a process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_sqlflow.api.reading import Given
from airflow_provider_sqlflow.api.workers import Workers
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from fastapi import Request

    from airflow_provider_sqlflow.api.state import ServerState

Authenticate = Callable[["Request", Given], Awaitable[str]]
"""Tells whose request it is, or raises ``AccessDeniedError``."""


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a server.

    Attributes:
        settings: limits and addresses.
        jobs: the jobs of all users.
        state: accounts, sessions and what else the server's processes share.
        workers: processes for everything that takes a processor.
        authenticate: tells whose request it is.
    """

    settings: Settings
    jobs: JobService
    state: ServerState
    workers: Workers
    authenticate: Authenticate

    def close(self) -> None:
        """End the processes and close the store."""
        self.workers.close()
        self.jobs.close()
        self.state.close()
