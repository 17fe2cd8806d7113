"""Limits that hold before a request is understood: how large its body is, how slowly it arrives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airflow_provider_sqlflow.api.envelope import error_response
from airflow_provider_sqlflow.errors import RequestError, RequestTooLargeError

FORM_OVERHEAD = 3
"""An urlencoded text is at most so many times as long as the text."""

_SLACK = 64 * 1024
"""For the other parameters."""


@dataclass
class BodyLimit:
    """Refuses bodies that are too large or pause too long, while they arrive.

    Attributes:
        app: what is protected; it answers the errors that its ``receive`` raises.
        max_upload_bytes: largest multipart body.
        max_text_bytes: largest SQL text; other bodies may be as large as its urlencoded form.
        seconds: longest pause between two pieces of a body.
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
        if said.isdigit() and int(said) > limit:
            await error_response(413, _too_large(limit))(scope, receive, send)
            return
        is_whole = False
        read = 0

        async def watched() -> Message:
            nonlocal is_whole, read
            if is_whole:  # whoever asks now waits for the client's leaving
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.seconds)
            except asyncio.TimeoutError:
                raise RequestError(f"nothing of the body arrived for {self.seconds:g} seconds") from None
            is_whole = not message.get("more_body", False)
            read += len(message.get("body", b""))
            if read > limit:
                raise RequestTooLargeError(_too_large(limit))
            return message

        await self.app(scope, watched, send)

    def _limit(self, content_type: str) -> int:
        if content_type.lower().startswith("multipart/"):
            return self.max_upload_bytes
        return min(self.max_upload_bytes, self.max_text_bytes * FORM_OVERHEAD + _SLACK)


def _too_large(limit: int) -> str:
    return (
        f"the body is larger than {limit} bytes; submit the SQL as files of a job, or raise "
        "server_max_request_bytes (uploads) or server_max_query_bytes (texts)"
    )
