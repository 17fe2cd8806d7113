"""``sqlflow server``: the REST API, alone."""

from __future__ import annotations

from dataclasses import replace

import click

from airflow_provider_sqlflow.cli.state import CliState, pass_state


@click.command(
    epilog="Exit codes: 0 it ended as asked (SIGTERM, Ctrl-C); 1 a fault of the server; 2 wrong usage or "
    "settings, or a store that cannot be used.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="NAME", help="Name or address to listen on."
)
@click.option(
    "--port",
    default=8165,
    show_default=True,
    metavar="N",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one, which the log names.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    metavar="N",
    type=click.IntRange(min=0),
    help="Run N jobs at once; 0 leaves them to sqlflow worker processes.",
)
@click.option(
    "--schedules/--no-schedules",
    default=True,
    show_default=True,
    help="Run persist jobs again on their schedules; not where Airflow serves those of the same store.",
)
@click.option(
    "--certificate",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="TLS certificate (PEM).",
)
@click.option("--key", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="Its key (PEM).")
@click.option(
    "--ignore-token",
    is_flag=True,
    help="Ask for no token and believe userId; on a loopback address only.  "
    "[default: $SQLFLOW_SERVER_IGNORE_TOKEN, else not]",
)
@pass_state
def server(
    state: CliState,
    host: str,
    port: int,
    workers: int,
    schedules: bool,
    certificate: str | None,
    key: str | None,
    ignore_token: bool,
) -> None:
    """Serve the SQLFlow REST API, and run the jobs that it takes.

    Accounts are made with sqlflow user add. The API is at /gspLive_backend and /api/gspLive_backend, its
    description at /gspLive_backend/openapi.json.
    """
    from airflow_provider_sqlflow.api.serving import Address, serve
    from airflow_provider_sqlflow.jobs.runners.process import log_to_stderr

    settings = state.settings()
    if ignore_token:
        settings = replace(settings, server_ignore_token=True)
    log_to_stderr()
    serve(settings, Address(host, port, certificate or "", key or ""), workers, has_schedules=schedules)
