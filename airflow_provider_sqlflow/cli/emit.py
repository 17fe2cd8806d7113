"""``sqlflow emit``: publish a job's lineage as OpenLineage events."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.cli.state import CliState, pass_state
from airflow_provider_sqlflow.jobs.model import JobId

if TYPE_CHECKING:
    from airflow_provider_sqlflow.emission.context import ParentRun
    from airflow_provider_sqlflow.emission.emitter import EmissionSummary
    from airflow_provider_sqlflow.jobs.publish import EmissionOptions, JobLineage
    from airflow_provider_sqlflow.settings import Settings

EXIT_INCOMPLETE = 1
"""Some events did not reach their backend."""


@click.command(
    epilog="Exit codes: 0 the backend has every event; 1 some are kept for a replay or were rejected; "
    "2 nothing was sent.",
)
@click.argument("job_id", required=False)
@click.option("--replay", is_flag=True, help="Send what earlier emissions kept, instead of a job.")
@click.option(
    "--url", metavar="URL", help="Backend that takes events by HTTP, such as http://localhost:5000."
)
@click.option("--file", "file_path", metavar="FILE", help="Append to a file, one event a line; - prints.")
@click.option("--transport", metavar="JSON", help="Any transport of the OpenLineage client.")
@click.option("--namespace", metavar="NAME", help="OpenLineage namespace of the jobs.  [default: sqlflow]")
@click.option(
    "--dataset-namespace",
    metavar="NAME",
    default="",
    help="Where the database is: postgres://host:5432, snowflake://org-account ...",
)
@click.option("--dataset-database", metavar="NAME", default="", help="Database of names that give none.")
@click.option("--dataset-schema", metavar="NAME", default="", help="Schema of names that give none.")
@click.option(
    "--parent",
    metavar="NAMESPACE/JOB/RUN",
    help="The run that this lineage belongs to; in Airflow {{ macros.OpenLineageProviderPlugin."
    "lineage_parent_id(task_instance) }}.",
)
@click.option(
    "--runs-per", type=click.Choice(["statement", "target"]), help="A run for each.  [default: statement]"
)
@click.option("--static", "is_static", is_flag=True, help="Job and dataset events: the SQL does not run.")
@click.option(
    "--source-url", metavar="URL", help="Where statements can be looked up, with {path} and {line}."
)
@click.option("--sql/--no-sql", "includes_sql", default=None, help="Whether SQL stands in the events.")
@pass_state
def emit(
    state: CliState,
    job_id: str | None,
    replay: bool,
    url: str | None,
    file_path: str | None,
    transport: str | None,
    namespace: str | None,
    dataset_namespace: str,
    dataset_database: str,
    dataset_schema: str,
    parent: str | None,
    runs_per: str | None,
    is_static: bool,
    source_url: str | None,
    includes_sql: bool | None,
) -> None:
    """Publish the lineage of the job JOB_ID as OpenLineage events.

    Without --url, --file or --transport the backend is SQLFLOW_OPENLINEAGE_TRANSPORT, else what the
    OpenLineage client finds: OPENLINEAGE_URL, openlineage.yml. What a backend does not take is kept;
    --replay sends it.
    """
    if (job_id is None) is not replay:
        raise click.UsageError("give either a JOB_ID or --replay")
    config = _transport(url, file_path, transport)
    settings = state.settings()
    if job_id is None:
        _finish(_replay(settings, config))
        return
    from airflow_provider_sqlflow.emission.context import RunsPer
    from airflow_provider_sqlflow.emission.namespaces import DatabaseAddress
    from airflow_provider_sqlflow.jobs.publish import EmissionOptions

    options = EmissionOptions.from_settings(settings)
    options = replace(
        options,
        job_namespace=namespace or options.job_namespace,
        parent=_parent(parent),
        is_static=is_static,
        runs_per=RunsPer(runs_per) if runs_per else options.runs_per,
        source_url=options.source_url if source_url is None else source_url,
        includes_sql=options.includes_sql if includes_sql is None else includes_sql,
    )
    with state.client() as client:
        lineage = client.get_lineage(JobId(job_id))
    dialect = lineage.results[0].dialect
    address = DatabaseAddress(dialect, dataset_namespace, dataset_database or None, dataset_schema or None)
    options = options.at(dialect, address)
    if file_path == "-":
        _print(lineage, options)
    else:
        _finish(_emit(settings, config, lineage, options))


def _emit(
    settings: Settings,
    config: Mapping[str, object] | None,
    lineage: JobLineage,
    options: EmissionOptions,
) -> EmissionSummary:
    from airflow_provider_sqlflow.jobs.publish import lineage_events, open_emitter

    with closing(open_emitter(settings, config)) as emitter:
        return emitter.emit(lineage_events(lineage, options))


def _replay(settings: Settings, config: Mapping[str, object] | None) -> EmissionSummary:
    from airflow_provider_sqlflow.jobs.publish import open_emitter

    with closing(open_emitter(settings, config)) as emitter:
        return emitter.replay()


def _print(lineage: JobLineage, options: EmissionOptions) -> None:
    from airflow_provider_sqlflow.emission import events_to_ndjson
    from airflow_provider_sqlflow.jobs.publish import lineage_events

    for line in events_to_ndjson(lineage_events(lineage, options)):
        click.echo(line, nl=False)


def _finish(summary: EmissionSummary) -> None:
    click.echo(str(summary))
    if summary.kept:
        click.echo("`sqlflow emit --replay` sends what is kept, when the backend is up again", err=True)
    if not summary.is_complete:
        click.get_current_context().exit(EXIT_INCOMPLETE)


def _transport(url: str | None, file_path: str | None, transport: str | None) -> Mapping[str, object] | None:
    if sum(value is not None for value in (url, file_path, transport)) > 1:
        raise click.UsageError("give one of --url, --file and --transport")
    if url is not None:
        return {"transport": {"type": "http", "url": url}}
    if file_path is not None:
        return {"transport": {"type": "file", "log_file_path": file_path, "append": True}}
    if transport is not None:
        from airflow_provider_sqlflow.jobs.publish import transport_config

        return {"transport": transport_config(transport)}
    return None


def _parent(text: str | None) -> ParentRun | None:
    """The run of ``namespace/job/run id``; only the namespace may hold slashes, the job name must not."""
    if text is None:
        return None
    from uuid import UUID

    from airflow_provider_sqlflow.emission.context import ParentRun

    namespace, _, rest = text.rpartition("/")[0].rpartition("/")
    run_id = text.rpartition("/")[2]
    try:
        UUID(run_id)
    except ValueError:
        namespace = ""
    if not namespace or not rest:
        raise click.UsageError(f"--parent {text!r} is not of the form namespace/job/run id")
    return ParentRun(namespace, rest, run_id)
