"""What a Dag file calls. One look into the store, or one read of the files, whatever the number of Dags."""

from __future__ import annotations

import inspect
import logging
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import get_parsing_context

from airflow_provider_sqlflow.dag_factory.build import build_dag, build_problems, problems_dag_id
from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.hooks.sqlflow import SqlFlowHook
from airflow_provider_sqlflow.jobs.schedules.declared import read_declared
from airflow_provider_sqlflow.jobs.schedules.model import DAG_ID_PREFIX, STORED_PREFIX, DagPlan, Problem
from airflow_provider_sqlflow.jobs.schedules.plans import (
    StoredJobOptions,
    plan_declared,
    plan_stored,
    stored_dag_id,
)

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_provider_sqlflow.jobs.model import Job

_STORE = "job store"
_log = logging.getLogger(__name__)


def dags_from_store(
    *,
    output_path: str = "",
    formats: Sequence[str] = ("json",),
    openlineage: bool = False,
    tags: Sequence[str] = (),
    deferrable: bool | None = None,
    fail_on_partial: bool = False,
    timeout: float = 86400,
    retries: int = 1,
    retry_delay: float = 300,
    sqlflow_conn_id: str = SqlFlowHook.default_conn_name,
) -> dict[str, DAG]:
    """A Dag for each persist job of the store that has a schedule, by Dag id.

    A Dag file does ``globals().update(dags_from_store())``. Jobs whose schedule is set, changed or
    cancelled change the Dags at the file's next parse. A worker that runs a task builds that task's Dag
    only, even if its schedule has been cancelled since.

    Args:
        output_path: folder or ObjectStoragePath URL below which each Dag has a folder for its exports; by
            default ``lineage`` in ``[sqlflow] home``, where relative ones are, too; may be templated.
        formats: export formats; none exports nothing.
        openlineage: publish the lineage as OpenLineage events, too.
        tags: of the Dags, beside those of the job.
        deferrable: wait in the triggerer; by default as ``[operators] default_deferrable`` says.
        fail_on_partial: fail when some statement or file of a job gave no lineage.
        timeout: seconds to wait for a job's end.
        retries: of each task.
        retry_delay: seconds between two tries.
        sqlflow_conn_id: the connection whose store is read; one with a host has none.

    Raises:
        StoreUnavailableError: the store did not answer within seconds: an import error of the file.
        ConfigError: the connection names a remote service, or the store's URL cannot be used.
    """
    wanted = get_parsing_context().dag_id
    if wanted is not None and not wanted.startswith(STORED_PREFIX):
        return {}
    options = StoredJobOptions(
        output_path=output_path,
        formats=tuple(formats),
        openlineage=openlineage,
        tags=tuple(tags),
        deferrable=deferrable,
        fail_on_partial=fail_on_partial,
        timeout=timeout,
        retries=retries,
        retry_delay=retry_delay,
        sqlflow_conn_id=sqlflow_conn_id,
    )
    dags: dict[str, DAG] = {}
    problems = []
    for job in _stored_jobs(sqlflow_conn_id, wanted):
        planned = _planned(job, options)
        if isinstance(planned, Problem):
            problems.append(planned)
        else:
            dags[planned.dag_id] = build_dag(planned)
    return {**dags, **_problem_dag(_STORE, problems, wanted)}


def dags_from_yaml(*paths: str | Path) -> dict[str, DAG]:
    """A Dag for each job that YAML files declare, by Dag id.

    An entry that cannot be used does not keep the others from becoming Dags: it is logged, warned about,
    and shown by a Dag of its own, which names file, line and key.

    Args:
        paths: the files; relative ones start at the folder of the Dag file that calls.

    Raises:
        ConfigError: no path is given.
    """
    if not paths:
        raise ConfigError("dags_from_yaml needs the path of a file that declares jobs")
    wanted = get_parsing_context().dag_id
    if wanted is not None and (not wanted.startswith(DAG_ID_PREFIX) or wanted.startswith(STORED_PREFIX)):
        return {}
    folder = _callers_folder()
    files = [folder / path for path in paths]
    declared = read_declared(files, lambda name: wanted in (None, f"{DAG_ID_PREFIX}{name}"))
    seen_from = {str(file): os.path.relpath(file.parent, folder) for file in files}
    plans = [plan_declared(job, seen_from[job.file]) for job in declared.jobs]
    dags = {plan.dag_id: build_dag(plan) for plan in plans}
    for path in files:
        found = [problem for problem in declared.problems if problem.file == str(path)]
        dags.update(_problem_dag(path.name, found, wanted))
    return dags


def _stored_jobs(sqlflow_conn_id: str, wanted: str | None) -> Iterable[Job]:
    from airflow_provider_sqlflow.jobs.model import JobId
    from airflow_provider_sqlflow.jobs.schedules.stored import find_job, list_scheduled

    url = SqlFlowHook(sqlflow_conn_id).store_settings().resolved_store_url()
    if wanted is None:
        return list_scheduled(url)
    job = find_job(url, JobId(wanted.removeprefix(STORED_PREFIX)))
    if job is not None:
        return (job,)
    return tuple(job for job in list_scheduled(url) if stored_dag_id(job.id) == wanted)


def _planned(job: Job, options: StoredJobOptions) -> DagPlan | Problem:
    try:
        return plan_stored(job, options)
    except ConfigError as error:  # its schedule was kept by a version of this package that knew it
        return Problem(_STORE, 0, str(job.id), str(error))


def _problem_dag(place: str, problems: Sequence[Problem], wanted: str | None) -> dict[str, DAG]:
    """The Dag that shows what cannot become one; empty without problems."""
    if not problems or wanted not in (None, problems_dag_id(place)):
        return {}
    for problem in problems:
        _log.error("No Dag for %s", problem)
        warnings.warn_explicit(str(problem), UserWarning, problem.file, problem.line)
    dag = build_problems(place, problems)
    return {dag.dag_id: dag}


def _callers_folder() -> Path:
    """The folder of the first file on the stack that is not this one."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return Path.cwd() if frame is None else Path(frame.f_code.co_filename).absolute().parent
