"""Plans made into Dags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any

import pendulum
from airflow.sdk import DAG, CronTriggerTimetable

from airflow_provider_sqlflow.dag_factory.operators import SqlFlowProblemsOperator
from airflow_provider_sqlflow.jobs.schedules.model import DAG_ID_PREFIX, DagPlan, Problem


def build_dag(plan: DagPlan) -> DAG:
    """The Dag of a plan. The same plan gives the same Dag, so that parsing makes no new versions of it."""
    day, zone = plan.start_date, pendulum.timezone(plan.timezone)
    with DAG(
        dag_id=plan.dag_id,
        dag_display_name=plan.display_name,
        description=plan.description,
        schedule=None if plan.cron is None else CronTriggerTimetable(plan.cron, timezone=zone),
        start_date=None if day is None else pendulum.datetime(day.year, day.month, day.day, tz=zone),
        catchup=False,
        max_active_runs=1,
        tags=list(plan.tags),
        doc_md=plan.doc,
        default_args={
            "owner": plan.owner,
            "retries": plan.retries,
            "retry_delay": timedelta(seconds=plan.retry_delay),
        },
    ) as dag:
        before: Any = None
        for task in plan.tasks:
            operator = _operator_class(task.operator)(task_id=task.task_id, **task.arguments)
            if before is not None:
                before >> operator
            before = operator
    return dag


def build_problems(place: str, problems: Sequence[Problem]) -> DAG:
    """A Dag that nobody schedules, and whose page says what is wrong."""
    listed = "\n".join(f"- `{str(problem).replace('`', chr(39))}`" for problem in problems)
    with DAG(
        dag_id=problems_dag_id(place),
        dag_display_name=f"{place}: {len(problems)} not usable",
        description=str(problems[0])[:500],
        schedule=None,
        catchup=False,
        tags=["invalid", "sqlflow"],
        doc_md=f"These entries could not become Dags:\n\n{listed}\n",
    ) as dag:
        SqlFlowProblemsOperator(task_id="problems", problems=[str(problem) for problem in problems])
    return dag


def problems_dag_id(place: str) -> str:
    """The id of the Dag that shows the problems of a file."""
    return f"{DAG_ID_PREFIX}problems__{re.sub(r'[^A-Za-z0-9]+', '_', place)}"


@cache
def _operator_class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
