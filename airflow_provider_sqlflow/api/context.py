"""What operations work with, put together once for a process."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_sqlflow.api.reading import Given
from airflow_provider_sqlflow.api.workers import Workers
from airflow_provider_sqlflow.jobs.model import DEFAULT_QUEUE
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from fastapi import Request

    from airflow_provider_sqlflow.api.state import ServerState


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    Attributes:
        id: of the account; jobs and sessions belong to it.
        identity: what the host application knows of the caller, for its own questions.
    """

    id: str
    identity: Any = None


Authenticate = Callable[["Request", Given], Awaitable[Caller]]
"""Tells whose request it is, or raises ``AccessDeniedError``."""


class Credentials(Protocol):
    """Who gives tokens and secret keys. Its methods are called in threads."""

    def issue_token(self, user_id: str, secret_key: str) -> str:
        """A token for whoever knows the secret key.

        Raises:
            AccessDeniedError: the key is not the account's, or there is no such account.
            RequestError: tokens are to be had elsewhere; the message says where.
        """

    def new_secret_key(self, caller: Caller) -> str:
        """A new secret key in place of the caller's.

        Raises:
            RequestError: there are no secret keys here; the message says what there is.
        """


def _anybody(_caller: Caller) -> None:
    """Whoever has an account may submit jobs."""


@dataclass(frozen=True, slots=True)
class Server:
    """The parts of a server.

    Attributes:
        settings: limits and addresses.
        jobs: the jobs of all users.
        state: accounts, sessions and what else the server's processes share.
        workers: processes for everything that takes a processor.
        authenticate: tells whose request it is.
        credentials: gives tokens and secret keys.
        check_submit: raises unless a caller may submit jobs, and somebody is there to run them.
        queue: of the jobs that are submitted here.
    """

    settings: Settings
    jobs: JobService
    state: ServerState
    workers: Workers
    authenticate: Authenticate
    credentials: Credentials
    check_submit: Callable[[Caller], None] = _anybody
    queue: str = DEFAULT_QUEUE

    def close(self) -> None:
        """End the processes and close the store."""
        self.workers.close()
        self.jobs.close()
        self.state.close()


class LazyServer:
    """A server that is put together when the first request needs it, then kept.

    Args:
        open_server: puts it together; asked again after it failed.
    """

    def __init__(self, open_server: Callable[[], Server]) -> None:
        self._open_server = open_server
        self._opening = threading.Lock()
        self._server: Server | None = None

    def get(self) -> Server:
        """The server; raises what opening it raises."""
        with self._opening:
            if self._server is None:
                self._server = self._open_server()
            return self._server

    def close(self) -> None:
        """Close the server, if there is one."""
        with self._opening:
            server, self._server = self._server, None
        if server is not None:
            server.close()
