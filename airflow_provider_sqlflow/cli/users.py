"""``sqlflow user``: who may use the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.cli import rendering
from airflow_provider_sqlflow.cli.options import json_option
from airflow_provider_sqlflow.cli.state import CliState, pass_state

if TYPE_CHECKING:
    from airflow_provider_sqlflow.api.accounts import Accounts

_NOT_AGAIN = "This secret key is not shown again."


@click.group()
def user() -> None:
    """Say who may use the server. Users are kept in the job store."""


@user.command()
@click.argument("user_id")
@click.option("--email", metavar="ADDRESS", default="", help="Shown in the user's lists of jobs.")
@pass_state
def add(state: CliState, user_id: str, email: str) -> None:
    """Add a user and print the secret key, which cannot be had again."""
    with _accounts(state) as accounts:
        _show_key(accounts.add(user_id, email))


@user.command("list")
@json_option
@pass_state
def list_users(state: CliState, as_json: bool) -> None:
    """List the users by id."""
    with _accounts(state) as accounts:
        found = accounts.list()
    if as_json:
        shown = [{"id": each.id, "email": each.email, "created_at": each.created_at} for each in found]
        click.echo(rendering.as_json(shown))
    else:
        rows = [(each.id, each.email, rendering.time_text(each.created_at)) for each in found]
        click.echo(rendering.table(("id", "email", "created"), rows))


@user.command()
@click.argument("user_id")
@pass_state
def remove(state: CliState, user_id: str) -> None:
    """Remove a user, with the sessions and DDL the server keeps for them. Tokens stop working at once.

    Jobs stay: whoever is added under the same id sees them.
    """
    with _accounts(state) as accounts:
        accounts.remove(user_id)
    click.echo(f"removed user {user_id}")


@user.command("new-key")
@click.argument("user_id")
@pass_state
def new_key(state: CliState, user_id: str) -> None:
    """Print another secret key for a user. The old one and its tokens stop working at once."""
    with _accounts(state) as accounts:
        _show_key(accounts.new_secret_key(user_id))


@contextmanager
def _accounts(state: CliState) -> Iterator[Accounts]:
    from airflow_provider_sqlflow.api.state import ServerState

    with closing(ServerState.open(state.settings())) as opened:
        yield opened.accounts


def _show_key(key: str) -> None:
    """The key alone on standard output, for scripts."""
    click.echo(_NOT_AGAIN, err=True)
    click.echo(key)
