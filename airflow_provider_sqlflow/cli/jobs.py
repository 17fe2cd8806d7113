"""``sqlflow job``: submit lineage jobs and look after them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.cli import rendering
from airflow_provider_sqlflow.cli.export_options import export_options
from airflow_provider_sqlflow.cli.instances import instances
from airflow_provider_sqlflow.cli.options import (
    FORMAT_HELP,
    absolute,
    analysis_options,
    default_name,
    job_sources,
    json_option,
    moment,
    queue_name,
    read_catalog,
)
from airflow_provider_sqlflow.cli.progress import progress_line
from airflow_provider_sqlflow.cli.schedules import schedule
from airflow_provider_sqlflow.cli.state import CliState, pass_state
from airflow_provider_sqlflow.jobs.model import (
    DEFAULT_QUEUE,
    Job,
    JobFile,
    JobFilter,
    JobId,
    JobRequest,
    JobStatus,
    Schedule,
)

if TYPE_CHECKING:
    from airflow_provider_sqlflow.client.base import SqlFlowClient
    from airflow_provider_sqlflow.jobs.model import JobCounts

_STATUSES = [status.value for status in JobStatus if status is not JobStatus.UNKNOWN]


@click.group()
def job() -> None:
    """Submit lineage jobs, see how they stand, export what they found."""


@job.command(
    epilog="Exit codes: 0 the job is a success, or is left to a worker (SQLFLOW_RUNNER=worker); 1 some or "
    "all of the SQL failed; 2 nothing was submitted.",
)
@click.argument("paths", nargs=-1, required=True)
@analysis_options
@click.option("--name", metavar="NAME", help="The job's name.  [default: the first path's]")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="A tag; may be given several times.")
@click.option("--owner", default="", metavar="NAME", help="Whose job it is.")
@click.option("--key", metavar="KEY", help="Idempotency key: the same key and request give the same job.")
@click.option(
    "--queue",
    type=queue_name,
    default=DEFAULT_QUEUE,
    show_default=True,
    metavar="NAME",
    help="Which workers may run it.",
)
@click.option("--persist", is_flag=True, help="A job that is submitted again and again under one id.")
@click.option(
    "--job-id",
    metavar="ID",
    help="Add PATHS to this persist job. What other options leave out stays as the job has it.",
)
@click.option("--replace", is_flag=True, help="With --job-id: PATHS replace what the job had.")
@click.option(
    "--cron",
    metavar="EXPRESSION",
    help="Run the persist job again on a schedule: five fields, or Quartz's spelling of them.",
)
@click.option("--timezone", default="UTC", show_default=True, metavar="NAME", help="Time zone of --cron.")
@json_option
@pass_state
def submit(
    state: CliState,
    paths: tuple[str, ...],
    dialect: str,
    catalog_path: str | None,
    default_database: str | None,
    default_schema: str | None,
    csv_columns: str,
    csv_quote: str,
    csv_escape: str,
    name: str | None,
    tags: tuple[str, ...],
    owner: str,
    key: str | None,
    queue: str,
    persist: bool,
    job_id: str | None,
    replace: bool,
    cron: str | None,
    timezone: str,
    as_json: bool,
) -> None:
    """Submit PATHS as one job and run it, or leave it to a worker.

    PATHS are SQL files, folders (searched for *.sql), zip archives, dbt projects, CSV files of SQL,
    database metadata, URLs of any of these, or - for standard input.
    """
    sources = job_sources(paths, csv_columns, csv_quote, csv_escape)
    if replace and job_id is None:
        raise click.UsageError("--replace needs --job-id")
    if cron is not None and not (persist or job_id):
        raise click.UsageError("--cron needs --persist or --job-id: only persist jobs have a schedule")
    request = JobRequest(
        name=name or ("" if job_id else default_name(paths)),
        dialect=dialect,
        sources=tuple(map(absolute, sources)),
        owner=owner,
        tags=tags,
        default_database=default_database,
        default_schema=default_schema,
        catalog=read_catalog(catalog_path, dialect),
        idempotency_key=key,
        queue=queue,
    )
    plan = None if cron is None else Schedule(cron, timezone)
    with _running_client(state) as client:
        if persist or job_id:
            found = None if job_id is None else JobId(job_id)
            submitted = client.submit_persist_job(request, found, incremental=not replace, schedule=plan)
        else:
            submitted = client.submit_job(request)
        files = client.list_files(submitted.id)
    _show_ended(submitted, files, as_json)


@job.command(epilog="Exit codes: as of submit.")
@click.argument("job_id")
@json_option
@pass_state
def rerun(state: CliState, job_id: str, as_json: bool) -> None:
    """Run an ended job again over the same sources, as they are now."""
    with _running_client(state) as client:
        again = client.rerun_job(JobId(job_id))
        files = client.list_files(again.id)
    _show_ended(again, files, as_json)


@job.command()
@click.argument("job_id")
@json_option
@pass_state
def status(state: CliState, job_id: str, as_json: bool) -> None:
    """Show how a job stands."""
    with state.client() as client:
        found = client.get_job(JobId(job_id))
    click.echo(rendering.job_json(found) if as_json else rendering.job_text(found))


@job.command(name="list")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(_STATUSES), help="May be given several times."
)
@click.option("--name", default="", metavar="PART", help="A part of the name, in any case.")
@click.option("--owner", default="", metavar="NAME", help="Whose jobs.")
@click.option("--tag", default="", metavar="TAG", help="A tag.")
@click.option("--queue", default="", metavar="NAME", help="A queue.")
@click.option("--since", type=moment, metavar="TIME", help="Created then or later.")
@click.option("--until", type=moment, metavar="TIME", help="Created then or earlier.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--offset", default=0, show_default=True, type=click.IntRange(min=0))
@json_option
@pass_state
def list_jobs(
    state: CliState,
    statuses: tuple[str, ...],
    name: str,
    owner: str,
    tag: str,
    queue: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    where = JobFilter(tuple(map(JobStatus, statuses)), name, owner, tag, queue, since, until)
    with state.client() as client:
        page = client.list_jobs(where, limit, offset)
    click.echo(rendering.page_json(page) if as_json else rendering.page_text(page))


@job.command()
@click.argument("job_id")
@click.option("--run", type=click.IntRange(min=1), metavar="NUMBER", help="A run.  [default: the last one]")
@json_option
@pass_state
def files(state: CliState, job_id: str, run: int | None, as_json: bool) -> None:
    """List a job's files: what became of each, and why it failed."""
    with state.client() as client:
        found = client.list_files(JobId(job_id), run)
    click.echo(rendering.files_json(found) if as_json else rendering.files_text(found))


@job.command()
@click.argument("job_id")
@json_option
@pass_state
def runs(state: CliState, job_id: str, as_json: bool) -> None:
    """List a job's runs, newest first."""
    with state.client() as client:
        found = client.list_runs(JobId(job_id))
    click.echo(rendering.runs_json(found) if as_json else rendering.runs_text(found))


@job.command()
@click.argument("job_id")
@click.option("--format", "-f", "format_name", metavar="NAME", required=True, help=FORMAT_HELP)
@click.option("--output", "-o", metavar="FILE", required=True, help="Where to; whole or not at all.")
@export_options
@pass_state
def export(state: CliState, job_id: str, format_name: str, output: str, options: dict[str, str]) -> None:
    """Write a job's result to a file."""
    with state.client() as client:
        summary = client.export_job(JobId(job_id), format_name, output, options)
    click.echo(rendering.export_text(summary))


@job.command()
@click.argument("job_id")
@pass_state
def cancel(state: CliState, job_id: str) -> None:
    """Stop a job that has not ended."""
    with state.client() as client:
        found = client.cancel_job(JobId(job_id))
    click.echo(f"{found.id} {rendering.status_text(found.status)}")


@job.command()
@click.argument("job_id")
@pass_state
def delete(state: CliState, job_id: str) -> None:
    """Remove a job's input and results and mark it deleted."""
    with state.client() as client:
        found = client.delete_job(JobId(job_id))
    click.echo(f"{found.id} {rendering.status_text(found.status)}")


@contextmanager
def _running_client(state: CliState) -> Iterator[SqlFlowClient]:
    """A client that shows how far the job is which it runs."""
    with progress_line() as progress:

        def tell(counts: JobCounts, file: str) -> None:
            progress.update(counts.files_done, counts.files_total, file)

        with state.client(tell) as client:
            yield client


def _show_ended(ended: Job, files: Sequence[JobFile], as_json: bool) -> None:
    for file in files:
        if file.cause:
            click.echo(file.cause, err=True)
    click.echo(rendering.job_json(ended) if as_json else rendering.job_text(ended))
    if ended.status.is_terminal and ended.status is not JobStatus.SUCCESS:
        click.get_current_context().exit(1)


job.add_command(schedule)
job.add_command(instances)
