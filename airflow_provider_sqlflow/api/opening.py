"""Puts a server together from settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow_provider_sqlflow.api.authentication import NoAuthentication, TokenAuthentication
from airflow_provider_sqlflow.api.context import Authenticate, Credentials, Server
from airflow_provider_sqlflow.api.credentials import KeptCredentials, NoCredentials
from airflow_provider_sqlflow.api.state import ServerState
from airflow_provider_sqlflow.api.workers import Workers
from airflow_provider_sqlflow.jobs.runners.base import JobRunner
from airflow_provider_sqlflow.jobs.runners.queued import QueuedRunner
from airflow_provider_sqlflow.jobs.service import JobService
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.settings import Settings


def open_server(
    settings: Settings,
    *,
    runner: JobRunner | None = None,
    authenticate: Authenticate | None = None,
    credentials: Credentials | None = None,
    **more: Any,
) -> Server:
    """The parts of a server over the store of the settings.

    Args:
        settings: where the store is, and limits.
        runner: who runs jobs; without one they wait for workers.
        authenticate: who tells whose request it is; without one, our own accounts and tokens.
        credentials: who gives tokens and secret keys; without one, our own accounts and tokens.
        more: further fields of the server.

    Raises:
        ConfigError: the store's URL cannot be used.
        StoreUnavailableError: the store does not answer.
    """
    # What is uploaded packed may unpack to what could have been uploaded plain.
    settings = replace(
        settings, max_archive_bytes=min(settings.max_archive_bytes, settings.server_max_request_bytes)
    )
    state = ServerState.open(settings)
    store = SqlJobStore(settings.resolved_store_url(), settings.store_retry_seconds)
    if authenticate is None:
        authenticate = (
            NoAuthentication() if settings.server_ignore_token else TokenAuthentication(state.tokens)
        )
    if credentials is None:
        is_open = settings.server_ignore_token
        credentials = NoCredentials() if is_open else KeptCredentials(state.accounts, state.tokens)
    return Server(
        settings,
        # The server itself connects to no database: that may take long, and be somebody else's to do.
        JobService(store, runner or QueuedRunner(), settings, reads_databases=False),
        state,
        Workers(settings.server_parallel, settings.server_queue, settings.server_request_seconds),
        authenticate,
        credentials,
        **more,
    )
