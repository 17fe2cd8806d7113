"""``sqlflow job``: submit lineage jobs and look after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.cli import rendering
from airflow_provider_sqlflow.cli.options import (
    FORMAT_HELP,
    absolute,
    analysis_options,
    default_name,
    job_sources,
    read_catalog,
)
from airflow_provider_sqlflow.cli.progress import progress_line
from airflow_provider_sqlflow.cli.state import CliState, pass_state
from airflow_provider_sqlflow.jobs.model import (
    JobFilter,
    JobId,
    JobRequest,
    JobStatus,
)

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.model import JobCounts

_STATUSES = [status.value for status in JobStatus if status is not JobStatus.UNKNOWN]

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


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
@_json_option
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
    as_json: bool,
) -> None:
    """Submit PATHS as one job and run it.

    PATHS are SQL files, folders (searched for *.sql), zip archives, dbt projects, CSV files of SQL,
    database metadata, URLs of any of these, or - for standard input.
    """
    sources = job_sources(paths, csv_columns, csv_quote, csv_escape)
    request = JobRequest(
        name=name or default_name(paths),
        dialect=dialect,
        sources=tuple(map(absolute, sources)),
        owner=owner,
        tags=tags,
        default_database=default_database,
        default_schema=default_schema,
        catalog=read_catalog(catalog_path, dialect),
        idempotency_key=key,
    )
    with progress_line() as progress:

        def tell(counts: JobCounts, file: str) -> None:
            progress.update(counts.files_done, counts.files_total, file)

        with state.client(tell) as client:
            submitted = client.submit_job(request)
            causes = [file.cause for file in client.list_files(submitted.id) if file.cause]
    for cause in causes:
        click.echo(cause, err=True)
    click.echo(rendering.job_json(submitted) if as_json else rendering.job_text(submitted))
    if submitted.status.is_terminal and submitted.status is not JobStatus.SUCCESS:
        click.get_current_context().exit(1)


@job.command()
@click.argument("job_id")
@_json_option
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
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--offset", default=0, show_default=True, type=click.IntRange(min=0))
@_json_option
@pass_state
def list_jobs(
    state: CliState,
    statuses: tuple[str, ...],
    name: str,
    owner: str,
    tag: str,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """List jobs, newest first."""
    where = JobFilter(status=tuple(map(JobStatus, statuses)), name=name, owner=owner, tag=tag)
    with state.client() as client:
        page = client.list_jobs(where, limit, offset)
    click.echo(rendering.page_json(page) if as_json else rendering.page_text(page))


@job.command()
@click.argument("job_id")
@_json_option
@pass_state
def files(state: CliState, job_id: str, as_json: bool) -> None:
    """List a job's files: what became of each, and why it failed."""
    with state.client() as client:
        found = client.list_files(JobId(job_id))
    click.echo(rendering.files_json(found) if as_json else rendering.files_text(found))


@job.command()
@click.argument("job_id")
@click.option("--format", "-f", "format_name", metavar="NAME", required=True, help=FORMAT_HELP)
@click.option("--output", "-o", metavar="FILE", required=True, help="Where to; whole or not at all.")
@pass_state
def export(state: CliState, job_id: str, format_name: str, output: str) -> None:
    """Write a job's result to a file."""
    with state.client() as client:
        summary = client.export_job(JobId(job_id), format_name, output)
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
