"""Limits that hold before a request is understood: how large its body is, how slowly it arrives."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_sqlflow.api.envelope import error_response
from airflow_provider_sqlflow.errors import RequestError, RequestTooLargeError

FORM_OVERHEAD = 3
"""An urlencoded text is at most so many times as long as the text."""

_SLACK = 64 * 1024
"""For the other parameters."""

_SLOWEST = 1024
"""Bytes in a second, after the first while: who sends slower than that keeps the server waiting."""


@dataclass
class BodyLimit:
    """Refuses bodies that are too large or too slow, while they arrive.

    Attributes:
        app: what is protected; it answers the errors that its ``receive`` raises.
        max_upload_bytes: largest multipart body.
        max_text_bytes: largest SQL text; other bodies may be as large as its urlencoded form.
        seconds: longest pause between two pieces of a body; a body that takes longer than that must arrive
            with a kilobyte a second at least.
    """

    app: ASGIApp
    max_upload_bytes: int
    max_text_bytes: int
    seconds: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._limit(headers.get("content-type", ""))
        said = headers.get("content-length", "")
        if said.isascii() and said.isdecimal() and int(said) > limit:
            await error_response(413, _too_large(limit))(scope, receive, _closing(send))
            return
        is_whole = said in ("", "0") and "transfer-encoding" not in headers
        read = 0
        begin = time.monotonic()

        async def watched() -> Message:
            nonlocal is_whole, read
            if is_whole:  # who asks now gets the end of no body, or waits for the client's leaving
                return await receive()
            left = begin + self.seconds + read / _SLOWEST - time.monotonic()
            try:
                message = await asyncio.wait_for(receive(), min(max(left, 0), self.seconds))
            except asyncio.TimeoutError:
                raise RequestError("the body arrives too slowly") from None
            is_whole = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > limit:
                raise RequestTooLargeError(_too_large(limit))
            return message

        async def answered(message: Message) -> None:
            # Or the server would go on to read what nobody wants.
            await (send if is_whole else _closing(send))(message)

        await self.app(scope, watched, answered)

    def _limit(self, content_type: str) -> int:
        if content_type.lower().startswith("multipart/"):
            return self.max_upload_bytes
        return min(self.max_upload_bytes, self.max_text_bytes * FORM_OVERHEAD + _SLACK)


def _closing(send: Send) -> Send:
    """Sends answers after which the connection ends."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return closing


def _too_large(limit: int) -> str:
    return (
        f"the body is larger than {limit} bytes; submit the SQL as files of a job, or raise "
        "server_max_request_bytes (uploads) or server_max_query_bytes (texts)"
    )
