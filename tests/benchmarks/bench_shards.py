"""A job in one task and shared between mapped tasks: wall time of Dag runs on a running Airflow.

    python tests/benchmarks/bench_shards.py [--files 100 1000 5000] [--shards 1 2 4] [--parallelism 2]

``airflow standalone`` with the LocalExecutor, PostgreSQL as the job store, emptied before each run. The files
are those of bench_jobs.py. Seconds from the start of the Dag run to its end, and those that each task ran; of
mapped tasks, from the first start to the last end.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import psycopg

from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore
from airflow_provider_sqlflow.jobs.store.tables import metadata
from tests.benchmarks.bench_jobs import write_files
from tests.postgres_server import running_postgres
from tests.system.conftest import airflow_environment, run_airflow
from tests.system.standalone import Standalone, running_standalone

DAGS = Path(__file__).parents[1] / "system" / "dags"
ORDER = ("submit", "wait", "plan", "declare", "analyze", "merge", "export")


def seconds(tasks: list[dict[str, str]]) -> float:
    """From the first start to the last end."""
    starts = min(datetime.fromisoformat(task["start_date"]) for task in tasks)
    ends = max(datetime.fromisoformat(task["end_date"]) for task in tasks)
    return (ends - starts).total_seconds()


def measure(airflow: Standalone, shards: int, files: int, folder: Path, dialect: str) -> None:
    """Run the Dag once, and print a line."""
    conf = {"paths": str(folder), "output": str(folder.parent / "out"), "dialect": dialect}
    path, run = airflow.run_dag(f"sharded_{shards}", conf, seconds=3600)
    assert run["state"] == "success", airflow.tail()
    tasks = airflow.get(f"{path}/taskInstances")["task_instances"]
    by_name: dict[str, list[dict[str, str]]] = {}
    for task in tasks:
        by_name.setdefault(task["task_id"].partition(".")[2], []).append(task)
    parts = ", ".join(f"{name} {seconds(by_name[name]):.1f}" for name in ORDER if name in by_name)
    print(f"{files:6} files, {shards} shard(s): {seconds([run]):7.1f} s ({parts})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 2, 4], choices=[1, 2, 4])
    parser.add_argument("--parallelism", type=int, default=2)
    parser.add_argument("--dialect", default="snowflake")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sqlflow-bench-shards-") as name, running_postgres() as host:
        root = Path(name)
        home = root / "home"
        home.mkdir()
        run_airflow(home, "db", "migrate")
        url = f"postgresql://postgres@/postgres?host={host}"
        SqlJobStore(url).close()
        settings = {
            **airflow_environment(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(arguments.parallelism),
            "AIRFLOW__SQLFLOW__STORE_URL": url,
        }
        with running_standalone(settings, root) as airflow:
            for files in arguments.files:
                folder = root / "sql"
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                write_files(folder, files, arguments.dialect)
                for shards in arguments.shards:
                    with psycopg.connect(url) as connection:
                        connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY".encode())
                    measure(airflow, shards, files, folder, arguments.dialect)


if __name__ == "__main__":
    main()
