"""Bodies of answers: in memory, or in a file when they are what the call asked for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, BinaryIO

from airflow_provider_sqlflow.client.http.answers import Answer, is_web_page, looks_like_json
from airflow_provider_sqlflow.client.http.calls import Call, Expected
from airflow_provider_sqlflow.errors import ExportError, UnexpectedAnswerError

if TYPE_CHECKING:
    import httpx

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Limit of an answer that is kept in memory. Exports go to files and have none."""

_CHUNK = 64 * 1024


async def read_answer(call: Call, response: httpx.Response) -> Answer:
    """The answer, its body in memory or, when it is what the call wants, in the call's file.

    Raises:
        UnexpectedAnswerError: too large, or neither what the call wants nor JSON.
        ExportError: the file cannot be written.
    """
    status = response.status_code
    chunks = response.aiter_bytes(_CHUNK)
    start = b""
    async for chunk in chunks:
        start += chunk
        if start.strip():
            break
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    retry_after = _seconds(response.headers.get("retry-after", ""))
    if call.sink is not None and status < 300 and _is_expected(call.expected, start):
        await _save(call.sink, start, chunks)
        return Answer(status, media_type, is_saved=True)
    body = bytearray(start)
    async for chunk in chunks:
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise UnexpectedAnswerError(
                f"the SQLFlow service's answer is larger than {MAX_ANSWER_BYTES} bytes", status
            )
    answer = Answer(status, media_type, bytes(body), retry_after)
    if call.sink is not None and status < 300 and not looks_like_json(start):
        what = (
            "a web page"
            if is_web_page(start)
            else f"{media_type or 'something'} that is no {call.expected.value}"
        )
        if not start.strip():
            what = "nothing"
        raise UnexpectedAnswerError(
            f"the SQLFlow service answered with {what} where {call.expected.value} was expected", status
        )
    return answer


async def _save(sink: BinaryIO, start: bytes, chunks: AsyncIterator[bytes]) -> None:
    sink.seek(0)  # a broken attempt may have left something
    sink.truncate()
    try:
        sink.write(start)
        async for chunk in chunks:
            sink.write(chunk)
    except OSError as error:
        raise ExportError(f"cannot write the answer: {error.strerror or error}") from error


def _is_expected(expected: Expected, start: bytes) -> bool:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text or is_web_page(text):
        return False
    if expected is Expected.CSV:
        return not looks_like_json(text)
    return text.startswith(b"{" if expected is Expected.JSON else b"<")


def whole_file(sink: BinaryIO) -> bytes:
    """What a call's file holds."""
    sink.seek(0)
    return sink.read()


def _seconds(value: str) -> float | None:
    """``Retry-After``: seconds, or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
