"""A Dag's plan as a Python file that Airflow loads: the alternative to making Dags while parsing."""

from __future__ import annotations

from collections.abc import Iterator
from pprint import pformat
from typing import Any

from airflow_provider_sqlflow.jobs.schedules.model import DagPlan, TaskPlan

_WIDTH = 100


def render_dag(plan: DagPlan, origin: str) -> str:
    """The file of one Dag. The same plan gives the same bytes.

    Args:
        plan: the Dag.
        origin: what the file says it was written from.
    """
    imports: dict[str, set[str]] = {"airflow.sdk": {"DAG"}}
    if plan.cron is not None:
        imports["airflow.sdk"].add("CronTriggerTimetable")
    for task in plan.tasks:
        module, _, name = task.operator.rpartition(".")
        imports.setdefault(module, set()).add(name)
    lines = [
        f'"""{_in_docstring(plan.description)}',
        "",
        f"Written by `sqlflow dags render` from {_in_docstring(origin)}: change that and render again.",
        '"""',
        "",
        "from datetime import timedelta",
        "",
    ]
    if plan.cron is not None or plan.start_date is not None:
        lines.append("import pendulum")
    lines += [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items())]
    lines += ["", "with DAG(", *(f"    {line}" for line in _dag_arguments(plan)), ") as dag:"]
    for task in plan.tasks:
        lines += [f"    {line}" for line in _task(task)]
    lines += [f"    {' >> '.join(task.task_id for task in plan.tasks)}"]
    return "\n".join(lines) + "\n"


def _dag_arguments(plan: DagPlan) -> Iterator[str]:
    schedule = "None"
    if plan.cron is not None:
        zone = f"pendulum.timezone({plan.timezone!r})"
        schedule = f"CronTriggerTimetable({plan.cron!r}, timezone={zone})"
    yield f"dag_id={plan.dag_id!r},"
    yield f"dag_display_name={plan.display_name!r},"
    yield f"description={plan.description!r},"
    yield f"schedule={schedule},"
    if plan.start_date is not None:
        day = plan.start_date
        yield f"start_date=pendulum.datetime({day.year}, {day.month}, {day.day}, tz={plan.timezone!r}),"
    yield "catchup=False,"
    yield "max_active_runs=1,"
    yield f"tags={list(plan.tags)!r},"
    yield f"doc_md={plan.doc!r},"
    yield (
        f"default_args={{'owner': {plan.owner!r}, 'retries': {plan.retries!r}, "
        f"'retry_delay': timedelta(seconds={plan.retry_delay!r})}},"
    )


def _task(task: TaskPlan) -> Iterator[str]:
    yield f"{task.task_id} = {task.operator.rpartition('.')[2]}("
    yield f"    task_id={task.task_id!r},"
    for name, value in task.arguments.items():
        first, *more = pformat(_plain(value), width=_WIDTH, sort_dicts=False).splitlines()
        yield f"    {name}={first}" + ("," if not more else "")
        yield from (f"    {line}" for line in more[:-1])
        if more:
            yield f"    {more[-1]},"
    yield ")"


def _plain(value: Any) -> Any:
    """Lists and dicts of the value: what a person would write."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "items"):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _in_docstring(text: str) -> str:
    """Text that cannot end the docstring it stands in."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
