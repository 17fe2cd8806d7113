"""A notifier that tells what a task's lineage job found."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.context import context_merge

from airflow_provider_sqlflow.errors import SqlFlowError
from airflow_provider_sqlflow.hooks.outcome import job_summary
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.model import JobCounts, JobId

if TYPE_CHECKING:
    from airflow.sdk import Context

DEFAULT_MESSAGE = (
    "{% if sqlflow.job_id %}"
    "Lineage job {{ sqlflow.job_name }} of {{ ti.dag_id }}.{{ ti.task_id }} is {{ sqlflow.status }}"
    "{% if sqlflow.status != 'unknown' %}: {{ sqlflow.counts.statements }} statements "
    "({{ sqlflow.counts.failed_statements }} not understood), {{ sqlflow.counts.relations }} relations, "
    "{{ sqlflow.counts.column_edges }} column edges{% endif %}"
    "{% if sqlflow.error %}; {{ sqlflow.error }}{% endif %}"
    "{% if sqlflow.url %}; {{ sqlflow.url }}{% endif %}"
    "{% else %}{{ ti.dag_id }}.{{ ti.task_id }}: no lineage job was submitted{% endif %}"
)


class SqlFlowNotifier(BaseNotifier):
    """Send a message about a task's lineage job: its status, counts and link.

    For ``on_success_callback``, ``on_failure_callback`` and the other callbacks of tasks. Without ``send``
    and ``notifiers`` the message goes to the log. In templates ``sqlflow`` is the job: ``job_id``,
    ``job_name``, ``dialect``, ``status``, ``error``, ``counts`` (with a member for each count), ``url`` and
    ``lineage_url``; without a job ``job_id`` is empty, and for one that cannot be looked up ``status`` is
    ``unknown``.

    Args:
        message: what to say (templated).
        send: called with the message: a function, or a bound method of any hook.
        notifiers: other notifiers to call; their templates may name ``sqlflow`` and ``sqlflow_message``.
        job_id: the job; by default the one that the task submitted (templated).
        sqlflow_conn_id: id of the connection (templated).
    """

    template_fields: Sequence[str] = ("message", "job_id", "sqlflow_conn_id")

    def __init__(
        self,
        *,
        message: str = DEFAULT_MESSAGE,
        send: Callable[[str], Any] | None = None,
        notifiers: Sequence[BaseNotifier] = (),
        job_id: str = "",
        sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.message = message
        self.send = send
        self.notifiers = tuple(notifiers)
        self.job_id = job_id
        self.sqlflow_conn_id = sqlflow_conn_id

    def __call__(self, *args: Any) -> None:
        """Look the job up, render, and send. Rendering is done on a copy: callbacks are called repeatedly."""
        super(SqlFlowNotifier, copy.copy(self)).__call__(*args)

    def __await__(self) -> Generator[Any, Any, None]:
        """The same on an event loop, which is never blocked."""
        return asyncio.to_thread(self, self.context).__await__()

    def notify(self, context: Context) -> None:
        """Send the rendered message."""
        if self.send is not None:
            self.send(self.message)
        elif not self.notifiers:
            self.log.info(self.message)
        for notifier in self.notifiers:
            notifier({**context, "sqlflow_message": self.message})

    def _update_context(self, context: Context) -> Context:
        """Add ``sqlflow``, which the message's template names."""
        context_merge(context, {"sqlflow": self._job(context)})
        return super()._update_context(context)

    def _job(self, context: Context) -> dict[str, Any]:
        job_id = str(self.render_template(self.job_id, context) or _submitted(context) or "")
        unknown = {
            "job_id": job_id,
            "job_name": job_id,
            "dialect": "",
            "status": "unknown",
            "error": "",
            "counts": asdict(JobCounts()),
            "url": "",
            "lineage_url": "",
        }
        if not job_id:
            return unknown
        hook = SqlFlowHook(str(self.render_template(self.sqlflow_conn_id, context)))
        try:
            job = hook.get_job(JobId(job_id))
            return {
                **job_summary(job),
                "url": hook.job_url(job.id),
                "lineage_url": hook.lineage_url(job.id),
            }
        except SqlFlowError as error:
            return {**unknown, "error": str(error)}
        finally:
            hook.close()


def _submitted(context: Context) -> Any:
    """The id that the task pushed when it submitted its job."""
    ti = context.get("ti")
    if ti is None:
        return None
    return ti.xcom_pull(task_ids=ti.task_id, key="job_id", map_indexes=ti.map_index)
