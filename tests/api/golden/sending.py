"""Requests of cases, in every way that parameters may be sent."""

from __future__ import annotations

from typing import Any

import httpx

from airflow_provider_sqlflow.api.app import OPERATIONS
from tests.api.golden.cases import Case
from tests.api.golden.world import World

STYLES = ("query", "urlencoded", "multipart")


def styles_of(case: Case) -> tuple[str, ...]:
    """How parameters can be sent."""
    if case.method == "GET":
        return ("query",)
    if case.files:
        return ("query", "multipart")
    if any(operation.is_json and operation.path == case.path for operation in OPERATIONS):
        return (*STYLES, "json")
    return STYLES


def request(case: Case, style: str, url: str, world: World) -> httpx.Request:
    """The case's request in one style."""
    login = {"userId": world.user, "token": world.token}
    send = {**login, **{name: world.value(str(value)) for name, value in case.send.items()}}
    send = {name: value for name, value in send.items() if value != "" or case.send.get(name) == "<empty>"}
    for name in case.given:
        getattr(world, name)
    headers = {"accept": case.accept}
    files: list[Any] = [
        (part, (name, world.value(text).encode()))
        for part, told in case.files.items()
        for name, text in told.items()
    ]
    address = f"{url}{case.path}"
    if style == "query":
        return httpx.Request(case.method, address, params=send, files=files or None, headers=headers)
    if style == "urlencoded":
        return httpx.Request(case.method, address, data=send, headers=headers)
    if style == "json":
        return httpx.Request(case.method, address, json=send, headers=headers)
    parts = [(name, (None, value.encode())) for name, value in send.items()]
    return httpx.Request(case.method, address, files=[*parts, *files], headers=headers)
