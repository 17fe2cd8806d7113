"""What pages show is what happens: commands, Python sessions, Dags, the README's figures."""

from __future__ import annotations

import ast
import doctest
import re
import shlex
from pathlib import Path

import pytest
from airflow.sdk import DAG
from click.testing import CliRunner

from airflow_provider_sqlflow.cli.main import cli

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"
PAGES = [README, *sorted((REPOSITORY / "docs").rglob("*.md"))]


def blocks_of(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def cases(language: str) -> list[object]:
    return [
        pytest.param(block, id=f"{page.relative_to(REPOSITORY)}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks_of(page, language), start=1)
    ]


def run(command: str) -> str:
    """What a ``sqlflow`` command prints, with ``echo "text" |`` before it or without."""
    text = None
    if command.startswith("echo "):
        left, _, command = command.partition(" | ")
        text = shlex.split(left)[1] + "\n"
    name, *arguments = shlex.split(command)
    assert name == "sqlflow", f"not a command that can be run here: {command}"
    result = CliRunner().invoke(cli, arguments, input=text, prog_name="sqlflow")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    # The command line encodes whole files, rows of CSV included.
    return result.output.replace("\r\n", "\n")


def pattern_of(shown: str) -> str:
    """A line ``...`` stands for any lines, ``...`` inside a line for anything in it."""
    lines = (
        "(?:.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
        for line in shown.splitlines()
    )
    return "".join(lines)


@pytest.mark.parametrize("block", cases("console"))
def test_commands_print_what_the_page_shows(block, workshop):
    commands = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    assert commands
    for command, wanted in commands:
        printed = run(command)
        assert re.fullmatch(pattern_of(wanted), printed), f"{command}\n{printed}"


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page, "pycon")], ids=str)
def test_python_sessions(page):
    source = "\n".join(blocks_of(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(source, {}, page.name, str(page), 0)
    report: list[str] = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)


DAGS = [case for case in cases("python") if "@dag" in case.values[0]]


@pytest.mark.parametrize("block", DAGS)
def test_dags_in_pages_build(block, monkeypatch):
    made = []
    monkeypatch.setattr(DAG, "__exit__", _noting(DAG.__exit__, made))
    exec(compile(block, "page.py", "exec"), {"__name__": "page"})
    [dag] = made
    assert dag.tasks


def _noting(leave, made):
    def note(dag, *arguments):
        made.append(dag)
        return leave(dag, *arguments)

    return note


@pytest.mark.parametrize("block", cases("python"))
def test_python_in_pages_is_python(block):
    if not block.startswith("--8<--"):
        ast.parse(block)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_included_files_are_still_included(page):
    # The formatter takes the marker for an expression, except between "fmt: off" and "fmt: on".
    assert not re.search(r"^--8 <", page.read_text(), re.MULTILINE)


# README ------------------------------------------------------------------------------------------


def test_the_dag_in_the_readme_is_the_example():
    example = (REPOSITORY / "dags" / "example_sqlflow_minimal.py").read_text()
    marked = re.search(r"# \[START sqlflow_minimal\]\n(.*?)# \[END sqlflow_minimal\]", example, re.DOTALL)
    assert blocks_of(README, "python") == [marked.group(1)]


@pytest.mark.parametrize("dialect", ["bigquery", "postgres", "snowflake"])
def test_the_figures_in_the_readme(dialect, workshop):
    printed = run(f"sqlflow analyze dags/sql/{dialect} --dialect {dialect} --format csv")
    counts = [int(count) for count in re.findall(r"(\d+) [a-z]", printed.splitlines()[-1])]
    status = "partial_success" if "error parse_error" in printed else "success"
    row = re.search(rf"^ {dialect} .*$", README.read_text(), re.MULTILINE).group().split()
    assert row[:2] == [dialect, status]
    # The demo's size, not its every edge: the figures need not change with each step of the engine.
    counts.remove(1) if status != "success" else None
    assert [int(count) for count in row[2:]] == pytest.approx(counts, rel=0.1, abs=3), counts


def test_the_number_of_files_in_the_readme():
    files = len(list((REPOSITORY / "dags" / "sql").rglob("*.sql")))
    assert f"on {files} SQL files" in README.read_text()
    assert f"{files} SQL files" in (REPOSITORY / "docs" / "changelog.md").read_text()


def test_the_picture_shows_the_lineage_of_the_tutorial(workshop):
    picture = (REPOSITORY / "docs" / "images" / "lineage.svg").read_text()
    run("sqlflow analyze shop --dialect postgres --format svg --output now.svg")
    shown = r"<text[^>]*>([^<]+)</text>"
    assert re.findall(shown, picture) == re.findall(shown, Path("now.svg").read_text())


def test_links_of_the_readme_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", README.read_text()):
        if "://" not in target:
            assert (REPOSITORY / target).exists(), target
