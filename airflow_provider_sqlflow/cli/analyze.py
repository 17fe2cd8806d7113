"""``sqlflow analyze``: lineage of SQL on standard output, without a job."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.cli.export_options import export_options
from airflow_provider_sqlflow.cli.options import (
    FORMAT_HELP,
    analysis_options,
    default_name,
    job_sources,
    read_catalog,
)
from airflow_provider_sqlflow.cli.progress import progress_line
from airflow_provider_sqlflow.cli.rendering import diagnostic_line, plural
from airflow_provider_sqlflow.cli.state import CliState, pass_state
from airflow_provider_sqlflow.errors import UnreadableInputError

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult
    from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileOutcome
    from airflow_provider_sqlflow.jobs.inputs import JobInputs
    from airflow_provider_sqlflow.jobs.model import JobCounts
    from airflow_provider_sqlflow.settings import Settings


@click.command(
    epilog="Exit codes: 0 all SQL was understood; 1 some statement or file was not, the rest is written; "
    "2 nothing could be read, or wrong usage.",
)
@click.argument("files", nargs=-1, required=True)
@analysis_options
@click.option(
    "--format", "-f", "format_name", metavar="NAME", default="tree", help=FORMAT_HELP, show_default=True
)
@click.option(
    "--output", "-o", metavar="FILE", help="Write here, whole or not at all, instead of to standard output."
)
@export_options
@click.option("--quiet", "-q", is_flag=True, help="Leave the summary line out; diagnostics are still shown.")
@pass_state
def analyze(
    state: CliState,
    files: tuple[str, ...],
    dialect: str,
    catalog_path: str | None,
    default_database: str | None,
    default_schema: str | None,
    csv_columns: str,
    csv_quote: str,
    csv_escape: str,
    format_name: str,
    output: str | None,
    quiet: bool,
    options: dict[str, str],
) -> None:
    """Print the lineage of FILES.

    FILES are SQL files, folders (searched for *.sql), zip archives, dbt projects, CSV files of SQL,
    database metadata, URLs of any of these, or - for standard input. All are read as one program: one
    may read what another declares. What is not understood is told on standard error as
    file:line:column: severity code: message.
    """
    from airflow_provider_sqlflow.ingest.naming import path_names
    from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions
    from airflow_provider_sqlflow.jobs.export import check_format, read_options
    from airflow_provider_sqlflow.jobs.inputs import named_dialect, open_inputs

    check_format(format_name)
    read_options(options)
    if output is None and format_name == "png" and sys.stdout.isatty():
        raise click.UsageError("a png picture is not for a terminal; give --output FILE")
    settings = state.settings()
    named_dialect(dialect)  # a wrong name is told before anything is read
    inputs = open_inputs(job_sources(files, csv_columns, csv_quote, csv_escape), settings, path_names)
    dialect = inputs.dialect(dialect)
    catalog = read_catalog(catalog_path, dialect)
    reading = AnalysisOptions(dialect, default_database, default_schema, catalog, inputs.catalog)
    outcomes, counts = _run(inputs, reading, settings)
    result = _merge(outcomes)
    for diagnostic in result.diagnostics:
        click.echo(diagnostic_line(diagnostic), err=True)
    if all(outcome.source.problem for outcome in outcomes):
        raise UnreadableInputError("none of the files could be read")
    _write(result, outcomes, format_name, output, default_name(files), options)
    if not quiet:
        click.echo(_summary(counts), err=True)
    if any(outcome.summary.cause for outcome in outcomes):
        click.get_current_context().exit(1)


def _run(
    inputs: JobInputs, options: AnalysisOptions, settings: Settings
) -> tuple[list[FileOutcome], JobCounts]:
    """The outcomes in input order, and their sum."""
    from airflow_provider_sqlflow.jobs.analysis import Tally, analyze_files

    outcomes: list[FileOutcome] = []
    tally = Tally(len(inputs.names))
    with progress_line() as progress:
        for outcome in analyze_files(inputs.read(options.dialect), options, settings):
            tally.add_outcome(outcome)
            outcomes.append(outcome)
            progress.update(tally.counts.files_done, tally.counts.files_total, outcome.source.name)
    return sorted(outcomes, key=lambda outcome: outcome.position), tally.counts


def _merge(outcomes: list[FileOutcome]) -> LineageResult:
    from airflow_provider_sqlflow.engine import merge_results

    return merge_results(outcome.result for outcome in outcomes)


def _write(
    result: LineageResult,
    outcomes: list[FileOutcome],
    format_name: str,
    output: str | None,
    title: str,
    options: dict[str, str],
) -> None:
    from airflow_provider_sqlflow.jobs.export import export_result, write_result
    from airflow_provider_sqlflow.jobs.service import utc_now

    def texts() -> dict[str, str]:
        return {outcome.source.name: outcome.source.text for outcome in outcomes}

    if output is not None:
        export_result(
            result, format_name, output, title=title, instant=utc_now(), texts=texts, options=options
        )
        return
    stream = sys.stdout.buffer
    write_result(result, format_name, stream, title=title, instant=utc_now(), texts=texts, options=options)
    stream.flush()


def _summary(counts: JobCounts) -> str:
    failed = f" ({counts.failed_statements} failed)" if counts.failed_statements else ""
    return ", ".join(
        (
            plural(counts.files_total, "file"),
            plural(counts.statements, "statement") + failed,
            plural(counts.relations, "relation"),
            plural(counts.column_edges, "column edge"),
            plural(counts.diagnostics, "diagnostic"),
        )
    )
