"""``sqlflow dags``: jobs declared in YAML, checked and written as Python files."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.errors import ConfigError, ExportError, UnknownDialectError

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.schedules.declared import DeclaredJob, DeclaredJobs
    from airflow_provider_sqlflow.jobs.schedules.model import Problem

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MARK = "Written by `sqlflow dags render`"


@click.group()
def dags() -> None:
    """Scheduled jobs declared in YAML files, as Dags of Airflow."""


@dags.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
def check(files: tuple[Path, ...]) -> None:
    """Check files of jobs; exit code 1 when an entry cannot become a Dag."""
    declared = _read(files)
    click.echo(f"{len(declared.jobs)} jobs, {len(declared.problems)} problems")
    if declared.problems:
        raise SystemExit(1)


@dags.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_FILE)
@click.option(
    "--output",
    "-o",
    default=".",
    show_default=True,
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the files go: Airflow's Dag folder, or one below it.",
)
def render(files: tuple[Path, ...], output: Path) -> None:
    """Write a Python file for each job: Dags to read, change and keep under version control.

    What an earlier render wrote is replaced; other files are left alone. Files of jobs that are gone stay.
    Exit code 1 when an entry cannot become a Dag; the others are written.
    """
    from airflow_provider_sqlflow.jobs.schedules.plans import plan_declared
    from airflow_provider_sqlflow.jobs.schedules.python_file import render_dag

    declared = _read(files)
    for job in declared.jobs:
        source = Path(job.file)
        plan = plan_declared(job, os.path.relpath(source.parent, output))
        _write(output / f"{plan.dag_id}.py", render_dag(plan, source.name))
    if declared.problems:
        raise SystemExit(1)


def _read(files: tuple[Path, ...]) -> DeclaredJobs:
    """The jobs, with dialects checked too, which would cost too much where Airflow parses Dags."""
    from airflow_provider_sqlflow.jobs.schedules.declared import read_declared

    declared = read_declared(files)
    told = {job.name: problem for job in declared.jobs if (problem := _dialect_problem(job))}
    jobs = tuple(job for job in declared.jobs if job.name not in told)
    declared = replace(declared, jobs=jobs, problems=(*declared.problems, *told.values()))
    for problem in declared.problems:
        click.echo(str(problem), err=True)
    return declared


def _dialect_problem(job: DeclaredJob) -> Problem | None:
    from airflow_provider_sqlflow.jobs.inputs import named_dialect
    from airflow_provider_sqlflow.jobs.schedules.model import Problem

    try:
        if "{{" not in job.dialect:
            named_dialect(job.dialect)
    except UnknownDialectError as error:
        return Problem(job.file, job.line, f"jobs.{job.name}.dialect", str(error))
    return None


def _write(path: Path, text: str) -> None:
    try:
        if path.exists() and _MARK not in path.read_text(encoding="utf-8", errors="replace"):
            raise ConfigError(f"{path} was not written by this command: it is left as it is")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExportError(f"cannot write {path}: {error.strerror}") from None
    click.echo(str(path))
