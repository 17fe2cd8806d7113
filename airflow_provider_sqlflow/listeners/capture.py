"""The listener that reads the SQL of other operators when their task has ended.

It wraps the other listeners: what it prepares is there when the OpenLineage provider makes its event, and the
job store hears after that. A task never waits longer than ``[sqlflow] capture_seconds`` for either, and no
error of ours reaches it.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

from airflow.listeners import hookimpl

from airflow_provider_sqlflow import conf

log = logging.getLogger(__name__)


class SqlCaptureListener:
    """Captures the SQL of tasks as ``[sqlflow] capture_sql`` says."""

    def __init__(self) -> None:
        self._reported_before = 0

    @hookimpl(wrapper=True)
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> Generator[None, Any, Any]:
        """Keep the default parser's column lineage out of the START event: ours is there at the end."""
        with ExitStack() as stack:
            try:
                self._before_run(task_instance, stack)
            except Exception:
                log.warning("Capture of SQL was not prepared; the task is not affected", exc_info=True)
            return (yield)

    @hookimpl(wrapper=True)
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> Generator[None, Any, Any]:
        """Put our lineage into the COMPLETE event, and into the store."""
        return (yield from self._around(task_instance, is_success=True))

    @hookimpl(wrapper=True)
    def on_task_instance_failed(
        self, previous_state: Any, task_instance: Any, error: Any
    ) -> Generator[None, Any, Any]:
        """Put our lineage into the FAIL event. The store hears nothing: who knows what was written."""
        return (yield from self._around(task_instance, is_success=False))

    def _before_run(self, task_instance: Any, stack: ExitStack) -> None:
        from airflow_provider_sqlflow.listeners.task_sql import count_reported

        self._reported_before = count_reported()
        task = getattr(task_instance, "task", None)
        if "openlineage" not in conf.capture_sql() or not callable(getattr(task, "get_db_hook", None)):
            return
        from airflow_provider_sqlflow.listeners.event_lineage import without_column_lineage
        from airflow_provider_sqlflow.listeners.extractor import changed_extraction, emission_of

        emission = emission_of(task)
        if emission is not None and emission.takes_operators:
            stack.enter_context(changed_extraction(emission, task, without_column_lineage))

    def _around(self, task_instance: Any, *, is_success: bool) -> Generator[None, Any, Any]:
        readings: list[Any] = []
        with ExitStack() as stack:
            try:
                readings = self._before_event(task_instance, stack, is_success)
            except Exception:
                log.warning("SQL of the task was not captured; the task is not affected", exc_info=True)
            result = yield
        if readings and is_success and "store" in conf.capture_sql():
            _learn(readings, task_instance)
        return result

    def _before_event(self, task_instance: Any, stack: ExitStack, is_success: bool) -> list[Any]:
        task = getattr(task_instance, "task", None)
        if task is None or not hasattr(task_instance, "get_template_context"):
            return []  # somebody changed the state by hand: nothing has run here
        from airflow_provider_sqlflow.listeners.event_lineage import event_lineage
        from airflow_provider_sqlflow.listeners.extractor import (
            changed_extraction,
            emission_of,
            lineage_change,
        )
        from airflow_provider_sqlflow.listeners.reading import in_time

        emission = emission_of(task)
        if emission is not None and not emission.takes_operators:
            return []  # the platform's policy: no lineage of this task
        takes_events = emission is not None and "openlineage" in conf.capture_sql()
        if not takes_events and not (is_success and "store" in conf.capture_sql()):
            return []
        takes_hooks = emission is None or emission.takes_hooks
        seconds = conf.capture_seconds()
        readings = in_time(
            "Reading the task's SQL", seconds, lambda: self._read(task_instance, takes_hooks, seconds)
        )
        if readings and takes_events and emission is not None:
            ours = event_lineage(readings, includes_sql=conf.openlineage_include_sql())
            if ours.has_datasets:
                change = lineage_change(emission, task_instance, ours)
                stack.enter_context(changed_extraction(emission, task, change))
        return readings or []

    def _read(self, task_instance: Any, takes_hooks: bool, seconds: float) -> list[Any]:
        from airflow_provider_sqlflow.listeners.learning import source_name
        from airflow_provider_sqlflow.listeners.reading import read_sql
        from airflow_provider_sqlflow.listeners.task_sql import operator_sql, reported_sql

        own = operator_sql(task_instance.task)
        found = [own] if own else reported_sql(self._reported_before) if takes_hooks else []
        limit = conf.capture_max_chars()
        if sum(len(sql.text) for sql in found) > limit:
            log.warning("The task's SQL is longer than %d characters and was not captured", limit)
            return []
        settings = conf.settings()
        return [read_sql(sql, source_name(task_instance), settings, seconds) for sql in found]


def _learn(readings: list[Any], task_instance: Any) -> None:
    try:
        from airflow_provider_sqlflow.listeners.learning import learn
        from airflow_provider_sqlflow.listeners.reading import in_time

        in_time(
            "Keeping the task's lineage",
            conf.capture_seconds(),
            lambda: learn(readings, task_instance, conf.settings()),
        )
    except Exception:
        log.warning("The task's lineage was not kept; the task is not affected", exc_info=True)
