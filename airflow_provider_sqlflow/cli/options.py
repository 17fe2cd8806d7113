"""Options that several commands share, and the values behind them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar

import click

from airflow_provider_sqlflow.errors import ConfigError, UnreadableInputError

STDIN = "-"
STDIN_NAME = "<stdin>"

FORMAT_HELP = (
    "One of: tree (text for people), edges (one column edge a JSON line), json (SQLFlow's document), "
    "csv, graphml (yEd), svg, png, openlineage (one event a line)."
)

Command = TypeVar("Command", bound=Callable[..., object])


def analysis_options(command: Command) -> Command:
    """Add the options that say how SQL is to be read."""
    for option in (
        click.option("--default-schema", metavar="NAME", help="Schema of names that give none."),
        click.option("--default-database", metavar="NAME", help="Database of names that give none."),
        click.option(
            "--catalog",
            "catalog_path",
            metavar="FILE",
            help='Columns of tables: JSON {"database.schema.table": ["column", ...]}, or a .sql file of '
            "CREATE statements.",
        ),
        click.option(
            "--dialect",
            "-d",
            required=True,
            metavar="NAME",
            help="SQL dialect: snowflake, bigquery, postgres ..., or SQLFlow's name (dbvsnowflake).",
        ),
    ):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""Prints JSON instead of text for people."""


def moment(text: str) -> datetime:
    """The aware time that a text such as 2026-01-31 or 2026-01-31T08:30+02:00 means; UTC without a zone."""
    try:
        found = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time such as 2026-01-31 or 2026-01-31T08:30+02:00"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)


def age(text: str) -> timedelta:
    """The length of time that a text such as 12h, 30d or 8w means."""
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a length of time such as 12h, 30d or 8w")
    hours = {"h": 1, "d": 24, "w": 24 * 7}[match[2]]
    return timedelta(hours=hours * int(match[1]))


def read_catalog(path: str | None, dialect: str = "") -> Mapping[str, tuple[str, ...]]:
    """Columns by table name, from a JSON file or from the CREATE statements of a ``.sql`` file.

    Empty without a path.

    Raises:
        ConfigError: the file cannot be read, has another shape, or declares nothing.
    """
    if path is None:
        return {}
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read catalog {path}: {error.strerror}") from None
    if path.lower().endswith((".sql", ".ddl")):
        return _read_ddl(path, content, dialect)
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ConfigError(f"catalog {path} is not JSON, nor is it named .sql: {error}") from None
    is_table = isinstance(document, dict) and all(
        isinstance(columns, list) and all(isinstance(column, str) for column in columns)
        for columns in document.values()
    )
    if not is_table:
        raise ConfigError(f'catalog {path} is not of the form {{"database.schema.table": ["column", ...]}}')
    return {table: tuple(columns) for table, columns in document.items()}


def _read_ddl(path: str, content: bytes, dialect: str) -> Mapping[str, tuple[str, ...]]:
    """The relations that a DDL file declares. What is not understood there is told, not fatal."""
    from airflow_provider_sqlflow.cli.rendering import diagnostic_line
    from airflow_provider_sqlflow.engine import Severity, declared_columns
    from airflow_provider_sqlflow.ingest.text import UndecodableTextError, decode_sql

    try:
        columns, diagnostics = declared_columns(decode_sql(content), dialect=dialect, source_name=path)
    except UndecodableTextError as error:
        raise ConfigError(f"catalog {path}: {error}") from None
    for diagnostic in diagnostics:
        if diagnostic.severity is Severity.ERROR:
            click.echo(diagnostic_line(diagnostic), err=True)
    if not columns:
        raise ConfigError(f"catalog {path} has no CREATE TABLE or CREATE VIEW with known columns")
    return columns


def read_stdin() -> str:
    """The SQL text on standard input.

    Raises:
        UnreadableInputError: it is no text.
    """
    from airflow_provider_sqlflow.ingest.text import UndecodableTextError, decode_sql

    try:
        return decode_sql(sys.stdin.buffer.read())
    except UndecodableTextError as error:
        raise UnreadableInputError(f"standard input: {error}") from None


def default_name(paths: tuple[str, ...]) -> str:
    """What a job or document is called when nobody says: the first input's name."""
    return "stdin" if paths[0] == STDIN else Path(paths[0]).resolve().stem
