"""``sqlflow db``: the job store itself: its schema, and what is old in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from airflow_provider_sqlflow.cli.options import age, moment
from airflow_provider_sqlflow.cli.rendering import plural
from airflow_provider_sqlflow.cli.state import CliState, pass_state

if TYPE_CHECKING:
    from airflow_provider_sqlflow.jobs.store.database import Database


@click.group()
def db() -> None:
    """Look after the job store: its schema, and what is old in it."""


@db.command()
@pass_state
def current(state: CliState) -> None:
    """Show the store and the revision of its schema."""
    from airflow_provider_sqlflow.jobs.store.schema import current_revision

    with _database(state) as database:
        _show_revision(database, current_revision(database))


@db.command()
@pass_state
def upgrade(state: CliState) -> None:
    """Create the store's tables or bring them up to date, which opening it does as well."""
    from airflow_provider_sqlflow.jobs.store.schema import current_revision, upgrade_schema

    with _database(state) as database:
        upgrade_schema(database)
        _show_revision(database, current_revision(database))


@db.command()
@click.argument("revision")
@click.confirmation_option(prompt="What the older version has no place for is lost. Go on?")
@pass_state
def downgrade(state: CliState, revision: str) -> None:
    """Take the store back to REVISION before an older version of the package is installed.

    Before 0004 the server's users and what it keeps for them are lost; before 0002 a job keeps only the run
    that exports show, or its last one. This version upgrades the store again as soon as
    it opens it, so stop what uses it first.
    """
    from airflow_provider_sqlflow.jobs.store.schema import current_revision, downgrade_schema

    with _database(state) as database:
        downgrade_schema(database, revision)
        _show_revision(database, current_revision(database))


@db.command()
@click.option("--before", type=moment, metavar="TIME", help="What ended before this time goes.")
@click.option("--older-than", type=age, metavar="AGE", help="What ended longer ago than 12h, 30d, 8w goes.")
@click.option("--ended", is_flag=True, help="Also simple jobs that ended, with their results.")
@pass_state
def clean(state: CliState, before: datetime | None, older_than: timedelta | None, ended: bool) -> None:
    """Remove for good deleted jobs, runs whose result is not shown any more, and what only they used."""
    from airflow_provider_sqlflow.jobs.retention import clean_store
    from airflow_provider_sqlflow.jobs.service import utc_now
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

    now = utc_now()
    if (before is None) == (older_than is None):
        raise click.UsageError("give either --before or --older-than")
    if older_than is not None:
        before = now - older_than
    assert before is not None  # noqa: S101  # one of the two was given
    settings = state.settings()
    with closing(SqlJobStore(settings.resolved_store_url(), settings.store_retry_seconds)) as store:
        removed = clean_store(store, before, now, ended=ended)
    parts = [
        plural(removed.jobs, "job"),
        plural(removed.runs, "run"),
        plural(removed.results, "result"),
        plural(removed.texts, "text"),
    ]
    click.echo(f"removed {', '.join(parts)}")


@contextmanager
def _database(state: CliState) -> Iterator[Database]:
    from airflow_provider_sqlflow.jobs.store.database import Database

    with closing(Database(state.settings().resolved_store_url())) as database:
        yield database


def _show_revision(database: Database, revision: str | None) -> None:
    from airflow_provider_sqlflow.jobs.store.tables import SCHEMA_REVISION

    newest = "" if revision == SCHEMA_REVISION else f" (this version needs {SCHEMA_REVISION})"
    click.echo(f"{database.shown_url}: {'no tables' if revision is None else f'schema {revision}'}{newest}")
