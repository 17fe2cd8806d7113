"""``sqlflow lineage``: what feeds a column and what it feeds, across all jobs of the store."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from airflow_provider_sqlflow.cli.export_options import export_options
from airflow_provider_sqlflow.cli.options import FORMAT_HELP, json_option, moment
from airflow_provider_sqlflow.cli.state import CliState, pass_state
from airflow_provider_sqlflow.jobs.lineage.model import Direction, LineageGraph, LineageState, Reach
from airflow_provider_sqlflow.jobs.model import JobId

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.lineage.service import LineageService

TREE = "tree"

_ANSWER_FORMATS = (
    "One of: tree (text for people), edges (one column edge a JSON line), json (SQLFlow's document), "
    "csv, graphml (yEd), svg, png."
)

Command = TypeVar("Command", bound=Callable[..., object])

_output_option = click.option(
    "--output", "-o", metavar="FILE", help="Write here, whole or not at all, instead of to standard output."
)
_makers_option = click.option(
    "--makers", is_flag=True, help="Tell for each edge the jobs and files that make it."
)
_column_option = click.option(
    "--column", metavar="COLUMN", help="The column apart, where NAME might be a table or a column."
)


def _with(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_state_options = _with(
    click.option(
        "--as-of",
        type=moment,
        metavar="TIME",
        help="The state at a time: 2026-01-31T12:00, UTC unless it says.",
    ),
    click.option(
        "--as-of-run",
        nargs=2,
        type=(str, int),
        metavar="JOB RUN",
        help="The state when a job's run had ended.",
    ),
    click.option(
        "--job", "jobs", multiple=True, metavar="ID", help="Only this job; may be given several times."
    ),
    click.option("--owner", default="", metavar="NAME", help="Only jobs of this owner."),
    click.option("--tag", default="", metavar="TAG", help="Only jobs with this tag."),
)

_reach_options = _with(
    click.option("--depth", type=click.IntRange(min=0), metavar="N", help="At most this many edges far."),
    click.option(
        "--stop",
        default="",
        metavar="REGEX",
        help="Show what matches in a qualified name, in any case, and nothing beyond it.",
    ),
    click.option("--direct", is_flag=True, help="Only edges along which values flow."),
    click.option("--table-level", is_flag=True, help="From table to table, without columns."),
)

_closure_options = _with(
    click.argument("name", metavar="TABLE[.COLUMN]"),
    _column_option,
    _reach_options,
    _state_options,
    _makers_option,
    click.option(
        "--format", "-f", "format_name", metavar="NAME", default=TREE, show_default=True, help=_ANSWER_FORMATS
    ),
    json_option,
    _output_option,
)


@click.group()
def lineage() -> None:
    """Ask what feeds a column and what it feeds, across all jobs.

    Names are dotted, in any case, and may leave out leading parts. A table stands for all its columns.
    """


@lineage.command()
@_closure_options
@pass_state
def upstream(state: CliState, /, **options: Any) -> None:
    """Show all that feeds TABLE[.COLUMN]."""
    _closure(state, Direction.UPSTREAM, **options)


@lineage.command()
@_closure_options
@pass_state
def downstream(state: CliState, /, **options: Any) -> None:
    """Show all that TABLE[.COLUMN] feeds."""
    _closure(state, Direction.DOWNSTREAM, **options)


def _closure(
    state: CliState,
    direction: Direction,
    *,
    name: str,
    column: str | None,
    makers: bool,
    format_name: str,
    as_json: bool,
    output: str | None,
    depth: int | None,
    stop: str,
    direct: bool,
    table_level: bool,
    **where: Any,
) -> None:
    from airflow_provider_sqlflow.formats.registry import get_format

    get_format(format_name)
    if output is None and format_name == "png" and sys.stdout.isatty():
        raise click.UsageError("a png picture is not for a terminal; give --output FILE")
    reach = Reach(depth, stop, direct, table_level)
    with state.lineage() as service:
        counted = _state(service, **where)
        with_makers = makers or as_json
        graph = service.closure(name, direction, reach, counted, column=column, with_makers=with_makers)

    def write(stream: BinaryIO) -> None:
        _write(graph, format_name, stream, title=name, as_json=as_json)

    _output(write, output)


@lineage.command()
@click.argument("name", metavar="TABLE[.COLUMN]")
@_column_option
@_reach_options
@_state_options
@json_option
@pass_state
def origins(
    state: CliState,
    /,
    name: str,
    column: str | None,
    depth: int | None,
    stop: str,
    direct: bool,
    table_level: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """List the left-most sources of TABLE[.COLUMN]: what nothing else feeds, a name a line."""
    from airflow_provider_sqlflow.cli.lineage_text import nodes_json

    reach = Reach(depth, stop, direct, table_level)
    with state.lineage() as service:
        counted = _state(service, **where)
        found = service.origins(name, reach, counted, column=column)
    click.echo(nodes_json(found) if as_json else "\n".join(sorted(map(str, found))))


@lineage.command(
    epilog="Exit codes: 0 there is a way; 1 there is none; 2 wrong usage, unknown name or store."
)
@click.argument("source", metavar="SOURCE[.COLUMN]")
@click.argument("target", metavar="TARGET[.COLUMN]")
@_reach_options
@_state_options
@_makers_option
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="At most so many.")
@json_option
@pass_state
def path(
    state: CliState,
    /,
    source: str,
    target: str,
    depth: int | None,
    stop: str,
    direct: bool,
    table_level: bool,
    makers: bool,
    limit: int,
    as_json: bool,
    **where: Any,
) -> None:
    """Show the shortest ways from SOURCE to TARGET, each a table or a column."""
    from airflow_provider_sqlflow.cli.lineage_text import path_text, paths_json

    reach = Reach(depth, stop, direct, table_level)
    with state.lineage() as service:
        counted = _state(service, **where)
        with_makers = makers or as_json
        found = service.paths(source, target, reach, counted, limit=limit, with_makers=with_makers)
    if as_json:
        click.echo(paths_json(found))
    elif found:
        click.echo("\n\n".join(map(path_text, found)))
    if not found:
        click.echo(f"no way leads from {source} to {target}", err=True)
        click.get_current_context().exit(1)


@lineage.command()
@click.argument("pattern", default="")
@_state_options
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1))
@click.option("--offset", default=0, show_default=True, type=click.IntRange(min=0))
@json_option
@pass_state
def tables(state: CliState, /, pattern: str, limit: int, offset: int, as_json: bool, **where: Any) -> None:
    """List tables by name. PATTERN is a part of the name, or all of it with * and ? as wildcards."""
    from airflow_provider_sqlflow.cli.lineage_text import tables_json, tables_text

    with state.lineage() as service:
        counted = _state(service, **where)
        page = service.tables(pattern, counted, limit=limit, offset=offset)
    click.echo(tables_json(page) if as_json else tables_text(page))


@lineage.command()
@_state_options
@click.option("--format", "-f", "format_name", metavar="NAME", required=True, help=FORMAT_HELP)
@click.option("--output", "-o", metavar="FILE", required=True, help="Where to; whole or not at all.")
@export_options
@pass_state
def export(state: CliState, /, format_name: str, output: str, options: dict[str, str], **where: Any) -> None:
    """Write the merged lineage of all jobs to a file."""
    from airflow_provider_sqlflow.cli.rendering import export_text
    from airflow_provider_sqlflow.jobs.service import utc_now

    with state.lineage() as service:
        counted = _state(service, **where)
        summary = service.export(
            format_name,
            output,
            counted,
            title="lineage",
            instant=counted.at or utc_now(),
            options=options,
        )
    click.echo(export_text(summary))


def _state(
    service: LineageService,
    *,
    as_of: datetime | None,
    as_of_run: tuple[str, int] | None,
    jobs: tuple[str, ...],
    owner: str,
    tag: str,
) -> LineageState:
    if as_of is not None and as_of_run is not None:
        raise click.UsageError("give --as-of or --as-of-run, not both")
    at = as_of
    if as_of_run is not None:
        at = service.end_of_run(JobId(as_of_run[0]), as_of_run[1])
    return LineageState(at, tuple(map(JobId, jobs)), owner, tag)


def _write(graph: LineageGraph, format_name: str, stream: BinaryIO, *, title: str, as_json: bool) -> None:
    from airflow_provider_sqlflow.cli.lineage_text import graph_json, graph_text

    if as_json or format_name == TREE:
        text = graph_json(graph) if as_json else graph_text(graph)
        stream.write(f"{text}\n".encode("utf-8", "replace"))
        return
    from airflow_provider_sqlflow.formats import registry
    from airflow_provider_sqlflow.formats.options import ExportOptions
    from airflow_provider_sqlflow.jobs.lineage.results import graph_result

    options = ExportOptions(table_level=any(node.is_table for node in graph.nodes))
    registry.write(format_name, graph_result(graph), stream, title=title, options=options)


def _output(write: Callable[[BinaryIO], None], output: str | None) -> None:
    if output is None:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    from airflow_provider_sqlflow.jobs.export import write_whole

    write_whole(Path(output), write)
