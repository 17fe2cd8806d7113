"""Runs the server alone: uvicorn, and worker processes for its jobs."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType

from airflow_provider_sqlflow.api.authentication import is_loopback
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)

_KEEP_ALIVE_SECONDS = 75
"""How long an idle connection is kept: longer than clients and proxies keep theirs, who else may send a
request on one that is just being closed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens.

    Attributes:
        host: name or address.
        port: 0 takes a free one.
        certificate: path of a TLS certificate; empty for plain HTTP.
        key: path of its key.
    """

    host: str = "127.0.0.1"
    port: int = 8165
    certificate: str = ""
    key: str = ""

    def url(self, listener: socket.socket) -> str:
        """What clients call the server, by the port that it got."""
        scheme = "https" if self.certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{listener.getsockname()[1]}/gspLive_backend"


def serve(settings: Settings, address: Address, workers: int, *, has_schedules: bool = True) -> None:
    """Serve until told to stop.

    Args:
        settings: of the server and its jobs.
        address: where to listen.
        workers: how many processes run jobs; 0 leaves them to ``sqlflow worker`` processes elsewhere.
        has_schedules: run scheduled jobs again when they are due; false where Airflow does it.

    Raises:
        ConfigError: it would listen to other machines without asking for tokens; or the address, the
            certificate or the store's URL cannot be used.
        StoreUnavailableError: the store does not answer.
        SystemExit: it was told to stop, by SIGTERM or Ctrl-C, and has stopped.
    """
    check_address(settings, address)
    check_certificate(address)
    import uvicorn

    from airflow_provider_sqlflow.api.app import build_app
    from airflow_provider_sqlflow.api.context import LazyServer
    from airflow_provider_sqlflow.api.opening import open_server
    from airflow_provider_sqlflow.api.schedules import ScheduleRunner
    from airflow_provider_sqlflow.ingest.hosts import AllowedHosts

    server = LazyServer(partial(open_server, settings))
    with _exiting_on_signals(), closing(_listen(address)) as listener, closing(server):
        accounts = server.get().state.accounts  # opens the store: better now than at the first request
        if not settings.server_ignore_token and not accounts.list():
            log.warning("nobody has an account yet: sqlflow user add NAME")
        config = uvicorn.Config(
            build_app(server, settings),
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            http="h11",  # the other one takes headers of any length
            ssl_certfile=address.certificate or None,
            ssl_keyfile=address.key or None,
            log_config=None,
            access_log=False,  # query strings hold tokens
            server_header=False,
            timeout_graceful_shutdown=settings.worker_grace_seconds,
        )
        with ExitStack() as beside:
            beside.enter_context(job_workers(settings, workers))
            if has_schedules:
                hosts = AllowedHosts.parse(settings.server_allowed_hosts)
                beside.enter_context(ScheduleRunner(server.get().jobs, hosts).running())
            log.info("listening on %s", address.url(listener))
            uvicorn.Server(config).run([listener])


def _listen(address: Address) -> socket.socket:
    """A socket on the address.

    Raises:
        ConfigError: it cannot be had.
    """
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ConfigError(
            f"cannot listen on {address.host}, port {address.port}: {reason or error}"
        ) from None


@contextmanager
def _exiting_on_signals() -> Iterator[None]:
    """SIGTERM and Ctrl-C end the process as asked. While uvicorn serves, it stops first and then says so."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def check_address(settings: Settings, address: Address) -> None:
    """Refuse to be open to everybody.

    Raises:
        ConfigError: other machines would get in without a token.
    """
    if settings.server_ignore_token and not is_loopback(address.host):
        raise ConfigError(
            f"the server asks for no token, so it does not listen on {address.host}: anybody could use it; "
            "listen on 127.0.0.1, or unset SQLFLOW_SERVER_IGNORE_TOKEN and add users with sqlflow user add"
        )


def check_certificate(address: Address) -> None:
    """Refuse a certificate that cannot be served, before anything is started.

    Raises:
        ConfigError: there is a key without a certificate, or either cannot be read, or they do not belong
            together, or the key asks for a password.
    """
    import ssl

    if not address.certificate:
        if address.key:
            raise ConfigError("a key without a certificate: the server would speak plain HTTP")
        return
    try:
        # Whoever runs a server is not there to type a password.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            address.certificate, address.key or None, password=lambda: ""
        )
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot serve certificate {address.certificate} with key {address.key or address.certificate}: "
            f"{error}; both are PEM files, and the key has no password"
        ) from None


@contextmanager
def job_workers(settings: Settings, count: int) -> Iterator[None]:
    """Worker processes for as long as the context lasts."""
    if not count:
        yield
        return
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(settings, count))
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _work(settings: Settings, count: int) -> None:
    from airflow_provider_sqlflow.jobs.runners.process import log_to_stderr
    from airflow_provider_sqlflow.jobs.runners.supervisor import Supervisor
    from airflow_provider_sqlflow.jobs.runners.worker import WorkUntil

    log_to_stderr()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Supervisor(settings, settings.queues, WorkUntil.STOPPED, count).run()


def _end_with_parent() -> None:
    """Stop as asked when the server's process is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
