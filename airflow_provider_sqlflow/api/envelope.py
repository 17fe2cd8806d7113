"""What the server answers: the documented envelope, files, and one shape for every error.

Facts: reference sqlflow-api, sections 1.4 and 7. An error is ``{"code": N, "error": "text"}``, and N is the
HTTP status too.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fastapi import Response
from fastapi.responses import StreamingResponse

from airflow_provider_sqlflow import errors

log = logging.getLogger(__name__)

JSON = "application/json;charset=utf-8"
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""Headers of every answer: nobody keeps it, whose URL may hold a token, and no browser guesses what it is."""

_INERT = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""For pictures, which hold texts of the SQL: shown as a page of their own, they do nothing."""

OK = 200
OK_WITH_PROBLEMS = 203
"""A result, though a part of the SQL was not understood."""

STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (errors.AccessDeniedError, 401),
    (errors.TokenError, 401),
    (errors.HostNotAllowedError, 403),
    (errors.PermissionDeniedError, 403),
    (errors.AccountLimitError, 413),
    (errors.JobNotFoundError, 404),
    (errors.SessionNotFoundError, 404),
    (errors.LineageError, 404),
    (errors.JobError, 409),
    (errors.RequestTooLargeError, 413),
    (errors.ServerBusyError, 503),
    (errors.NoRunnerError, 503),
    (errors.StoreUnavailableError, 503),
    (errors.RequestTimeoutError, 504),
    (errors.WorkerDiedError, 500),
    (errors.StoreError, 500),
    (errors.SqlFlowError, 400),
)
"""What an error means to a client; the first that fits."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An envelope.

    Attributes:
        data: the payload: a value, or JSON that was written already.
        session_id: of the result, for calls that come back to it.
        job_id: the job it belongs to.
        problems: what of the SQL was not understood.
        members: further members at the top.
    """

    data: Any = None
    session_id: str = ""
    job_id: str = ""
    problems: tuple[str, ...] = ()
    members: Mapping[str, Any] = field(default_factory=dict)

    def response(self) -> Response:
        """The answer on the wire."""
        answer: dict[str, Any] = {"code": OK_WITH_PROBLEMS if self.problems else OK}
        named = {"sessionId": self.session_id, "jobId": self.job_id, "error": "\n".join(self.problems)}
        answer |= {name: value for name, value in named.items() if value}
        answer |= self.members
        text = json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")
        if self.data is not None:
            data = self.data
            if not isinstance(data, bytes):
                data = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
            text = b"".join((text[:-1], b', "data": ', data, b"}"))
        return Response(text, headers=PRIVATE, media_type=JSON)


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A file, from memory or from a temporary path that goes when it was sent.

    Attributes:
        content: its bytes, or where they are.
        media_type: of the file.
        name: what a browser saves it as; empty shows it in place.
    """

    content: bytes | Path
    media_type: str
    name: str = ""

    def response(self) -> Response:
        """The answer on the wire."""
        headers = {**PRIVATE, "Content-Security-Policy": _INERT}
        if self.name:
            headers["Content-Disposition"] = f'attachment; filename="{_plain(self.name)}"'
        if isinstance(self.content, bytes):
            return Response(self.content, media_type=self.media_type, headers=headers)
        stream = self.content.open("rb")
        self.content.unlink()  # whatever becomes of the connection, nothing stays behind
        headers["Content-Length"] = str(os.fstat(stream.fileno()).st_size)
        return StreamingResponse(_pieces(stream), media_type=self.media_type, headers=headers)


def error_response(code: int, message: str) -> Response:
    """The one shape of an error."""
    headers = dict(PRIVATE)
    if code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if code == 503:
        headers["Retry-After"] = "1"
    text = json.dumps({"code": code, "error": message}, ensure_ascii=False)
    return Response(text.encode("utf-8", "replace"), code, headers, JSON)


def response_of(error: Exception) -> Response:
    """What a client is told of an error; one that nobody foresaw is logged and not told."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            if status >= 500:
                log.warning("%s: %s", type(error).__name__, error)
            return error_response(status, str(error))
    log.error("a request failed", exc_info=error)
    return error_response(500, "the server failed; its log says more")


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(1 << 16):
            yield piece


def _plain(name: str) -> str:
    """A file name that is safe in a header."""
    kept = "".join(
        letter if (letter.isalnum() and letter.isascii()) or letter in "._-" else "_" for letter in name
    )
    return kept[:100] or "export"
