"""What a scheduled job's Dag looks like, as plain values: Dags and Python files are made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

DAG_ID_PREFIX = "sqlflow_"
STORED_PREFIX = f"{DAG_ID_PREFIX}persist_"
"""Dags of jobs in the store: the prefix and the job's id, which no change of the job changes."""

JOB_TAG_PREFIX = "airflow-dag:"
"""The tag that ties a job in the store to the Dag of a declared job."""

DEFAULT_OWNER = "sqlflow"
MAX_TAG_CHARS = 100
"""Airflow's limit."""


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """One task.

    Attributes:
        task_id: its id.
        operator: dotted path of the class.
        arguments: keyword arguments that differ from the class's defaults; plain values.
    """

    task_id: str
    operator: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DagPlan:
    """One Dag: its tasks run one after the other.

    Attributes:
        dag_id: stable as long as the job exists.
        display_name: what people see.
        description: one line for people.
        cron: five fields, or ``None`` for a Dag that only people run.
        timezone: IANA name, of ``cron`` and ``start_date``.
        start_date: no scheduled run before this day.
        owner: of the Dag.
        tags: sorted, each within Airflow's limit.
        retries: of each task.
        retry_delay: seconds between two tries.
        doc: Markdown for the Dag's page.
        tasks: in order.
    """

    dag_id: str
    display_name: str
    description: str
    cron: str | None
    timezone: str
    start_date: date | None
    owner: str
    tags: tuple[str, ...]
    retries: int
    retry_delay: float
    doc: str
    tasks: tuple[TaskPlan, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry that cannot become a Dag, and why. ``line`` counts from 1, 0 where unknown."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


def dag_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Tags as a Dag may have them: no blank one, none over the limit, in a stable order."""
    return tuple(sorted({one_line(tag)[:MAX_TAG_CHARS].strip() for tag in ("sqlflow", *tags)} - {""}))


def one_line(text: str) -> str:
    """Text of anybody's as one printable line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
