"""The REST API inside Airflow's API server: Airflow knows the users, runs of a Dag do the jobs.

Imported by :mod:`airflow_provider_sqlflow.plugins.sqlflow` in the API server only: the one process that may
use Airflow's metadata database. What Airflow gives a mounted app: reference airflow-ui-plugin, sections 1, 3.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from airflow.api.common.trigger_dag import trigger_dag
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import get_user, resolve_user_from_token
from airflow.exceptions import DagRunAlreadyExists
from airflow.models.dag import DagModel
from airflow.sdk.configuration import conf as airflow_conf
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from anyio import from_thread
from fastapi import FastAPI, HTTPException, Request

from airflow_provider_sqlflow import conf
from airflow_provider_sqlflow.api.app import build_app
from airflow_provider_sqlflow.api.authentication import token_of_header
from airflow_provider_sqlflow.api.context import Caller, LazyServer, Server
from airflow_provider_sqlflow.api.opening import open_server
from airflow_provider_sqlflow.api.reading import Given
from airflow_provider_sqlflow.dag_factory.runner import JOB_KEY, RUN_KEY
from airflow_provider_sqlflow.errors import (
    AccessDeniedError,
    NoRunnerError,
    PermissionDeniedError,
    RequestError,
)
from airflow_provider_sqlflow.jobs.model import SERVER_QUEUE, Job
from airflow_provider_sqlflow.settings import Settings

log = logging.getLogger(__name__)

_GET_TOKEN = "get a token of Airflow (POST /auth/token, or generateToken with user name and password)"  # noqa: S105
_LOGIN_SECONDS = 30.0


def build_airflow_app() -> FastAPI:
    """The application that Airflow mounts; the job store is opened by the first request that needs it.

    Raises:
        ConfigError: an option of the section ``[sqlflow]`` cannot be used.
    """
    settings, dag_id = conf.settings(), conf.server_runner_dag()
    return build_app(LazyServer(partial(_open, settings, dag_id)), settings, guard=AirflowUsers())


def _open(settings: Settings, dag_id: str) -> Server:
    return open_server(
        settings,
        runner=DagRunner(dag_id),
        authenticate=AirflowUsers(),
        credentials=AirflowLogin(),
        check_submit=partial(check_submit, dag_id),
        queue=SERVER_QUEUE,
    )


# -- who asks


@dataclass(frozen=True, slots=True)
class AirflowUsers:
    """Takes Airflow's tokens where SQLFlow's clients put theirs, and the cookie of a login.

    The account's id is the user name. ``userId`` may be left out.
    """

    async def __call__(self, request: Request, given: Given) -> Caller:
        """The user.

        Raises:
            AccessDeniedError: nobody is logged in, or it is not the user that ``userId`` names.
        """
        try:
            user = await self._user(request, given)
        except HTTPException as error:
            raise AccessDeniedError(f"{error.detail}: {_GET_TOKEN}") from None
        name = user.get_name()
        if given.values.get("userId", name) not in ("", name):
            raise AccessDeniedError(f"userId is not valid: the token belongs to {name!r}")
        return Caller(name, user)

    async def _user(self, request: Request, given: Given) -> Any:
        token = given.values.get("token") or token_of_header(request)
        if token and " " not in token:  # else a scheme that is none of ours: a proxy's Basic, say
            return await resolve_user_from_token(token)
        if _is_of_another_page(request):
            raise HTTPException(401, "requests of other web pages are not answered")
        return await get_user(request, None, None)


def _is_of_another_page(request: Request) -> bool:
    """Whether a browser says that the page which makes the request is none of this Airflow's.

    A cookie proves nothing then: browsers send it along for pages of the same host under another port.
    """
    origin = request.headers.get("origin")
    if origin is None:
        return False
    own = {request.headers.get("host", ""), urlsplit(airflow_conf.get("api", "base_url", fallback="")).netloc}
    return origin.partition("://")[2] not in own - {""}


@dataclass(frozen=True, slots=True)
class AirflowLogin:
    """Gives Airflow's tokens for user name and password, as ``POST /auth/token`` does."""

    def issue_token(self, user_id: str, secret_key: str) -> str:
        """See the protocol."""
        if not secret_key:
            raise AccessDeniedError("secretKey: is required; it is the password of the Airflow user")
        status, answer = from_thread.run(_log_in, user_id, secret_key)
        token = answer.get("access_token") if status == 201 else None
        if status in (401, 403):
            raise AccessDeniedError(
                "userId or secretKey is not valid: they are an Airflow user name and password"
            )
        if not isinstance(token, str):
            raise RequestError(
                f"{type(get_auth_manager()).__name__} gives no token for a user name and a password: get one "
                "as its documentation says, and send it as parameter token or in the header Authorization"
            )
        owner = from_thread.run(get_auth_manager().get_user_from_token, token).get_name()
        if owner != user_id:
            raise AccessDeniedError(f"userId is not valid: Airflow knows this user as {owner!r}")
        return token

    def new_secret_key(self, caller: Caller) -> str:
        """See the protocol."""
        raise RequestError(
            "Airflow keeps the accounts: the secret key is the password, which is changed in Airflow"
        )


async def _log_in(name: str, password: str) -> tuple[int, dict[str, Any]]:
    """What this Airflow's own ``/auth/token`` answers, which is where each auth manager has its login."""
    from airflow.api_fastapi.main import app  # the one that runs: this process has it long since
    from httpx import ASGITransport, AsyncClient

    transport = ASGITransport(app, raise_app_exceptions=False)
    async with AsyncClient(
        transport=transport, base_url="http://localhost", timeout=_LOGIN_SECONDS
    ) as client:
        response = await client.post(
            f"{app.root_path}/auth/token", json={"username": name, "password": password}
        )
    try:
        answer = response.json()
    except ValueError:
        answer = None
    return response.status_code, answer if isinstance(answer, dict) else {}


# -- who runs jobs


@dataclass(frozen=True, slots=True)
class DagRunner:
    """A :class:`~airflow_provider_sqlflow.jobs.runners.base.JobRunner`: each job gets a run of a Dag.

    Attributes:
        dag_id: of the Dag.
    """

    dag_id: str

    def run(self, job: Job) -> None:
        """See the protocol. A run of a job gets one run of the Dag, however often it is asked for."""
        try:
            trigger_dag(
                self.dag_id,
                triggered_by=DagRunTriggeredByType.REST_API,
                triggering_user_name=job.owner,
                run_id=f"sqlflow__{job.id}__{job.run}",
                conf={JOB_KEY: str(job.id), RUN_KEY: job.run},
            )
        except DagRunAlreadyExists:
            log.debug("run %d of job %s has its Dag run", job.run, job.id)
        except Exception:
            # The job is kept; to fail the request now would make its client submit it twice.
            log.exception("job %s waits for the next scheduled run of the Dag %s", job.id, self.dag_id)


def check_submit(dag_id: str, caller: Caller) -> None:
    """Let a user submit who may trigger the Dag that runs jobs, if there is one.

    Raises:
        PermissionDeniedError: the user may not.
        NoRunnerError: the Dag is not there, is paused or cannot be run.
    """
    with create_session() as session:
        dag = session.get(DagModel, dag_id)
        problem = _problem(dag)
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    if not get_auth_manager().is_authorized_dag(
        method="POST", access_entity=DagAccessEntity.RUN, details=details, user=caller.identity
    ):
        raise PermissionDeniedError(
            f"{caller.id!r} may not submit jobs: that takes the right to trigger {dag_id}"
        )
    if problem:
        raise NoRunnerError(f"nobody would run the job: the Dag {dag_id} {problem}")


def _problem(dag: DagModel | None) -> str:
    """Why a Dag does not run; empty if it does."""
    if dag is None or dag.is_stale:
        return (
            "is not there; put a file into the Dag folder that calls airflow_provider_sqlflow.dag_factory."
            "runner_dag(), or name another Dag in [sqlflow] server_runner_dag"
        )
    if dag.has_import_errors:
        return "has import errors: Airflow's home page shows them"
    if dag.is_paused:
        return "is paused: switch it on in Airflow"
    if dag.allowed_run_types is not None and DagRunType.MANUAL not in dag.allowed_run_types:
        return "takes no manual runs: allow them in its file"
    return ""
