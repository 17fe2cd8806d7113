"""The reference pages name everything there is in the code, with its defaults, and nothing else."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime, timezone
from pathlib import Path

import pytest

from airflow_provider_sqlflow import engine, errors
from airflow_provider_sqlflow.engine import dialects
from airflow_provider_sqlflow.formats.csv_rows import HEADER
from airflow_provider_sqlflow.formats.registry import FORMATS, render
from airflow_provider_sqlflow.get_provider_info import get_provider_info
from airflow_provider_sqlflow.jobs.export import format_names
from airflow_provider_sqlflow.jobs.model import TRANSITIONS, JobCounts, JobStatus
from airflow_provider_sqlflow.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))
import captured_sql_page
import cli_page
import constructs_page

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "airflow_provider_sqlflow"


def rows_of(text: str) -> list[list[str]]:
    """The cells of all table rows whose first cell is a `name`."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if re.match(r"\| \[?`", line)]
    return [[cell.strip() for cell in row] for row in rows]


def names_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def sections_of(text: str) -> dict[str, str]:
    """Text by level-two heading, backticks taken away."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {name.replace("`", ""): body for name, body in zip(parts[1::2], parts[2::2], strict=True)}


# Command line ------------------------------------------------------------------------------------


def test_the_command_line_page_is_the_help(read_page):
    assert read_page("reference/cli.md") == cli_page.render(), (
        "run: python tests/docs/cli_page.py > docs/reference/cli.md"
    )


# Constructs --------------------------------------------------------------------------------------


def test_the_constructs_page_counts_the_fixtures(read_page):
    assert read_page("reference/constructs.md") == constructs_page.render(), (
        "run: python tests/docs/constructs_page.py > docs/reference/constructs.md"
    )


# Captured SQL ------------------------------------------------------------------------------------


def test_the_captured_sql_page_is_what_both_parsers_give(read_page):
    assert read_page("explanation/captured-sql.md") == captured_sql_page.render(), (
        "run: python tests/docs/captured_sql_page.py > docs/explanation/captured-sql.md"
    )


@pytest.mark.parametrize("title", captured_sql_page.STATEMENTS)
def test_every_statement_of_the_captured_sql_page_has_our_column_lineage(title):
    assert captured_sql_page.read(captured_sql_page.STATEMENTS[title])


# Configuration and connection --------------------------------------------------------------------


def test_every_option(read_page):
    options = get_provider_info()["config"]["sqlflow"]["options"]
    rows = {names_in(row[0])[0]: row for row in rows_of(read_page("reference/configuration.md"))}
    assert list(rows) == list(options)
    settings = {field.name for field in fields(Settings)}
    for name, row in rows.items():
        default = options[name]["default"]
        assert row[1] == (f"`{default}`" if default else "empty")
        assert row[2] == f"`AIRFLOW__SQLFLOW__{name.upper()}`"
        assert row[3] == (f"`SQLFLOW_{name.upper()}`" if name in settings else "")
    assert settings <= set(rows)


def test_every_connection_field(read_page):
    page = read_page("reference/connection.md")
    connection = get_provider_info()["connection-types"][0]
    for name, field in connection["conn-fields"].items():
        assert f"| {field['label']} | extra `{name}` |" in page
    assert "| Host | `host` |" in page
    assert connection["ui-field-behaviour"]["hidden-fields"] == []
    for name, label in connection["ui-field-behaviour"]["relabeling"].items():
        assert f"| {label} | `{name}` |" in page


@pytest.mark.parametrize("number", [0, 1])
def test_connection_examples_are_read(read_page, number):
    from airflow.sdk import Connection

    page = read_page("reference/connection.md")
    text = re.findall(r"AIRFLOW_CONN_SQLFLOW_DEFAULT='(.*?)'", page, re.DOTALL)[number]
    connection = Connection.from_uri(text, "c") if "://?" in text else Connection.from_json(text, "c")
    assert connection.conn_type == "sqlflow"
    assert not connection.host
    assert connection.extra_dejson == {"store_url": "postgresql://sqlflow:password@db.example.com/sqlflow"}


# Operators ---------------------------------------------------------------------------------------


def classes() -> Iterator[tuple[ast.ClassDef, dict[str, ast.expr | None]]]:
    """The classes users meet in the Airflow layer, and their arguments with defaults."""
    for path in sorted(
        path
        for folder in ("operators", "sensors", "triggers", "hooks", "notifications")
        for path in (PACKAGE / folder).glob("*.py")
    ):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("SqlFlow"):
                inits = [
                    item
                    for item in node.body
                    if isinstance(item, ast.FunctionDef) and item.name == "__init__"
                ]
                if not inits:  # a link takes no arguments
                    assert node.name.endswith("Link")
                    continue
                [init] = inits
                plain = init.args.args[1:]
                defaults = [None] * (len(plain) - len(init.args.defaults)) + [*init.args.defaults]
                found = dict(zip([item.arg for item in plain], defaults, strict=True))
                names = [item.arg for item in init.args.kwonlyargs]
                yield node, found | dict(zip(names, init.args.kw_defaults, strict=True))


@pytest.mark.parametrize(("node", "arguments"), list(classes()), ids=lambda value: getattr(value, "name", ""))
def test_every_argument_of_a_class(read_page, node, arguments):
    section = sections_of(read_page("reference/operators-and-sensors.md"))[node.name]
    table = section.split("| method |")[0]
    rows = {names_in(row[0])[0]: row for row in rows_of(table)}
    assert set(rows) == set(arguments)
    for name, default in arguments.items():
        if default is None:
            assert rows[name][1] == "required", name
        elif isinstance(default, ast.Constant) and name != "poke_interval":
            shown = names_in(rows[name][1])[0]
            same = shown in (ast.unparse(default), ast.unparse(default).replace("'", '"'))
            assert same or (default.value is None and "[sqlflow]" in shown), name
    templated = {
        element.value
        for item in node.body
        if isinstance(item, ast.AnnAssign) and ast.unparse(item.target) == "template_fields"
        for element in ast.walk(item)
        if isinstance(element, ast.Constant)
    }
    for name, row in rows.items():
        assert ("templated" in row[2]) == (name in templated), name


def test_every_method_of_the_hook(read_page):
    section = sections_of(read_page("reference/operators-and-sensors.md"))["SqlFlowHook"]
    [hook] = [node for node, _ in classes() if node.name == "SqlFlowHook"]
    methods = {
        item.name
        for item in hook.body
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and not item.name.startswith("_")
    }
    assert set(re.findall(r"`(\w+)\(", section)) == methods


def test_every_status_and_change(read_page):
    section = sections_of(read_page("reference/operators-and-sensors.md"))["Job statuses"]
    rows = {names_in(row[0])[0]: set(names_in(row[2])) for row in rows_of(section)}
    assert rows == {
        status.value: {following.value for following in TRANSITIONS[status]}
        for status in JobStatus
        if status is not JobStatus.UNKNOWN
    }


def test_every_count(read_page):
    section = sections_of(read_page("reference/operators-and-sensors.md"))["SqlFlowSubmitJobOperator"]
    assert all(f"`{field.name}`" in section for field in fields(JobCounts))


# Formats -----------------------------------------------------------------------------------------


def test_every_format(read_page):
    page = read_page("reference/formats.md")
    rows = {names_in(row[0])[0]: row for row in rows_of(page.split("\n## ")[0])}
    assert set(rows) == set(format_names())
    for name, entry in FORMATS.items():
        assert rows[name][1:3] == [f"`{entry.suffix}`", f"`{entry.media_type}`"]


def test_every_export_option(read_page):
    from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
    from airflow_provider_sqlflow.formats.sqlflow.settings import setting_names

    section = sections_of(read_page("reference/formats.md"))["Options"]
    listed = {name: row for row in rows_of(section) for name in names_in(row[0])}
    assert set(listed) == set(setting_names())
    for field in fields(ExportOptions):
        default = getattr(DEFAULT_OPTIONS, field.name)
        shown = getattr(default, "value", default)
        assert names_in(listed[field.name][1]) == [str(shown).lower()], field.name


def test_the_readme_lists_every_format():
    rows = rows_of((REPOSITORY / "README.md").read_text())
    assert {name for row in rows for name in names_in(row[0])} == set(format_names())


def test_the_fields_of_formats(read_page):
    import json

    sections = sections_of(read_page("reference/formats.md"))
    result = engine.analyze("INSERT INTO t SELECT count(*) AS n FROM s WHERE a = 1; SELECT a b c")
    assert ", ".join(f"`{name}`" for name in HEADER) in sections["csv"]
    edge = json.loads(render("edges", result).splitlines()[0])
    listed = [name for row in rows_of(sections["edges"]) for name in names_in(row[0])]
    assert listed == list(edge)
    assert ", ".join(f"`{key}`" for key in edge["source"]) in sections["edges"]
    for kind in engine.RelationKind:
        assert f"`{kind.value}`" in sections["edges"]
    for subtype in engine.Subtype:
        assert f"`{subtype.value}`" in sections["edges"]
    data = json.loads(render("json", result))["data"]
    members = {name.split(".")[-1] for row in rows_of(sections["json"]) for name in names_in(row[0])}
    assert set(data) | set(data["sqlflow"]) <= members | {"sqlflow"}
    for key in (*data["summary"], *data["sqlflow"]["relationships"][0], *data["sqlflow"]["errors"][0]):
        assert f"`{key}`" in sections["json"], key
    diagram = json.loads(
        render("er-json", engine.analyze("CREATE TABLE t (a INT PRIMARY KEY REFERENCES u (b))"))
    )
    (relationship,) = diagram["relationships"]
    for key in (*diagram, *diagram["entities"][0], *relationship, *relationship["to"]):
        assert f"`{key}`" in sections["er-json"], key
    keys = re.findall(r'attr\.name="(\w+)"', render("graphml", result, title="x").decode())
    for key in keys:
        assert f"`{key}`" in sections["graphml"], key


# Diagnostics and errors --------------------------------------------------------------------------

REPORTERS = {
    "report": None,
    "_report": None,
    "Diagnostic": None,
    "warn": "warning",
    "_fail": "error",
    "Note": "warning",
}


def reported() -> dict[str, str]:
    """Every diagnostic code in the source, with its severity."""
    found: dict[str, str] = {}
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name not in REPORTERS:
                continue
            severities = [
                argument.attr.lower()
                for argument in call.args
                if isinstance(argument, ast.Attribute) and ast.unparse(argument.value) == "Severity"
            ]
            for argument in call.args:
                if isinstance(argument, ast.Constant) and re.fullmatch(
                    r"[a-z]+(_[a-z]+)+", str(argument.value)
                ):
                    found[str(argument.value)] = severities[0] if severities else REPORTERS[name] or ""
    return found


def test_every_diagnostic_and_its_severity(read_page):
    rows = rows_of(read_page("reference/diagnostics.md"))
    assert {names_in(row[0])[0]: row[1] for row in rows} == reported()


def subclasses(cls: type[errors.SqlFlowError]) -> Iterator[type[errors.SqlFlowError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from subclasses(child)


def test_every_error(read_page):
    rows = [
        [*(names_in(cell)[0] for cell in row[:3]), row[3]]
        for row in rows_of(read_page("reference/errors.md"))
    ]
    expected = [
        [cls.__name__, cls.__base__.__name__, cls.code, "yes" if cls.retryable else "no"]
        for cls in subclasses(errors.SqlFlowError)
        if cls.__module__ == errors.__name__
    ]
    assert sorted(rows) == sorted(expected)


# Engine and dialects -----------------------------------------------------------------------------


def test_every_public_name_of_the_engine(read_page):
    page = read_page("reference/engine-api.md")
    missing = [name for name in engine.__all__ if not re.search(rf"\b{name}\b", page)]
    assert missing == []


@pytest.mark.parametrize(
    "cls",
    [engine.Edge, engine.ColumnRef, engine.RelationId, engine.Relation, engine.RelationEdge, engine.Key,
     engine.Span, engine.Diagnostic],
)  # fmt: skip
def test_every_field_of_the_model(read_page, cls):
    rows = {names_in(row[0])[0]: row[1] for row in rows_of(read_page("reference/engine-api.md"))}
    listed = names_in(rows[cls.__name__].split(";")[0])
    assert listed == [field.name for field in fields(cls)]


def test_every_member_of_a_result(read_page):
    section = sections_of(read_page("reference/engine-api.md"))["LineageResult"]
    members = {field.name for field in fields(engine.LineageResult)} | {
        name
        for name, value in vars(engine.LineageResult).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }
    listed = {re.sub(r"\(.*", "", name) for row in rows_of(section) for name in names_in(row[0])}
    assert listed == members - {"folded_edges", "folded_relation_edges"}  # edges(), relation_edges()


def test_every_dialect(read_page):
    lines = [line.strip("|").split("|") for line in read_page("reference/dialects.md").splitlines()]
    table = {row[0].strip(" `"): row for row in lines if len(row) == 6 and "`" in row[3]}
    assert set(table) == {"generic", *dialects.known_dialects()}
    for name, row in table.items():
        dialect = "" if name == "generic" else name
        for spelling in names_in(row[1]) + names_in(row[2]):
            assert dialects.resolve_dialect(spelling) == dialect
        assert names_in(row[3]) == [dialects.vendor_of(dialect)]
        assert (row[5].strip() == "yes") == dialects.rules_of(dialect).has_lateral_alias
    listed = {spelling for row in table.values() for spelling in names_in(row[1]) + names_in(row[2])}
    assert listed == set(dialects._VENDORS) | set(dialects._ALIASES)


# REST API ----------------------------------------------------------------------------------------


def test_every_operation_of_the_api(read_page):
    from airflow_provider_sqlflow.api.app import OPERATIONS

    section = sections_of(read_page("reference/sqlflow-api.md"))["Operations"]
    listed = [(re.sub("[` ]", "", row[0]), row[1]) for row in rows_of(section)]
    methods = {operation.path: ",".join(operation.methods) for operation in OPERATIONS}
    wanted = [
        (path if methods[path] == "POST" else f"{path}({methods[path]})", summary)
        for path, summary in ((operation.path, operation.summary) for operation in OPERATIONS)
    ]
    assert listed == wanted


def test_every_parameter_without_effect(read_page):
    from airflow_provider_sqlflow.api.app import OPERATIONS

    section = sections_of(read_page("reference/sqlflow-api.md"))["Accepted without effect"]
    without = {
        field.alias or name
        for operation in OPERATIONS
        for name, field in operation.parameters.model_fields.items()
        if (field.description or "").startswith("Accepted")
    }
    assert {names_in(row[0])[0] for row in rows_of(section)} == without


def test_every_code_of_an_error(read_page):
    from airflow_provider_sqlflow.api.envelope import STATUSES

    section = sections_of(read_page("reference/sqlflow-api.md"))["Answers"]
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    assert listed == {status for _, status in STATUSES} | {405}


# Contributing ------------------------------------------------------------------------------------


def test_every_make_task(read_page):
    tasks = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", read_page("contributing.md"))) == tasks - {"help"}


def test_every_layer(read_page):
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "get_provider_info"}
    section = sections_of(read_page("explanation/architecture.md"))["Layers"]
    listed = {
        name
        for line in section.splitlines()
        if line.startswith("| ") and "`" in line
        for name in names_in(line.split("|")[2])
    }
    assert listed == folders | modules


def test_every_extra(read_page):
    text = (REPOSITORY / "pyproject.toml").read_text()
    block = re.search(r"\[project.optional-dependencies\]\n(.*?)\n\[", text, re.DOTALL).group(1)
    extras = set(re.findall(r"^(\w+) = \[", block, re.MULTILINE))
    rows = rows_of(read_page("how-to/install.md"))
    assert {names_in(row[0])[0] for row in rows} == extras


# OpenLineage -------------------------------------------------------------------------------------


def test_every_connection_type_has_a_namespace(read_page):
    from airflow_provider_sqlflow.emission.namespaces import ConnectionFacts, database_address, known_types

    section = sections_of(read_page("reference/openlineage.md"))["Names of datasets"]
    rows = {name: row for row in rows_of(section) for name in names_in(row[0])}
    assert set(rows) == set(known_types())
    hosts = {"sqlite": "/path", "duckdb": "/path"}
    extra = {
        "region": "region",
        "region_name": "region",
        "cluster_identifier": "cluster",
        "account": "org-account",
    }
    for name, row in rows.items():
        given = {key: value for key, value in extra.items() if not (key == "account" and name != "snowflake")}
        made = database_address(ConnectionFacts(name, hosts.get(name, "host"), extra=given)).namespace
        if name not in ("doris", "starrocks", "presto", "snowflake"):
            assert made == names_in(row[1])[0], name
        else:
            assert made.partition("://")[0] in row[1] or name == "presto"


def test_every_facet_is_listed(read_page):
    from airflow_provider_sqlflow.emission import DatasetNaming, EventContext, build_events, events_to_ndjson
    from tests.emission.test_events import PARENT, SCRIPT, read

    section = sections_of(read_page("reference/openlineage.md"))["Facets"]
    listed = {name for row in rows_of(section) for name in names_in(row[0])}
    context = EventContext(
        datetime(2026, 3, 1, tzinfo=timezone.utc),
        "n",
        "dag.task",
        DatasetNaming("postgres"),
        PARENT,
        {"load/daily.sql": SCRIPT},
        owners=("ann",),
        source_url="https://example.com/{path}",
        description="x",
    )
    told = set()
    for line in events_to_ndjson(build_events(read(SCRIPT), context)):
        event = json.loads(line)
        for part in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
            told |= set(part["facets"])
    assert told <= listed
    assert listed - told == {"dataSource", "symlinks"}, "those of a database whose address is known"
