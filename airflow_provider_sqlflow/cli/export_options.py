"""The flags by which commands say what an export shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

# Flags of exports and the option each sets; what they mean: docs/reference/formats.md.
_SWITCHES = (
    ("--no-direct", "direct", "false", "Leave out edges along which values flow."),
    ("--no-indirect", "indirect", "false", "Leave out edges whose source only decides."),
    ("--joins", "joins", "true", "Show which columns joins compare."),
    ("--keys", "keys", "true", "Show foreign keys."),
    ("--functions", "functions", "true", "Show function calls as objects."),
    ("--constants", "constants", "true", "Show constants as sources."),
    ("--transforms", "transforms", "true", "Give the text of each transformation."),
    ("--no-count", "count_is_direct", "false", "Take nothing from the argument of count(x)."),
    ("--normalize-names", "normalize_names", "true", "Write names as the dialect compares them."),
    ("--table-level", "table_level", "true", "Join tables, not columns."),
    ("--no-self", "self_lineage", "false", "Leave out table-level edges from a table to itself."),
)


def export_options(command: Command) -> Command:
    """Add the options that say what an export shows; the command gets them as ``options``."""

    @wraps(command)
    def collected(*args: object, **values: object) -> object:
        options = {option: value for _, option, value, _ in _SWITCHES if values.pop(f"switch_{option}")}
        for name in ("result_sets", "delimiter"):
            given = values.pop(name)
            if given is not None:
                options[name] = str(given)
        settings = values.pop("settings")
        options.update(dict(settings if isinstance(settings, tuple) else ()))
        return command(*args, options=options, **values)

    decorated: Command = collected  # type: ignore[assignment]
    for option in reversed(_export_parameters()):
        decorated = option(decorated)
    return decorated


def _export_parameters() -> list[Callable[[Command], Command]]:
    parameters = [
        click.option(flag, f"switch_{option}", is_flag=True, help=text) for flag, option, _, text in _SWITCHES
    ]
    parameters.insert(
        4,
        click.option(
            "--result-sets",
            type=click.Choice(["all", "top", "none"]),
            help="Which query results are objects: every step, only results that nobody stores, none.",
        ),
    )
    return [
        *parameters,
        click.option(
            "--delimiter", metavar="CHAR", help="Between the values of a CSV row; tab for a tabulator."
        ),
        click.option(
            "--setting",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            callback=_pairs,
            help="One of SQLFlow's settings (showRelationType=fdd,join); may be given several times.",
        ),
    ]


def _pairs(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
    return tuple((name, text) for name, _, text in (value.partition("=") for value in values))
