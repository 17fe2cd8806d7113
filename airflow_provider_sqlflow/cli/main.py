"""The ``sqlflow`` command. Here errors become one line and an exit code; nothing else happens here.

A command's module is imported when it is asked for, and imports what it needs when it runs: the start is most
of the time that a small script takes.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.cli.state import CliState
from airflow_provider_sqlflow.errors import SqlFlowError

MODULES = {
    "analyze": "analyze",
    "dags": "dags",
    "db": "db",
    "emit": "emit",
    "job": "jobs",
    "lineage": "lineage",
    "server": "server",
    "user": "users",
    "worker": "worker",
}
"""Each command and the module of this package that has it, under the command's name."""

EXIT_ERROR = 2
"""The command could not do what was asked: usage, input, store. 1 is left for SQL that failed."""

EXIT_INTERRUPTED = 130
"""What shells report for Ctrl-C."""


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Where standard output leads takes no more."""


class _Commands(click.Group):
    """Finds the commands; turns this package's errors into one line on standard error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        module = import_module(f"airflow_provider_sqlflow.cli.{MODULES[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SqlFlowError as error:
            if ctx.obj.debug:
                raise
            click.secho(f"error: {error}", fg="red", err=True)
            ctx.exit(EXIT_ERROR)
        except OSError as error:
            if error.errno not in _FULL or ctx.obj.debug:
                raise
            _leave_stdout()
            click.secho(f"error: the output cannot be written: {error.strerror}", fg="red", err=True)
            ctx.exit(EXIT_ERROR)
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)


def _leave_stdout() -> None:
    """Send what is still to be flushed nowhere, or the interpreter complains of it again at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(
    cls=_Commands,
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


def main() -> None:
    """The console script."""
    cli(prog_name="sqlflow")


if __name__ == "__main__":
    main()
