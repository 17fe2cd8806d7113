"""Looks into the job store for a Dag file: once, and within seconds, because a Dag processor waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_sqlflow.errors import JobNotFoundError, StoreUnavailableError
from airflow_provider_sqlflow.jobs.model import Job, JobId

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.store.base import JobReader

ANSWER_SECONDS = 5.0
"""After so long a store counts as unreachable; Airflow gives a Dag file 30 seconds in all."""

_CONNECT_SECONDS = "3"
Answer = TypeVar("Answer")


def list_scheduled(url: str, seconds: float = ANSWER_SECONDS) -> tuple[Job, ...]:
    """Persist jobs with a schedule, paused ones too, by id; none where there is no store yet.

    Args:
        url: of the store.
        seconds: how long to wait for an answer.

    Raises:
        ConfigError: the URL is of no database that can hold the store.
        StoreUnavailableError: the store did not answer in time.
        StoreVersionError: its schema is newer than this code.
    """
    return _ask(url, lambda store: store.list_scheduled(), seconds) or ()


def find_job(url: str, job_id: JobId, seconds: float = ANSWER_SECONDS) -> Job | None:
    """A job, if the store has it. Raises what :func:`list_scheduled` does."""

    def look(store: JobReader) -> Job | None:
        try:
            return store.get_job(job_id)
        except JobNotFoundError:
            return None

    return _ask(url, look, seconds)


def _ask(url: str, question: Callable[[JobReader], Answer], seconds: float) -> Answer | None:
    """The answer to a question; ``None`` where there is no store yet.

    Another thread asks: the time limits of drivers leave out name look-ups and servers that accept a
    connection but never answer.
    """
    answers: list[Answer | None] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(_answer(url, question))
        except BaseException as error:  # noqa: BLE001  # raised where it was asked
            errors.append(error)

    thread = threading.Thread(target=work, name="sqlflow-store", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise StoreUnavailableError(f"the job store {_shown(url)} did not answer within {seconds:g} seconds")
    return answers[0]


def _answer(url: str, question: Callable[[JobReader], Answer]) -> Answer | None:
    from airflow_provider_sqlflow.jobs.store.database import Database
    from airflow_provider_sqlflow.jobs.store.schema import current_revision
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

    hurried = _hurried(url)
    database = Database(hurried, retry_seconds=0)
    try:
        if current_revision(database) is None:
            return None
    finally:
        database.close()
    store = SqlJobStore(hurried, retry_seconds=0)
    try:
        return question(store)
    finally:
        store.close()


def _hurried(url: str) -> str:
    """The URL with short time limits, where it has none of its own."""
    from sqlalchemy import exc, make_url

    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        return url  # opening it says what is wrong
    limit = "timeout" if parsed.get_backend_name() == "sqlite" else "connect_timeout"
    if limit in parsed.query:
        return url
    return parsed.update_query_dict({limit: _CONNECT_SECONDS}).render_as_string(hide_password=False)


def _shown(url: str) -> str:
    from airflow_provider_sqlflow.jobs.store.database import Database

    return Database(url).shown_url
