"""``sqlflow job instances``: which task instances read or wrote a table."""

from __future__ import annotations

from datetime import datetime

import click

from airflow_provider_sqlflow.cli import rendering
from airflow_provider_sqlflow.cli.options import json_option, moment
from airflow_provider_sqlflow.cli.state import CliState, pass_state
from airflow_provider_sqlflow.jobs.model import TableRole


@click.command()
@click.argument("table")
@click.option("--read", "role", flag_value="read", help="Only those that read the table.")
@click.option("--write", "role", flag_value="write", help="Only those that write it.")
@click.option("--since", type=moment, metavar="TIME", help="Submitted then or later.")
@click.option("--until", type=moment, metavar="TIME", help="Submitted then or earlier.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1))
@click.option("--offset", default=0, show_default=True, type=click.IntRange(min=0))
@json_option
@pass_state
def instances(
    state: CliState,
    table: str,
    role: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> None:
    """List the Airflow task instances whose SQL reads or writes TABLE, newest first.

    TABLE is a dotted name in any case; with fewer parts it means all tables that end so.
    """
    with state.client() as client:
        page = client.list_instances(
            table, None if role is None else TableRole(role), since, until, limit, offset
        )
    click.echo(rendering.instances_json(page) if as_json else rendering.instances_text(page))
