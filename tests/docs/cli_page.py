"""Writes ``docs/reference/cli.md`` from the commands' own help.

python tests/docs/cli_page.py > docs/reference/cli.md
"""

from __future__ import annotations

from collections.abc import Iterator

import click

from airflow_provider_sqlflow.cli.main import cli

INTRODUCTION = """\
# Command line

The command `sqlflow`, as its own help tells it. Results go to standard output; diagnostics, errors and
progress to standard error. Environment variables: [Configuration](configuration.md). How to use it:
[Analyse SQL files](../how-to/analyze-sql-files.md).

<!-- Written by tests/docs/cli_page.py: do not edit. -->
"""


def render() -> str:
    """The page."""
    return INTRODUCTION + "".join(_sections(cli, "sqlflow", None))


def _sections(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    settings = {**command.context_settings, "terminal_width": 88, "max_content_width": 88}
    context = click.Context(command, info_name=name, parent=parent, **settings)
    yield f"\n## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _sections(found, child, context)


if __name__ == "__main__":
    print(render(), end="")
