"""The page of declared jobs says what the schema and the functions say."""

from __future__ import annotations

import inspect
import re

import jsonschema
import yaml

from airflow_provider_sqlflow.dag_factory import dags_from_store
from airflow_provider_sqlflow.jobs.schedules.declared import _schema
from tests.docs.conftest import REPOSITORY
from tests.docs.jobs_page import render


def test_the_page_is_what_the_schema_says(read_page):
    assert read_page("reference/jobs-yaml.md") == render()


def test_the_schema_is_one_and_takes_the_example():
    jsonschema.Draft202012Validator.check_schema(_schema())
    text = (REPOSITORY / "dags" / "sqlflow_jobs.yaml").read_text()
    jsonschema.Draft202012Validator(_schema()).validate(yaml.safe_load(text))


def test_defaults_are_keys_of_jobs():
    shared = _schema()["properties"]["defaults"]["properties"]
    assert all(value == {"$ref": f"#/$defs/job/properties/{name}"} for name, value in shared.items())
    own = {"description", "paths", "sql", "catalog"}
    assert set(shared) == set(_schema()["$defs"]["job"]["properties"]) - own


def test_every_argument_of_dags_from_store(read_page):
    page = read_page("how-to/schedule-persist-jobs.md")
    table = page.split("## Jobs in a YAML file")[0]
    listed = re.findall(r"^\| `(\w+)` \| (.+?) \|", table, re.MULTILINE)
    arguments = inspect.signature(dags_from_store).parameters
    assert [name for name, _ in listed] == list(arguments)
    for name, shown in listed:
        default = arguments[name].default
        if default not in ("", None):
            assert shown.strip("`").replace('"', "'") in (repr(default), str(default)), name


def test_every_task_is_listed(read_page):
    page = read_page("how-to/schedule-persist-jobs.md")
    section = page.split("## What such a Dag does")[1].split("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [
        "fetch",
        "submit",
        "wait",
        "export",
        "emit",
        "publish",
    ]
