"""A request's parameters, wherever they stand: query string, urlencoded body, multipart parts, JSON body.

Facts: reference sqlflow-api, section 1.2. What stands in the body wins over the query string, and the last of
several values over the others.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from airflow_provider_sqlflow.errors import RequestError, RequestTooLargeError

MAX_FIELDS = 200
MAX_FILES = 10_000

_CHARSETS = frozenset(
    {
        *("ascii", "utf-8", "utf-16", "iso8859-1", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-9"),
        *("iso8859-15", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "koi8-r"),
        *("gb2312", "gbk", "gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949"),
    }
)
"""Of multipart texts. Python knows more: some take time that grows with the square of the text, some make
characters that no text may hold."""

P = TypeVar("P", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Given:
    """What a request brings.

    Attributes:
        values: parameters by name.
        files: uploaded files by the name of their part, in order.
        accept: the header ``Accept``.
    """

    values: Mapping[str, str]
    files: tuple[tuple[str, UploadFile], ...] = ()
    accept: str = ""

    def files_of(self, part: str) -> tuple[UploadFile, ...]:
        """The files of a part."""
        return tuple(file for name, file in self.files if name == part)


async def read_request(request: Request, max_field_bytes: int) -> Given:
    """Everything that a request brings. Read once; later calls give the same.

    Raises:
        RequestError: the body cannot be understood.
        RequestTooLargeError: it has too many parts, or one that is too large.
    """
    known = getattr(request.state, "given", None)
    if known is None:
        try:
            given = await _read(request, max_field_bytes)
        except ClientDisconnect:
            raise RequestError("the client left before its request had arrived") from None
        known = request.state.given = replace(given, accept=request.headers.get("accept", ""))
    return known


async def _read(request: Request, max_field_bytes: int) -> Given:
    values = dict(request.query_params.items())
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method in ("GET", "HEAD"):
        return Given(values)
    if kind == "application/json":
        return Given({**values, **_json(await request.body())})
    if kind == "application/x-www-form-urlencoded":
        return Given({**values, **_urlencoded(await request.body())})
    if kind != "multipart/form-data":
        if (await request.body()).strip():
            raise RequestError(
                f"the body is of type {kind or 'unknown'}; send multipart/form-data or "
                "application/x-www-form-urlencoded"
            )
        return Given(values)
    _check_charset(request.headers["content-type"])
    try:
        form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=max_field_bytes)
    except HTTPException as error:
        message = str(error.detail)
        if "maximum" in message.lower() or "too many" in message.lower():
            raise RequestTooLargeError(message) from None
        raise RequestError(f"the body cannot be read: {message}") from None
    except (ValueError, UnicodeError, LookupError):
        raise RequestError("the body cannot be read: it is not what its Content-Type says") from None
    files = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files.append((name, value))
        else:
            values[name] = value
    return Given(values, tuple(files))


def _check_charset(content_type: str) -> None:
    from python_multipart.multipart import parse_options_header

    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8")
    try:
        is_known = codecs.lookup(charset.decode("latin-1")).name in _CHARSETS
    except (LookupError, ValueError):
        is_known = False
    if not is_known:
        raise RequestError("the body cannot be read: its charset is not known here; send UTF-8")


def _urlencoded(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise RequestTooLargeError(f"too many fields: at most {MAX_FIELDS}") from None
    return dict(pairs)


def _json(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise RequestError("the body is no JSON") from None
    if not isinstance(found, dict):
        raise RequestError("the body is no JSON object")
    return {name: _text(value) for name, value in found.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value)


def parse(model: type[P], given: Given) -> P:
    """The parameters of an operation.

    Raises:
        RequestError: one is missing or has a value that it cannot have. Values are not repeated: they may be
            secrets.
    """
    try:
        return model.model_validate({name: value for name, value in given.values.items() if value != ""})
    except ValidationError as error:
        problems = []
        for item in error.errors(include_input=False, include_url=False, include_context=False):
            name = ".".join(map(str, item["loc"])) or "parameters"
            what = "is required" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
            problems.append(f"{name}: {what}")
        raise RequestError("; ".join(problems)) from None
