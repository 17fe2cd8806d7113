"""Options that several commands share, and the values behind them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
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
            metavar="FILE.json",
            help='Columns of tables: {"database.schema.table": ["column", ...]}.',
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


def read_catalog(path: str | None) -> Mapping[str, tuple[str, ...]]:
    """Columns by table name from a JSON file; empty without one.

    Raises:
        ConfigError: the file cannot be read or has another shape.
    """
    if path is None:
        return {}
    try:
        document = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read catalog {path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"catalog {path} is not JSON: {error}") from None
    is_table = isinstance(document, dict) and all(
        isinstance(columns, list) and all(isinstance(column, str) for column in columns)
        for columns in document.values()
    )
    if not is_table:
        raise ConfigError(f'catalog {path} is not of the form {{"database.schema.table": ["column", ...]}}')
    return {table: tuple(columns) for table, columns in document.items()}


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
