"""Lineage of a whole SQL repository: one job a dialect, waited for and exported.

Without parameters it analyses the retail warehouse beside this file, whose subfolders are named after
their SQL dialects. Trigger it with ``sql`` (a folder, file or zip archive) and ``dialect`` for your own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task

from airflow_provider_sqlflow.operators.sqlflow import SqlFlowExportOperator, SqlFlowSubmitJobOperator
from airflow_provider_sqlflow.sensors.sqlflow import SqlFlowJobSensor

WAREHOUSE = Path(__file__).resolve().parent / "sql"
# BigQuery names of the warehouse leave out the project that its queries run in.
DEFAULT_DATABASES = {"bigquery": "shop-analytics"}
FORMATS = ["json", "csv", "graphml", "svg", "openlineage"]


def plan_jobs(sql: str, dialect: str, output: str) -> list[dict[str, Any]]:
    """One lineage job for ``sql``, or, without a dialect, one for each subfolder named after one.

    Each job comes as the arguments of its submit task and the folder for its exported files.
    """
    from airflow_provider_sqlflow import conf
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect
    from airflow_provider_sqlflow.errors import ConfigError, UnreadableInputError

    root = Path(sql).expanduser()
    if not root.exists():
        raise UnreadableInputError(f"{root} does not exist: give a folder, a .sql file or a .zip archive")
    if dialect:
        folders = [(resolve_dialect(dialect), root)]
    else:
        folders = [
            (name, path) for path in sorted(root.glob("*/")) if (name := dialect_of(path.name)) is not None
        ]
    if not folders:
        raise ConfigError(f"no folder in {root} is named after a SQL dialect: give the dialect of its files")
    target = Path(output).expanduser() if output else Path(conf.home()) / "lineage"
    databases = DEFAULT_DATABASES if root.resolve() == WAREHOUSE else {}
    return [
        {
            "submit": {
                "job_name": path.stem,
                "dialect": name,
                "paths": str(path.resolve()),
                "default_database": databases.get(name),
            },
            "output_path": f"{target / path.stem}/",
        }
        for name, path in folders
    ]


def dialect_of(folder_name: str) -> str | None:
    """The dialect that a folder is named after, if any."""
    from airflow_provider_sqlflow.engine.dialects import resolve_dialect
    from airflow_provider_sqlflow.errors import UnknownDialectError

    try:
        return resolve_dialect(folder_name)
    except UnknownDialectError:
        return None


# [START sqlflow_lineage_job]
@dag(
    schedule=None,
    tags=["sqlflow", "example"],
    doc_md=__doc__,
    params={
        "sql": Param(str(WAREHOUSE), type="string", description="Folder, file or zip"),
        "dialect": Param("", type="string", description="Empty: subfolders are named after dialects"),
        "output": Param("", type="string", description="Folder for the exported files"),
    },
)
def example_sqlflow_lineage_job():
    @task
    def plan(params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        from airflow_provider_sqlflow.hooks.outcome import airflow_errors

        with airflow_errors():
            return plan_jobs(params["sql"], params["dialect"], params["output"])

    planned = plan()
    submitted = SqlFlowSubmitJobOperator.partial(task_id="submit", wait_for_termination=False).expand_kwargs(
        planned.map(lambda job: job["submit"])
    )
    ended = SqlFlowJobSensor.partial(task_id="wait", poke_interval=5, timeout=3600).expand(
        job_id=submitted.output.map(lambda job: job["job_id"])
    )
    exported = SqlFlowExportOperator.partial(task_id="export", formats=FORMATS).expand_kwargs(
        ended.output.zip(planned).map(
            lambda pair: {"job_id": pair[0]["job_id"], "output_path": pair[1]["output_path"]}
        )
    )

    @task
    def summarize(jobs: list[dict[str, Any]], exports: list[dict[str, Any]]) -> list[dict[str, Any]]:
        summary = [{**job, "exports": export["exports"]} for job, export in zip(jobs, exports, strict=True)]
        for job in summary:
            print(f"{job['job_name']}: {job['status']}, {job['counts']['column_edges']} column edges")
            for export in job["exports"]:
                print(f"  {export['path']} ({export['size']} bytes)")
        return summary

    summarize(ended.output, exported.output)


# [END sqlflow_lineage_job]
lineage_dag = example_sqlflow_lineage_job()
