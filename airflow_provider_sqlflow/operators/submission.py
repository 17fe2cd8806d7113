"""What a task remembers about the job it submitted, so that a retry neither loses nor doubles it.

Airflow's task state store (3.3) survives a crashed or killed try, and holds here what was submitted: a digest
of the request and of what its files hold, a token, and the job's id once it is known. The idempotency key of
the submit follows from task instance, digest and token, so a try that died between submitting and noting the
id finds its job all the same. A try that ends on its own forgets, so that a retry after a failed job, or a
cleared task, analyses again.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.errors import JobNotFoundError
from airflow_provider_sqlflow.jobs.document import request_digest
from airflow_provider_sqlflow.jobs.model import Job, JobFilter, JobId, JobRequest, JobStatus, TaskOrigin

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


def task_origin(ti: RuntimeTaskInstanceProtocol) -> TaskOrigin:
    """The task instance as a job's origin."""
    map_index = -1 if ti.map_index is None else ti.map_index
    return TaskOrigin(ti.dag_id, ti.run_id, ti.task_id, map_index, ti.try_number)


def submit_once(
    hook: SqlFlowHook,
    request: JobRequest,
    content: str,
    context: Context,
    submit: Callable[[JobRequest], Job],
) -> Job:
    """Submit a job, or return the one that an interrupted try of the same task instance submitted.

    Args:
        hook: where the job is looked up.
        request: the job, without idempotency key and origin.
        content: digest of what the request's sources hold.
        context: the task's context, for its state store.
        submit: submits.
    """
    state = context["task_state_store"]
    tag = instance_tag(context["ti"])
    digest = hashlib.sha256(f"{request_digest(request)}\n{content}".encode()).hexdigest()
    previous = state.get(STATE_KEY)
    token = uuid.uuid4().hex
    if isinstance(previous, dict):
        job = _pick_up(hook, previous, digest, tag)
        if job is not None:
            return job
        if previous.get("digest") == digest and not previous.get("job_id"):
            token = str(previous["token"])
    submission: dict[str, JsonValue] = {"digest": digest, "token": token}
    state.set(STATE_KEY, submission)
    key = hashlib.sha256(f"{tag}\n{digest}\n{token}".encode()).hexdigest()
    tags = (*request.tags, tag)
    job = submit(replace(request, idempotency_key=key, tags=tags, origin=task_origin(context["ti"])))
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
    if previous.get("digest") != digest:
        for leftover in cancel_active_jobs(hook, tag):
            hook.log.warning("Cancelled job %s, left over from a try with other input", leftover)
        return None
    job_id = previous.get("job_id")
    if not job_id:
        return None  # the try died before it learned the id: its key leads to the job, if there is one
    try:
        job = hook.resume_job(JobId(str(job_id)))
    except JobNotFoundError:
        return None
    if job.status.is_terminal and not job.status.has_result:
        return None
    hook.log.info("An earlier try submitted job %s (%s): going on with it", job.id, job.status.value)
    return job
