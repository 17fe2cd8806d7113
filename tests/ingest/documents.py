"""Documents of dbt and of the ingester, made for the tests that read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def manifest(
    *nodes: dict[str, Any], version: int = 12, adapter: str = "postgres", **more: Any
) -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": f"https://schemas.getdbt.com/dbt/manifest/v{version}.json",
            "adapter_type": adapter,
            "project_name": "shop",
        },
        "nodes": {node["unique_id"]: node for node in nodes},
        "sources": {},
        **more,
    }


def model(
    name: str, sql: str, materialized: str = "view", kind: str = "model", **more: Any
) -> dict[str, Any]:
    return {
        "unique_id": f"{kind}.shop.{name}",
        "resource_type": kind,
        "package_name": "shop",
        "name": name,
        "alias": name,
        "database": "dev",
        "schema": "marts",
        "relation_name": f'"dev"."marts"."{name}"',
        "original_file_path": f"models/{name}.sql",
        "language": "sql",
        "compiled_code": sql,
        "columns": {},
        **more,
        "config": {"materialized": materialized, **more.get("config", {})},
    }


def catalog(tables: dict[str, list[str]]) -> dict[str, Any]:
    """``catalog.json`` with columns listed backwards, as their order in the file means nothing."""
    nodes = {}
    for dotted, columns in tables.items():
        database, schema, name = dotted.split(".")
        numbered = list(enumerate(columns, 1))
        nodes[dotted] = {
            "metadata": {"database": database, "schema": schema, "name": name, "type": "BASE TABLE"},
            "columns": {column: {"name": column, "index": index} for index, column in reversed(numbered)},
        }
    return {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"},
        "nodes": {},
        "sources": nodes,
    }


def metadata(*servers: dict[str, Any]) -> dict[str, Any]:
    return {
        "createTime": "2026-01-01 00:00:00",
        "createdBy": "sqlflow-ingester v1.1.8",
        "servers": list(servers),
    }


def table(name: str, *columns: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "table", "columns": [{"name": column} for column in columns], **more}


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path
