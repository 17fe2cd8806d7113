"""The application: every operation on both prefixes, with its OpenAPI page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.api import exports, generation, job_graphs, jobs, schemas, syntax, users
from airflow_provider_sqlflow.api.context import Authenticate, LazyServer
from airflow_provider_sqlflow.api.envelope import Answer, error_response, response_of
from airflow_provider_sqlflow.api.limits import BodyLimit
from airflow_provider_sqlflow.api.openapi import TITLE, build_document
from airflow_provider_sqlflow.api.operations import Operation
from airflow_provider_sqlflow.api.reading import read_request
from airflow_provider_sqlflow.errors import SqlFlowError
from airflow_provider_sqlflow.settings import Settings

Check = Callable[[Request], Awaitable[None]]
"""Lets a request pass, or raises ``AccessDeniedError``."""

PREFIXES = ("/gspLive_backend", "/api/gspLive_backend")
"""Where clients look: the cloud's place, and the one behind a web server (reference sqlflow-api, 1.1)."""

OPERATIONS: tuple[Operation[Any], ...] = (
    *users.OPERATIONS,
    *generation.OPERATIONS,
    *jobs.OPERATIONS,
    *job_graphs.OPERATIONS,
    *exports.OPERATIONS,
    *schemas.OPERATIONS,
    *syntax.OPERATIONS,
)
"""Everything that the server answers."""


_SHORT_CALLS = 20
"""Calls at a time that need no process, such as asking how a job stands."""


def build_app(
    server: LazyServer,
    settings: Settings,
    *,
    prefixes: Sequence[str] = PREFIXES,
    guard: Authenticate | None = None,
) -> FastAPI:
    """The application.

    Args:
        server: what its operations work with; closed when the application ends.
        settings: limits that hold before there is a server.
        prefixes: under which paths the operations are served.
        guard: asked for what is no operation: the OpenAPI page, the version, paths that there are not.
            Operations ask the server's ``authenticate``.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(server.close)

    async def check(request: Request) -> None:
        if guard is not None:
            await guard(request, await read_request(request, settings.server_max_query_bytes))

    app = FastAPI(
        title=TITLE,
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=guard is None,  # a redirect tells which paths there are
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(
        BodyLimit,
        max_upload_bytes=settings.server_max_request_bytes,
        max_text_bytes=settings.server_max_query_bytes,
        seconds=settings.server_request_seconds,
    )
    # Threads of our own: waiting for a process must not take those of the host's other routes.
    threads = CapacityLimiter(settings.server_parallel + settings.server_queue + _SHORT_CALLS)
    for prefix in prefixes:
        router = APIRouter(prefix=prefix)
        for operation in OPERATIONS:
            operation.add_to(router, server, threads)
        app.include_router(router)
        app.include_router(_pages(app.title, prefixes, check), prefix=prefix)
    _add_errors(app, check)
    return app


def _pages(title: str, prefixes: Sequence[str], check: Check) -> APIRouter:
    """Version, OpenAPI document and a page that shows it."""
    from fastapi.openapi.docs import get_swagger_ui_html

    router = APIRouter(dependencies=[Depends(check)])

    @router.api_route("/version", methods=["GET", "POST"], include_in_schema=False)
    def version() -> Response:
        return Answer(members={"version": {"gsp": {"version": __version__}}}).response()

    @router.get("/openapi.json", include_in_schema=False)
    def document(request: Request) -> dict[str, Any]:
        root = request.scope.get("root_path", "").rstrip("/")
        return build_document(OPERATIONS, [f"{root}{prefix}" for prefix in prefixes])

    @router.get("/doc.html", include_in_schema=False)
    def page(request: Request) -> Response:
        own = request.url.path.rsplit("/", 1)[0]
        return get_swagger_ui_html(openapi_url=f"{own}/openapi.json", title=title)

    return router


def _add_errors(app: FastAPI, check: Check) -> None:
    """Errors of the framework in the one shape."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        try:
            await check(request)  # which paths there are is not for everybody
        except SqlFlowError as denied:
            return response_of(denied)
        response = error_response(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(SqlFlowError)
    async def known(_request: Request, error: SqlFlowError) -> Response:
        return response_of(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        names = ", ".join(".".join(map(str, item["loc"])) for item in error.errors())
        return error_response(400, f"cannot be understood: {names}")

    @app.exception_handler(Exception)
    async def failed(_request: Request, error: Exception) -> Response:
        return response_of(error)
