"""One table row for each operation: its path, parameters and what it does; and the route that it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from airflow_provider_sqlflow.api.context import Caller, LazyServer, Server
from airflow_provider_sqlflow.api.envelope import Answer, FileAnswer, response_of
from airflow_provider_sqlflow.api.reading import Given, parse, read_request

P = TypeVar("P", bound=BaseModel)

GET, POST = "GET", "POST"
NOBODY = Caller("")


@dataclass(frozen=True, slots=True)
class Call(Generic[P]):
    """One request to an operation.

    Attributes:
        server: what the operation works with.
        caller: whose request it is; without an id where the operation needs no account.
        parameters: checked.
        given: the request as it came, with its files.
    """

    server: Server
    caller: Caller
    parameters: P
    given: Given

    @property
    def user(self) -> str:
        """Id of the caller's account."""
        return self.caller.id


@dataclass(frozen=True, slots=True)
class Operation(Generic[P]):
    """An operation of the API.

    Attributes:
        path: below the prefix.
        parameters: the model of its parameters.
        run: does it; called in a thread.
        summary: one line for people.
        group: heading in the OpenAPI page.
        methods: HTTP methods.
        file_part: name of the part that brings files; empty for none.
        is_json: the body is a JSON object.
        media_types: of the answer.
        needs_account: whether the caller must prove who it is.
    """

    path: str
    parameters: type[P]
    run: Callable[[Call[P]], Answer | FileAnswer]
    summary: str
    group: str
    methods: Sequence[str] = (POST,)
    file_part: str = ""
    is_json: bool = False
    media_types: Sequence[str] = ("application/json",)
    needs_account: bool = True

    def add_to(self, router: APIRouter, lazy: LazyServer) -> None:
        """Serve the operation."""
        for method in self.methods:
            router.add_api_route(
                self.path,
                self._endpoint(lazy),
                methods=[method],
                name=self.path.rsplit("/", 1)[-1],
                operation_id=f"{method.lower()}{router.prefix}{self.path}".replace("/", "_"),
                summary=self.summary,
                tags=[self.group],
                openapi_extra=describe(self, method),
                responses={code: {"model": ErrorBody} for code in (400, 401, 404, 409, 413, 503)},  # type: ignore[misc]
                response_model=None,
            )

    def _endpoint(self, lazy: LazyServer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                server = await asyncio.to_thread(lazy.get)
                given = await read_request(request, server.settings.server_max_query_bytes)
                caller = await server.authenticate(request, given) if self.needs_account else NOBODY
                call = Call(server, caller, parse(self.parameters, given), given)
                answer = await asyncio.to_thread(self._respond, call)
            except Exception as error:  # noqa: BLE001  # every error has the one shape
                return response_of(error)
            return answer

        return endpoint

    def _respond(self, call: Call[P]) -> Response:
        return self.run(call).response()


class ErrorBody(BaseModel):
    """The one shape of an error."""

    code: int
    error: str


def describe(operation: Operation[Any], method: str) -> dict[str, Any]:
    """The operation's parameters and answer for OpenAPI: each scalar in the query or in a body."""
    schema = operation.parameters.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    required = set(schema.get("required", ()))
    properties: dict[str, Any] = {}
    for name, found in schema["properties"].items():
        told = dict(found)
        if name in required and not operation.is_json:
            # It may stand in the query or in the body, so neither place can demand it.
            told["description"] = f"Required. {told.get('description', '')}"
        properties[name] = told
    described: dict[str, Any] = {
        "responses": {
            "200": {
                "description": "The answer; code is 203 where a part of the SQL was not understood.",
                "content": {kind: {"schema": _schema_of(kind)} for kind in operation.media_types},
            }
        }
    }
    if operation.is_json:
        body = {"type": "object", "properties": properties, "required": sorted(required)}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        return described
    described["parameters"] = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": told.get("description", ""),
            "schema": {key: value for key, value in told.items() if key not in ("description", "title")},
        }
        for name, told in properties.items()
    ]
    if method == POST:
        form = {"type": "object", "properties": properties}
        parts = {**properties}
        if operation.file_part == "sqlfile":
            parts["sqlfile"] = {"type": "string", "format": "binary"}
        elif operation.file_part:
            parts[operation.file_part] = {"type": "array", "items": {"type": "string", "format": "binary"}}
        described["requestBody"] = {
            "required": False,
            "content": {
                "application/x-www-form-urlencoded": {"schema": form},
                "multipart/form-data": {"schema": {"type": "object", "properties": parts}},
            },
        }
    return described


def _schema_of(media_type: str) -> dict[str, Any]:
    if media_type != "application/json":
        return {"type": "string"}
    return {
        "type": "object",
        "required": ["code"],
        "properties": {
            "code": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "data": {},
            "sessionId": {"type": "string"},
            "jobId": {"type": "string"},
            "error": {"type": "string"},
        },
    }
