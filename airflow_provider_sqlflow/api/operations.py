"""One table row for each operation: its path, parameters and what it does; and the route that it becomes."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from airflow_provider_sqlflow.api.context import Caller, LazyServer, Server
from airflow_provider_sqlflow.api.envelope import Answer, FileAnswer, response_of
from airflow_provider_sqlflow.api.reading import Given, parse, read_request

log = logging.getLogger(__name__)

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

    def add_to(self, router: APIRouter, lazy: LazyServer, threads: CapacityLimiter) -> None:
        """Serve the operation.

        Args:
            router: takes the routes.
            lazy: what the operation works with.
            threads: how many calls may be under way; most of them wait for a process.
        """
        for method in self.methods:
            router.add_api_route(
                self.path,
                self._endpoint(lazy, threads),
                methods=[method],
                name=self.summary,
                include_in_schema=False,
                response_model=None,
            )

    def _endpoint(
        self, lazy: LazyServer, threads: CapacityLimiter
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            begin = time.monotonic()
            caller = NOBODY
            try:
                server = await run_sync(lazy.get, limiter=threads)
                given = await read_request(request, server.settings.server_max_query_bytes)
                if self.needs_account:
                    caller = await server.authenticate(request, given)
                call = Call(server, caller, parse(self.parameters, given), given)
                response = await run_sync(self._respond, call, limiter=threads)
            except Exception as error:  # noqa: BLE001  # every error has the one shape
                response = response_of(error)
            finally:
                await request.close()  # what it uploaded
            used = round(1000 * (time.monotonic() - begin))
            # The path only: parameters hold tokens.
            log.info(
                "%s %s by %r: %s in %d ms", request.method, self.path, caller.id, response.status_code, used
            )
            return response

        return endpoint

    def _respond(self, call: Call[P]) -> Response:
        return self.run(call).response()
