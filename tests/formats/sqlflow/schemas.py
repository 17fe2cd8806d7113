"""Checks documents against the JSON Schemas that the package ships."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import jsonschema
from referencing import Registry, Resource

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions

SCHEMA_OF = {
    "json": "json.schema.json",
    "json-tables": "json.schema.json",
    "json-flat": "json-flat.schema.json",
    "json-v2": "json-v2.schema.json",
}
FOLDER = files("airflow_provider_sqlflow.formats.sqlflow")


@lru_cache(maxsize=1)
def registry() -> Registry[Any]:
    names = sorted(set(SCHEMA_OF.values()))
    resources = [(name, Resource.from_contents(json.loads((FOLDER / name).read_text()))) for name in names]
    return Registry().with_resources(resources)


@lru_cache(maxsize=4)
def validator(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((FOLDER / SCHEMA_OF[name]).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, registry=registry())


def valid(
    name: str,
    result: LineageResult,
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The document of a result, checked against its schema and for ends that exist."""
    document: dict[str, Any] = json.loads(render(name, result, options=options, texts=lambda: texts or {}))
    errors = [f"{error.json_path}: {error.message[:300]}" for error in validator(name).iter_errors(document)]
    assert not errors, "\n".join(errors[:5])
    if name == "json-v2":
        _check_ids(document["nodes"], document["relationships"], [])
    else:
        check_ends(document["data"]["sqlflow"])
    return document


def xml(
    result: LineageResult, options: ExportOptions = DEFAULT_OPTIONS, texts: dict[str, str] | None = None
) -> ElementTree.Element:
    """The XML document, read back."""
    return ElementTree.fromstring(render("xml", result, options=options, texts=lambda: texts or {}))


def objects_of(sqlflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Every object of a document, of either shape."""
    dbobjs = sqlflow["dbobjs"]
    if isinstance(dbobjs, list):
        return [item for item in dbobjs if item["type"] != "process"]
    return [
        item
        for server in dbobjs["servers"]
        for database in server["databases"]
        for schema in database.get("schemas", [database])
        for name in ("tables", "views", "others")
        for item in schema[name]
    ]


def check_ends(sqlflow: dict[str, Any]) -> None:
    """Ids are unique and every end of a relation is a column of its object."""
    objects = objects_of(sqlflow)
    processes = sqlflow.get("processes") or [
        item for item in sqlflow["dbobjs"] if isinstance(item, dict) and item["type"] == "process"
    ]
    columns = {column["id"]: (column["name"], item["id"]) for item in objects for column in item["columns"]}
    known = {item["id"] for item in [*objects, *processes]}
    ids = [item["id"] for item in [*objects, *processes, *sqlflow["relationships"]]] + list(columns)
    assert len(ids) == len(set(ids))
    for relationship in sqlflow["relationships"]:
        assert relationship.get("processId", None) in {None, *known}
        for end in (relationship["target"], *relationship["sources"]):
            if "column" in end:
                assert columns[end["id"]] == (end["column"], end["parentId"]), end
            else:
                assert end["id"] in known


def _check_ids(nodes: list[dict[str, Any]], edges: list[dict[str, Any]], others: list[str]) -> None:
    ids = [item["id"] for item in [*nodes, *edges]] + others
    assert len(ids) == len(set(ids))
    known = {node["id"] for node in nodes}
    assert all({edge["source"], edge["target"]} <= known for edge in edges)
