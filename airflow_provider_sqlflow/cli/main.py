"""The ``sqlflow`` command. Here errors become one line and an exit code; nothing else happens here.

Commands import what they need when they run, so that ``--help`` is quick.
"""

from __future__ import annotations

from typing import Any

import click

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.cli.analyze import analyze
from airflow_provider_sqlflow.cli.dags import dags
from airflow_provider_sqlflow.cli.db import db
from airflow_provider_sqlflow.cli.emit import emit
from airflow_provider_sqlflow.cli.jobs import job
from airflow_provider_sqlflow.cli.lineage import lineage
from airflow_provider_sqlflow.cli.server import server
from airflow_provider_sqlflow.cli.state import CliState
from airflow_provider_sqlflow.cli.users import user
from airflow_provider_sqlflow.cli.worker import worker
from airflow_provider_sqlflow.errors import SqlFlowError

EXIT_ERROR = 2
"""The command could not do what was asked: usage, input, store. 1 is left for SQL that failed."""

EXIT_INTERRUPTED = 130
"""What shells report for Ctrl-C."""


class _ErrorBoundary(click.Group):
    """Turns this package's errors into one line on standard error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SqlFlowError as error:
            if ctx.obj.debug:
                raise
            click.secho(f"error: {error}", fg="red", err=True)
            ctx.exit(EXIT_ERROR)
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)


@click.group(
    cls=_ErrorBoundary,
    help="""Column-level lineage of SQL.

    \b
    sqlflow analyze models/ --dialect snowflake
    sqlflow job submit models/ --dialect snowflake --name nightly
    """,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all SQL was understood; 1 some of it was not, the rest came out; "
    "2 wrong usage, unusable input or store.",
)
@click.version_option(__version__, prog_name="sqlflow")
@click.option(
    "--store",
    "store_url",
    metavar="URL",
    default="",
    envvar="SQLFLOW_STORE_URL",
    help="Job store: sqlite:///file.db or postgresql://user:password@host/database. "
    "[default: $SQLFLOW_STORE_URL, else ~/.sqlflow/sqlflow.db]",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, store_url: str, debug: bool) -> None:
    """Column-level lineage of SQL."""
    ctx.obj = CliState(store_url, debug)


cli.add_command(analyze)
cli.add_command(job)
cli.add_command(lineage)
cli.add_command(worker)
cli.add_command(server)
cli.add_command(dags)
cli.add_command(db)
cli.add_command(emit)
cli.add_command(user)


def main() -> None:
    """The console script."""
    cli(prog_name="sqlflow")
