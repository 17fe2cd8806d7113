"""The OpenAPI document, made from the table of operations: what it says is what is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.api.operations import POST, Operation

TITLE = "SQLFlow REST API"

_REF = "#/components/schemas/{model}"
_DESCRIPTION = (
    "SQL lineage: the interface that Gudu SQLFlow documents, served by airflow-provider-sqlflow. A parameter "
    "may stand in the query, in an urlencoded body or in a multipart part; the body wins. Empty ones count "
    "as not given, unknown ones are ignored."
)
_ERRORS = {
    "400": "A parameter is missing, or has a value that it cannot have.",
    "401": "There is no token, or it is not the account's.",
    "403": "The server may not connect to that host, or the account may not submit jobs.",
    "404": "The account has no such job or session.",
    "409": "The job's status does not allow it, or it has no result.",
    "413": "The request is too large.",
    "503": "The server is busy, or nobody is there to run jobs; try again later.",
    "504": "The request took too long.",
}
_ENVELOPE = {
    "type": "object",
    "required": ["code"],
    "properties": {
        "code": {
            "description": "200, or 203 where a part of the SQL was not understood; a text in generateToken.",
            "anyOf": [{"type": "integer"}, {"type": "string"}],
        },
        "data": {"description": "What was asked for."},
        "sessionId": {"type": "string", "description": "Under which later calls find the result."},
        "jobId": {"type": "string"},
        "error": {"type": "string", "description": "What of the SQL was not understood, a line each."},
    },
}
_ERROR = {
    "type": "object",
    "required": ["code", "error"],
    "properties": {"code": {"type": "integer"}, "error": {"type": "string"}},
}


def build_document(operations: Iterable[Operation[Any]], servers: Sequence[str]) -> dict[str, Any]:
    """The OpenAPI 3.1 document.

    Args:
        operations: what is served.
        servers: the prefixes of their paths.
    """
    listed = list(operations)
    models = list(dict.fromkeys(operation.parameters for operation in listed))
    _, schemas = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template=_REF
    )
    components = dict(schemas["$defs"])
    required = {name: frozenset(described.get("required", ())) for name, described in components.items()}
    for operation in listed:
        if not operation.is_json:  # a parameter may stand in the query or in the body: no place can demand it
            components[operation.parameters.__name__].pop("required", None)
    paths: dict[str, Any] = {}
    for operation in listed:
        described = components[operation.parameters.__name__]
        for method in operation.methods:
            needs = required[operation.parameters.__name__]
            found = _operation(operation, method, described["properties"], needs)
            paths.setdefault(operation.path, {})[method.lower()] = found
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": __version__, "description": _DESCRIPTION},
        "servers": [{"url": server} for server in servers],
        "paths": paths,
        "components": {"schemas": {**components, "Envelope": _ENVELOPE, "Error": _ERROR}},
    }


def _operation(
    operation: Operation[Any], method: str, properties: dict[str, Any], required: frozenset[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": f"{method.lower()}{operation.path.replace('/', '_')}",
        "summary": operation.summary,
        "tags": [operation.group],
        "responses": _responses(operation),
    }
    if operation.is_json:
        content = {"application/json": {"schema": _ref(operation)}}
        return {**found, "requestBody": {"required": True, "content": content}}
    found["parameters"] = [
        _query_parameter(name, told, is_required=name in required) for name, told in properties.items()
    ]
    if method == POST:
        found["requestBody"] = {"required": False, "content": _bodies(operation)}
    return found


def _query_parameter(name: str, told: dict[str, Any], *, is_required: bool) -> dict[str, Any]:
    need = "Required, here or in the body. " if is_required else ""
    schema = {key: value for key, value in told.items() if key not in ("description", "title")}
    description = need + told.get("description", "")
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def _bodies(operation: Operation[Any]) -> dict[str, Any]:
    scalars = _ref(operation)
    parts: dict[str, Any] = scalars
    if operation.file_part:
        file = {"type": "string", "format": "binary"}
        files = file if operation.file_part == "sqlfile" else {"type": "array", "items": file}
        parts = {"allOf": [scalars, {"type": "object", "properties": {operation.file_part: files}}]}
    return {
        "application/x-www-form-urlencoded": {"schema": scalars},
        "multipart/form-data": {"schema": parts},
    }


def _responses(operation: Operation[Any]) -> dict[str, Any]:
    def schema(media_type: str) -> dict[str, Any]:
        if media_type == "application/json":
            return {"$ref": _REF.format(model="Envelope")}
        return {"type": "string"}

    content = {media_type: {"schema": schema(media_type)} for media_type in operation.media_types}
    error = {"application/json": {"schema": {"$ref": _REF.format(model="Error")}}}
    return {
        "200": {"description": "The answer.", "content": content},
        **{code: {"description": text, "content": error} for code, text in _ERRORS.items()},
    }


def _ref(operation: Operation[Any]) -> dict[str, str]:
    return {"$ref": _REF.format(model=operation.parameters.__name__)}
