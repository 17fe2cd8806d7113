"""What a task remembers about the job it submitted, so that a retry neither loses nor doubles it.

Airflow's task state store (3.3) survives a crashed or killed try. A try that ends on its own forgets
what is stored here, so that a retry after a failed job, or a cleared task whose files have changed,
analyses again.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.errors import JobNotFoundError
from airflow_provider_sqlflow.jobs.document import request_digest
from airflow_provider_sqlflow.jobs.model import Job, JobFilter, JobId, JobRequest, JobStatus

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import RuntimeTaskInstanceProtocol
    from pydantic import JsonValue

    from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook

STATE_KEY = "sqlflow_submission"
_ACTIVE = (JobStatus.CREATE, JobStatus.RUNNING)


def instance_tag(ti: RuntimeTaskInstanceProtocol) -> str:
    """The job tag that names the task instance, without its try: ``airflow:dag/run/task[/map index]``."""
    parts = [ti.dag_id, ti.run_id, ti.task_id]
    if ti.map_index is not None and ti.map_index >= 0:
        parts.append(str(ti.map_index))
    return "airflow:" + "/".join(parts)


def submit_once(hook: SqlFlowHook, request: JobRequest, tag: str, context: Context) -> Job:
    """Submit a job, or return the one that an interrupted try of the same task instance submitted.

    Args:
        hook: where to submit.
        request: the job, without an idempotency key.
        tag: the task instance's tag (:func:`instance_tag`).
        context: the task's context, for its state store.
    """
    state = context["task_state_store"]
    digest = request_digest(request)
    previous = state.get(STATE_KEY)
    if isinstance(previous, dict):
        job = _pick_up(hook, previous, digest, tag)
        if job is not None:
            return job
    submission: dict[str, JsonValue] = {"digest": digest, "token": uuid.uuid4().hex}
    state.set(STATE_KEY, submission)
    key = hashlib.sha256(f"{tag}\n{digest}\n{submission['token']}".encode()).hexdigest()
    job = hook.submit_job(replace(request, idempotency_key=key, tags=(*request.tags, tag)))
    state.set(STATE_KEY, {**submission, "job_id": str(job.id)})
    return job


def forget(context: Context) -> None:
    """Drop the memory: the try has seen the end of its job, or does not wait for it."""
    context["task_state_store"].delete(STATE_KEY)


def cancel_active_jobs(hook: SqlFlowHook, tag: str) -> list[JobId]:
    """Cancel every job of the task instance that has not ended; returns their ids."""
    page = hook.list_jobs(JobFilter(status=_ACTIVE, tag=tag))
    for job in page.jobs:
        hook.cancel_job(job.id)
    return [job.id for job in page.jobs]


def _pick_up(hook: SqlFlowHook, previous: dict[str, Any], digest: str, tag: str) -> Job | None:
    """The interrupted try's job, if it is for the same input and has ended well or still runs."""
    job_id = previous.get("job_id")
    if previous.get("digest") == digest and job_id:
        try:
            job = hook.get_job(JobId(str(job_id)))
        except JobNotFoundError:
            return None
        if job.status.has_result or not job.status.is_terminal:
            hook.log.info("An earlier try submitted job %s (%s): waiting for it", job.id, job.status.value)
            return job
        return None
    # The try ended before it learned its job's id (an embedded job ended with it), or the input changed.
    for leftover in cancel_active_jobs(hook, tag):
        hook.log.warning("Cancelled job %s, left over from an earlier try", leftover)
    return None
