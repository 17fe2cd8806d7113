"""A worker as a process: its store, its log, its signals."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from airflow_provider_sqlflow.errors import StoreUnavailableError
from airflow_provider_sqlflow.jobs.execution import Execution
from airflow_provider_sqlflow.jobs.runners.outage import StoreOutage
from airflow_provider_sqlflow.jobs.runners.stopping import StopRequest, stopping_on_signals
from airflow_provider_sqlflow.jobs.runners.worker import Worker, WorkUntil
from airflow_provider_sqlflow.jobs.service import utc_now
from airflow_provider_sqlflow.jobs.store.base import JobStore
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)

STORE_RETRY_SECONDS = 3
"""How long the store itself tries again in silence, before the worker says so and waits."""


def run_worker(
    settings: Settings, queues: tuple[str, ...], until: WorkUntil, *, is_child: bool = False
) -> None:
    """Work in this process until told to stop; needs the main thread.

    A store that does not answer yet is waited for.

    Args:
        settings: where the store is, and how to work.
        queues: the queues to serve; the settings' when empty.
        until: when to end without being told.
        is_child: a supervisor started this process; it passes signals on, and when it dies this one stops.

    Raises:
        ConfigError: the store's URL cannot be used.
        StoreVersionError: the store is newer than this code.
    """
    stop = StopRequest()
    with stopping_on_signals(stop, settings.worker_grace_seconds, ignores_interrupt=is_child):
        if is_child:
            _stop_with_parent()
        try:
            with opened_worker(settings, stop, queues) as worker:
                worker.run(until)
        except StoreUnavailableError:
            if not stop.is_made:
                raise
        finally:
            _kill_helpers()


@contextmanager
def opened_worker(settings: Settings, stop: StopRequest, queues: Sequence[str] = ()) -> Iterator[Worker]:
    """A worker over the store of the settings, which is waited for.

    Args:
        settings: where the store is, and how to work.
        stop: asks the worker to end.
        queues: the queues to serve; the settings' when empty.

    Raises:
        ConfigError: the store's URL cannot be used.
        StoreVersionError: the store is newer than this code.
        StoreUnavailableError: asked to stop before the store answered.
    """
    store = _open_store(settings, stop)
    try:
        yield Worker(store, Execution(store, settings, utc_now).run, settings, utc_now, stop, queues=queues)
    finally:
        store.close()


def log_to_stderr() -> None:
    """What this package has to say from ``INFO`` on, what others have to say from ``WARNING`` on."""
    logging.basicConfig(format="%(asctime)s %(levelname)s [%(process)d] %(message)s")
    logging.getLogger("airflow_provider_sqlflow").setLevel(logging.INFO)


def _open_store(settings: Settings, stop: StopRequest) -> JobStore:
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

    url = settings.resolved_store_url()
    store = StoreOutage(log).outlast(lambda: SqlJobStore(url, STORE_RETRY_SECONDS), stop)
    log.info("store %s", store.shown_url)
    return store


def _stop_with_parent() -> None:
    """When the supervisor has died, this process is to stop as if told to."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="sqlflow-supervisor-watch", daemon=True).start()


def _kill_helpers() -> None:
    """End the processes that analyse files: their results are of no use any more, and exit waits for them."""
    for child in multiprocessing.active_children():
        child.kill()
