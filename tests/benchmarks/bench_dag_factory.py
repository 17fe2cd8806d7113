"""What it costs to parse a file of many persist jobs, against the same number of empty Dags.

python tests/benchmarks/bench_dag_factory.py [DAGS]

Own CPU time in one process, the best of three: making the Dags as a Dag file does, then what Airflow's
processor adds to each (serialization). The ratio says what a persist job's Dag of five tasks
costs beside a Dag without tasks, and beside a hand-written Dag of five tasks. Queries are counted.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_folder = tempfile.TemporaryDirectory(prefix="sqlflow-bench-")
os.environ["AIRFLOW_HOME"] = _folder.name
os.environ["AIRFLOW__SQLFLOW__STORE_URL"] = f"sqlite:///{_folder.name}/store.db"
os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable, chain  # noqa: E402
from airflow.serialization.serialized_objects import DagSerialization  # noqa: E402
from sqlalchemy import Engine, event  # noqa: E402

from airflow_provider_sqlflow.dag_factory import dags_from_store, dags_from_yaml  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2]))
from airflow_provider_sqlflow.jobs.model import JobKind, Schedule  # noqa: E402
from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore  # noqa: E402
from tests.jobs.factories import make_job, make_request  # noqa: E402

REPEATS = 3


def main() -> None:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    fill_store(number)
    path = write_yaml(number)
    empty = measure("empty Dags", lambda: [empty_dag(at) for at in range(number)], number)
    plain = measure("five plain tasks", lambda: [plain_dag(at) for at in range(number)], number)
    queries: list[str] = []
    event.listen(Engine, "before_cursor_execute", lambda _1, _2, text, _3, _4, _5: queries.append(text))
    stored = measure("from the store", lambda: list(dags_from_store().values()), number)
    declared = measure("from YAML", lambda: list(dags_from_yaml(path).values()), number)
    print(f"statements sent to the store in one parse: {len(queries) // REPEATS}")
    for name, times in (("from the store", stored), ("from YAML", declared)):
        for step, at in (("making", 0), ("making and serializing", 1)):
            ratios = f"{times[at] / empty[at]:.1f} x empty, {times[at] / plain[at]:.2f} x five plain tasks"
            print(f"{name}, {step}: {ratios}")
    os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = f"sqlflow_persist_{1:032}"
    measure("one of them, for a task", lambda: list(dags_from_store().values()), 1)


def measure(name: str, make: Callable[[], list[DAG]], number: int) -> tuple[float, float]:
    """CPU seconds of making, and of making and serializing."""
    made, both = [], []
    for _ in range(REPEATS):
        began = time.process_time()
        dags = make()
        made.append(time.process_time() - began)
        assert len(dags) == number, len(dags)
        for dag in dags:
            dag.fileloc = "bench.py"
            DagSerialization.to_dict(dag)
        both.append(time.process_time() - began)
    each = min(made) / number * 1000
    print(f"{name:<26} {min(made):6.3f} s CPU ({each:.2f} ms a Dag), serialized too {min(both):6.3f} s")
    return min(made), min(both)


def empty_dag(at: int) -> DAG:
    """A Dag with a schedule and nothing else."""
    return DAG(f"empty_{at}", schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC"))


def plain_dag(at: int) -> DAG:
    """A Dag of five tasks in a row."""
    with DAG(f"plain_{at}", schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC")) as dag:
        tasks = [BaseOperator(task_id=f"task_{number}") for number in range(5)]
        chain(*tasks)
    return dag


def fill_store(number: int) -> None:
    """Persist jobs with schedules."""
    store = SqlJobStore(os.environ["AIRFLOW__SQLFLOW__STORE_URL"])
    for at in range(number):
        job = make_job(
            f"{at:032}",
            name=f"job {at}",
            kind=JobKind.PERSIST,
            tags=("dwh",),
            schedule=Schedule(f"{at % 60} 6 * * *", "Europe/Berlin"),
        )
        store.create_job(job, make_request(), str(at))
    store.close()


def write_yaml(number: int) -> Path:
    """As many declared jobs."""
    path = Path(_folder.name, "jobs.yaml")
    entry = "  job_{0}: {{schedule: '{1} 6 * * *', dialect: postgres, paths: [sql/{0}], tags: [dwh]}}\n"
    path.write_text("jobs:\n" + "".join(entry.format(at, at % 60) for at in range(number)))
    return path


if __name__ == "__main__":
    main()
