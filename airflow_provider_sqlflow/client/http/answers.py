"""What a SQLFlow service answers, read leniently, and what its failures mean.

Facts: reference sqlflow-api, sections 1.4 and 7. Services of different ages spell the code as a number or a
string, and many say 200 over HTTP whatever the code in the body is.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_sqlflow.errors import (
    AuthenticationError,
    ClientError,
    EmptyAnswerError,
    JobNotFoundError,
    RemoteError,
    RemoteUnavailableError,
    SqlFlowError,
    TruncatedAnswerError,
    UnexpectedAnswerError,
)

WITH_WARNINGS = 203
"""Code of an answer whose result is there, with hints of the parser in ``error``."""

_UNAUTHORISED = frozenset({401, 403})
_OK = frozenset({200, 201, WITH_WARNINGS})
_BUSY = re.compile(r"service is busy|try again later", re.IGNORECASE)
_NO_JOB = re.compile(
    r"\bjob\b.{0,80}(not found|not exist|doesn't exist|no such)|no such job|\bno job\b", re.I | re.S
)
_MAX_TEXT = 500
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer over HTTP.

    Attributes:
        status: HTTP status.
        media_type: content type without its parameters, in lower case.
        body: the whole body; empty when it went to a file.
        retry_after: seconds that the service asks to wait, ``None`` where it does not.
        is_saved: whether the body went to the file that the call named.
    """

    status: int
    media_type: str = ""
    body: bytes = b""
    retry_after: float | None = None
    is_saved: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """The JSON object around every answer.

    Attributes:
        code: outcome as a number; the HTTP status where the body says nothing.
        data: payload.
        error: message, lines joined with ``; ``.
        members: the whole object.
    """

    code: int
    data: Any = None
    error: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Whether the operation gave a result, warnings or not."""
        return self.code in _OK

    @property
    def is_busy(self) -> bool:
        """Whether the service refuses because of other work; nothing was begun."""
        return self.code == 429 or (not self.is_ok and bool(_BUSY.search(self.error)))

    @property
    def is_refusal(self) -> bool:
        """Whether the service looked at what was asked, and said no."""
        return not (self.is_ok or self.is_busy or self.code in _UNAUTHORISED)

    def object(self) -> Mapping[str, Any]:
        """The payload, where it has to be an object with something in it.

        Raises:
            EmptyAnswerError: it is missing or empty.
        """
        if isinstance(self.data, Mapping) and self.data:
            return self.data
        if self.data in (None, "", [], {}):
            raise EmptyAnswerError("the SQLFlow service answered without data")
        raise UnexpectedAnswerError("the SQLFlow service answered with data of an unknown shape", self.code)


def read_envelope(answer: Answer) -> Envelope:
    """The envelope of an answer, whatever its code.

    Raises:
        EmptyAnswerError: there is no body.
        TruncatedAnswerError: the JSON ends too early.
        UnexpectedAnswerError: a web page, or anything else that is no JSON object.
        RemoteUnavailableError: as those two, with an HTTP status that says that the service is down.
        AuthenticationError: likewise, with HTTP status 401 or 403.
    """
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise _no_json(answer, error) from None
    if not isinstance(found, dict):
        raise UnexpectedAnswerError("the SQLFlow service answered with JSON that is no object", answer.status)
    return envelope_of(found, answer.status)


def envelope_of(found: Mapping[str, Any], status: int = 200) -> Envelope:
    """The envelope that a JSON object is."""
    # Web frameworks in front of the service answer {"status": 400, "error": "Bad Request"}.
    code = _number(found.get("code", found.get("status", status)), status)
    if code in _OK and status >= 400:
        code = status
    error = found.get("error") or found.get("msg") or found.get("message") or ""
    if isinstance(error, (list, tuple)):
        error = "\n".join(map(str, error))
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return Envelope(code, found.get("data"), "; ".join(lines), found)


def check(envelope: Envelope) -> Envelope:
    """Pass an envelope that has a result; its warnings are logged.

    Raises:
        AuthenticationError: code 401 or 403.
        JobNotFoundError: the service does not know the job.
        RemoteUnavailableError: it is busy, or has an error of its own.
        RemoteError: any other code.
    """
    if not envelope.is_ok:
        raise failure(envelope)
    if envelope.code == WITH_WARNINGS and envelope.error:
        _log.warning("The SQLFlow service gave a result with warnings: %s", shorten(envelope.error))
    return envelope


def failure(envelope: Envelope) -> SqlFlowError:
    """The error that an envelope without result stands for."""
    text = shorten(envelope.error) or "no reason given"
    if envelope.code in _UNAUTHORISED:
        return AuthenticationError(
            f"the SQLFlow service refuses the credentials (code {envelope.code}): {text}"
        )
    if envelope.is_busy:
        return RemoteUnavailableError(f"the SQLFlow service is busy: {text}")
    if _NO_JOB.search(envelope.error):
        return JobNotFoundError(f"the SQLFlow service knows no such job: {text}")
    if envelope.code >= 500:
        return RemoteUnavailableError(f"the SQLFlow service failed (code {envelope.code}): {text}")
    return RemoteError(f"the SQLFlow service refuses (code {envelope.code}): {text}", envelope.code)


def is_web_page(body: bytes) -> bool:
    """Whether a body is HTML: a login page, the page of a proxy, or the service's own web pages."""
    start = body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def looks_like_json(body: bytes) -> bool:
    """Whether a body begins as a JSON object or list does."""
    return body[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def shorten(text: str) -> str:
    """A text of the service, at a length that a message can hold."""
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."


def _no_json(answer: Answer, error: ValueError) -> ClientError:
    status = answer.status
    what = "a web page" if is_web_page(answer.body) else "something that is no JSON"
    if not answer.body.strip():
        what = "nothing"
    if status in _UNAUTHORISED:
        return AuthenticationError(f"the SQLFlow service refuses the credentials (HTTP {status})")
    if status == 429 or status >= 500:
        return RemoteUnavailableError(f"the SQLFlow service is not available (HTTP {status}, with {what})")
    if what == "nothing" and status < 400:
        return EmptyAnswerError(f"the SQLFlow service answered with nothing (HTTP {status})")
    if _ends_early(answer.body, error):
        return TruncatedAnswerError("the SQLFlow service's answer ends in the middle")
    return UnexpectedAnswerError(
        f"the SQLFlow service answered with {what} (HTTP {status}); check host, port and base path of the "
        "connection",
        status,
    )


def _ends_early(body: bytes, error: ValueError) -> bool:
    """Whether JSON was right up to its last byte."""
    if not looks_like_json(body):
        return False
    if isinstance(error, UnicodeDecodeError):
        return error.end >= len(body)
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")


def _number(value: object, default: int) -> int:
    try:
        return int(str(value))
    except ValueError:
        return default
