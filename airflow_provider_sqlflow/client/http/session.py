"""Calls with credentials: the token is fetched when first needed, kept, and renewed once when refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from weakref import WeakKeyDictionary

from airflow_provider_sqlflow.client.http.answers import Envelope
from airflow_provider_sqlflow.client.http.calls import Call
from airflow_provider_sqlflow.client.http.settings import HttpSettings
from airflow_provider_sqlflow.client.http.transport import Transport
from airflow_provider_sqlflow.errors import AuthenticationError, SqlFlowError, UnexpectedAnswerError

TOKEN_PATH = "/user/generateToken"  # noqa: S105  # the path of an operation
NO_TOKEN = "token"  # noqa: S105  # the word that the vendor's scripts send where no login is asked for
HIDDEN = "***"


class Session:
    """One account on one service. To be used on one event loop; see :func:`acquire`."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._transport = Transport(settings)
        self._renewing = asyncio.Lock()
        self._token = "" if settings.secret_key else settings.token or NO_TOKEN
        self.users = 0
        """How many clients share the session."""

    async def send(self, call: Call) -> Envelope:
        """Carry a call out in the account's name; errors as in :meth:`Transport.send`.

        Raises:
            AuthenticationError: the service refuses the account, or a new token as well.
        """
        try:
            token = self._token or await self._renew("")
            try:
                return await self._send(call, token)
            except AuthenticationError:
                if not self._settings.secret_key:
                    raise
            return await self._send(call, await self._renew(token))
        except SqlFlowError as error:
            raise self._without_secrets(error) from None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _send(self, call: Call, token: str) -> Envelope:
        fields = {"userId": self._settings.user_id, "token": token, **call.fields}
        return await self._transport.send(replace(call, fields=fields))

    async def _renew(self, refused: str) -> str:
        """A token other than the refused one; callers that wait for the same one fetch it once."""
        async with self._renewing:
            if self._token in ("", refused):
                token = await self._fetch()
                if self._settings.on_token is not None:
                    await asyncio.to_thread(self._settings.on_token, token)
                self._token = token
            return self._token

    async def _fetch(self) -> str:
        credentials = {"userId": self._settings.user_id, "secretKey": self._settings.secret_key}
        envelope = await self._transport.send(Call(TOKEN_PATH, credentials, may_refuse=True))
        if envelope.is_refusal:
            raise AuthenticationError(
                f"the SQLFlow service gives user {self._settings.user_id} no token "
                f"(code {envelope.code}): {envelope.error or 'no reason given'}"
            )
        token = envelope.members.get("token")
        if not token and isinstance(envelope.data, dict):
            token = envelope.data.get("token")
        if not isinstance(token, str) or not token:
            raise UnexpectedAnswerError("the SQLFlow service answered without a token", envelope.code)
        return token

    def _without_secrets(self, error: SqlFlowError) -> SqlFlowError:
        """The error, should the service have quoted a secret in its text, without it."""
        secrets = [text for text in (self._settings.secret_key, self._settings.token, self._token) if text]
        secrets = [text for text in secrets if text != NO_TOKEN]
        if any(secret in str(part) for part in error.args for secret in secrets):
            error.args = tuple(
                _hidden(part, secrets) if isinstance(part, str) else part for part in error.args
            )
        return error


def _hidden(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[HttpSettings, Session]] = WeakKeyDictionary()


def acquire(settings: HttpSettings) -> Session:
    """The session of these settings on the running loop; every caller must :func:`release` it."""
    here = _sessions.setdefault(asyncio.get_running_loop(), {})
    if settings not in here:
        here[settings] = Session(settings)
    here[settings].users += 1
    return here[settings]


async def release(settings: HttpSettings) -> None:
    """Give a session back; the last caller closes it."""
    here = _sessions.get(asyncio.get_running_loop(), {})
    session = here.get(settings)
    if session is None:
        return
    session.users -= 1
    if session.users <= 0:
        del here[settings]
        await session.aclose()
