"""One table row for each operation: its path, parameters and what it does; and the route that it becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

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
                name=self.summary,
                include_in_schema=False,
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
