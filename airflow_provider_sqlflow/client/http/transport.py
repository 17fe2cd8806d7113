"""Calls over HTTP: attempts, waiting, deadlines, redirects, bodies to and from files.

Knows nothing of jobs and tokens. Every failure leaves as an error of this package without the request in
it: request bodies hold secrets.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from airflow_provider_sqlflow.client.http.answers import (
    Answer,
    Envelope,
    check,
    read_envelope,
)
from airflow_provider_sqlflow.client.http.bodies import read_answer, whole_file
from airflow_provider_sqlflow.client.http.calls import Call, Expected
from airflow_provider_sqlflow.client.http.connections import open_connections
from airflow_provider_sqlflow.client.http.settings import HttpSettings
from airflow_provider_sqlflow.errors import (
    ClientError,
    ConfigError,
    DeadlineError,
    RedirectedError,
    RemoteUnavailableError,
    TlsError,
    TruncatedAnswerError,
    UnexpectedAnswerError,
    UnreadableInputError,
)

if TYPE_CHECKING:
    import httpx
    from tenacity import RetryCallState

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAME_METHOD = frozenset({307, 308})
_log = logging.getLogger(__name__)


class _AttemptError(Exception):
    """A failed attempt that another one may cure."""

    def __init__(self, error: ClientError, *, is_unbegun: bool = False, wait: float | None = None) -> None:
        super().__init__()
        self.error = error
        self.is_unbegun = is_unbegun
        """Whether the service surely did nothing."""
        self.wait = wait


class Transport:
    """The connections to one service. To be used on one event loop."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    async def send(self, call: Call) -> Envelope:
        """Carry a call out. An answer that went to the call's file leaves only its code here.

        Raises:
            AuthenticationError: the service refuses the credentials.
            JobNotFoundError: it knows no such job.
            RemoteError: it refuses for another reason.
            DeadlineError: no complete answer in time, all attempts together.
            RemoteUnavailableError: the service cannot be reached, is busy or down.
            EmptyAnswerError: the answer, or the data that the call needs, is missing.
            TruncatedAnswerError: the connection ended in the middle of the answer.
            RedirectedError: the service points elsewhere.
            TlsError: no secure connection.
            UnexpectedAnswerError: a web page, or another kind of file than expected.
        """
        seconds = self._settings.transfer_deadline if call.is_transfer else self._settings.deadline
        failures: list[ClientError] = []
        try:
            return await asyncio.wait_for(self._attempts(call, time.monotonic() + seconds, failures), seconds)
        except asyncio.TimeoutError:
            last = f"; the last attempt: {failures[-1]}" if failures else ""
            raise DeadlineError(
                f"{self._settings.base_url} did not answer in full within {seconds:g} seconds{last}"
            ) from None

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _attempts(self, call: Call, deadline: float, failures: list[ClientError]) -> Envelope:
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        def may_repeat(error: BaseException) -> bool:
            if not isinstance(error, _AttemptError):
                return False
            failures.append(error.error)
            if error.wait is not None and time.monotonic() + error.wait > deadline:
                return False
            return call.is_repeatable or error.is_unbegun

        def tell(state: RetryCallState) -> None:
            _log.info("%s, attempt %d: %s", call.path, state.attempt_number, failures[-1])

        retrying = AsyncRetrying(
            retry=retry_if_exception(may_repeat),
            stop=stop_after_attempt(self._settings.attempts),
            wait=_wait,
            before_sleep=tell,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    return await self._attempt(call)
        except _AttemptError as failed:
            raise failed.error from None
        raise AssertionError("tenacity returns or raises")

    async def _attempt(self, call: Call) -> Envelope:
        answer = await self._follow(call, f"{self._settings.base_url}{call.path}")
        if answer.is_saved and call.sink is not None:
            if call.expected is not Expected.JSON:
                return Envelope(answer.status)
            # A refusal is JSON as well, and tells itself apart only by its code.
            answer = replace(answer, body=await asyncio.to_thread(whole_file, call.sink))
        is_busy = answer.status in (429, 503)
        try:
            envelope = read_envelope(answer)
            is_busy = is_busy or envelope.is_busy
            if not (call.may_refuse and envelope.is_refusal):
                check(envelope)
            if call.expected is not Expected.JSON and envelope.is_ok:
                raise UnexpectedAnswerError(
                    f"the SQLFlow service answered with JSON where {call.expected.value} was expected",
                    answer.status,
                )
            if call.needs_data:
                envelope.object()
        except RemoteUnavailableError as error:
            raise _AttemptError(error, is_unbegun=is_busy, wait=answer.retry_after) from None
        return envelope

    async def _follow(self, call: Call, url: str) -> Answer:
        """Send to an address, and on to where the same service says it has moved."""
        for _ in range(_MAX_REDIRECTS + 1):
            answer, location = await self._exchange(call, url)
            if location is None:
                return answer
            target = urljoin(url, location)
            if answer.status not in _SAME_METHOD or not _is_same_service(url, target):
                raise RedirectedError(
                    f"the SQLFlow service redirects to {_shown(target)}; credentials are not sent there "
                    "unasked. If that is right, make it the host of the connection",
                    answer.status,
                )
            url = target
        raise RedirectedError("the SQLFlow service redirects in a circle", answer.status)

    async def _exchange(self, call: Call, url: str) -> tuple[Answer, str | None]:
        """One request and its answer; the place to go to instead, for a redirect."""
        import httpx

        client = await self._open()
        is_answering = False
        try:
            with ExitStack() as stack:
                files: Any = call.open_parts(stack) if call.open_parts else None
                request = client.build_request("POST", url, data=dict(call.fields), files=files)
                response = await client.send(request, stream=True)
            is_answering = True
            try:
                if response.status_code in _REDIRECTS:
                    return Answer(response.status_code), response.headers.get("location", "")
                return await read_answer(call, response), None
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise self._translated(error, is_answering) from None
        except OSError as error:
            raise UnreadableInputError(f"cannot read what is to be sent: {error.strerror or error}") from None
        except httpx.InvalidURL:
            raise ConfigError("SQLFlow service: the address cannot be used") from None

    def _translated(self, error: httpx.HTTPError, is_answering: bool) -> Exception:
        import httpx

        where = self._settings.base_url
        if _is_tls(error):
            return TlsError(
                f"no secure connection to {where}: {_reason(error)}. For a private authority give the "
                "connection its CA file; for a service without TLS write http:// before the host"
            )
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
            kind = (
                "cannot be reached" if not isinstance(error, httpx.PoolTimeout) else "has no free connection"
            )
            return _AttemptError(RemoteUnavailableError(f"{where} {kind}: {_reason(error)}"), is_unbegun=True)
        if isinstance(error, httpx.ProxyError):
            return _AttemptError(
                RemoteUnavailableError(f"the proxy in front of {where} refuses"), is_unbegun=True
            )
        if isinstance(error, httpx.TimeoutException):
            return _AttemptError(
                RemoteUnavailableError(f"{where} was silent for {self._settings.read_timeout:g} seconds")
            )
        if isinstance(error, httpx.DecodingError):
            return UnexpectedAnswerError(f"{where} answered with content that cannot be unpacked")
        if is_answering:
            return _AttemptError(
                TruncatedAnswerError(f"the connection to {where} ended in the middle of the answer")
            )
        return _AttemptError(RemoteUnavailableError(f"the connection to {where} broke: {_reason(error)}"))

    async def _open(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                # Certificates are read from disk: in a thread, for the sake of other callers.
                self._client = await asyncio.to_thread(open_connections, self._settings)
            return self._client


def _wait(state: RetryCallState) -> float:
    """Seconds before the next attempt: what the service asks for, else doubling, with chance in it."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _AttemptError) and error.wait is not None:
        return error.wait
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (state.attempt_number - 1))
    return random.uniform(longest / 2, longest)  # noqa: S311  # spreads callers, guards nothing


def _is_same_service(url: str, target: str) -> bool:
    """Whether credentials may follow: the same host, and not from https to http."""
    here, there = urlsplit(url), urlsplit(target)
    if here.hostname != there.hostname:
        return False
    if here.scheme == there.scheme:
        return here.port == there.port
    return here.scheme == "http" and there.scheme == "https"


def _shown(url: str) -> str:
    """An address without password and query."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    return (
        f"{parts.scheme}://{name}:{parts.port}{parts.path}"
        if parts.port
        else f"{parts.scheme}://{name}{parts.path}"
    )


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
