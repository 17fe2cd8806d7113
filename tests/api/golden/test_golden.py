"""Every operation against the reference: requests in every way that is allowed, and their answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
import pytest

from airflow_provider_sqlflow.api.app import OPERATIONS, PREFIXES
from tests.api.golden.cases import Case, read_cases
from tests.api.golden.matching import differences, without_chance
from tests.api.golden.sending import request, styles_of
from tests.api.golden.world import World
from tests.api.server_process import RunningServer

CASES = read_cases()
_IMAGES = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff",
    "gif": b"GIF8",
    "svg": b"<?xml",
    "parquet": b"PAR1",
}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as opened:
        yield opened


@pytest.fixture(scope="module")
def worlds(running_server: RunningServer, client: httpx.Client) -> Any:
    """The account of each file of cases."""
    return cache(lambda _book: World(running_server, client))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden(case: Case, running_server: RunningServer, client: httpx.Client, worlds: Any) -> None:
    seen = set()
    for number, style in enumerate(styles_of(case)):
        url = f"{running_server.process.origin}{PREFIXES[number % 2]}"
        answer = client.send(request(case, style, url, worlds(case.book)))
        check(case, answer, style, worlds(case.book))
        is_picture = "image" in case.answer
        seen.add(answer.content if is_picture else without_chance(answer.text))
    assert len(seen) == 1, "the ways to send parameters differ"


def check(case: Case, answer: httpx.Response, style: str, world: World) -> None:
    """The answer is as the case says."""
    told = f"{style}: {answer.status_code} {answer.headers.get('content-type')}: {answer.text[:3000]}"
    assert answer.status_code == case.status, told
    assert answer.headers["content-type"] == case.type, told
    expected = case.answer
    if "json" in expected:
        found = list(differences(resolved(expected["json"], world), answer.json()))
        assert not found, "\n".join([*found, told])
    if "text" in expected:
        assert answer.text.replace("\r\n", "\n") == expected["text"], told
    for part in expected.get("contains", ()):
        assert part in answer.text, told
    for part in expected.get("lacks", ()):
        assert part not in answer.text, told
    if "image" in expected:
        assert answer.content.startswith(_IMAGES[expected["image"]]), told


def resolved(expected: Any, world: World) -> Any:
    """The expected answer, with what the world knows in place of its words."""
    if isinstance(expected, dict):
        return {name: resolved(value, world) for name, value in expected.items()}
    if isinstance(expected, list):
        return [resolved(value, world) for value in expected]
    return world.value(expected) if isinstance(expected, str) else expected


def test_no_operation_is_without_a_golden() -> None:
    served = {(method, operation.path) for operation in OPERATIONS for method in operation.methods}
    shown = {(case.method, case.path) for case in CASES if case.status == 200}
    assert served - shown == set()
    assert shown - served == set()


def test_every_operation_is_there_under_both_prefixes(
    running_server: RunningServer, client: httpx.Client
) -> None:
    for prefix in PREFIXES:
        for operation in OPERATIONS:
            for method in operation.methods:
                answer = client.request(method, f"{running_server.process.origin}{prefix}{operation.path}")
                code = 400 if operation.path == "/user/generateToken" else 401
                assert (answer.status_code, answer.json()["code"]) == (code, code), operation.path


# What the reference names, section by section; written from it, not from the code.
REFERENCE = """
3.1 /user/generateToken
3.2 /user/generateSecretKey
4.1 /sqlflow/generation/sqlflow
4.2 /sqlflow/generation/sqlflow/graph
4.3 /sqlflow/generation/sqlflow/graph/image
4.4 /sqlflow/generation/sqlflow/graph/table_level_lineage
4.5 /sqlflow/generation/sqlflow/selectedgraph
4.6 /sqlflow/generation/sqlflow/selectedgraph/image
4.7 /sqlflow/generation/sqlflow/selectedgraph/table_level_lineage
4.8 GET /sqlflow/generation/sqlflow/downstreamGraph
4.8 GET /sqlflow/generation/sqlflow/upstreamGraph
4.8 /sqlflow/generation/sqlflow/downstreamGraph
4.8 /sqlflow/generation/sqlflow/upstreamGraph
4.8 /sqlflow/generation/sqlflow/downstreamGraph/image
4.8 /sqlflow/generation/sqlflow/upstreamGraph/image
4.9 /sqlflow/generation/sqlflow/leftMostSourceTableGraph
4.9 /sqlflow/generation/sqlflow/leftMostSourceTableGraph/image
4.10 /sqlflow/generation/sqlflow/erdiagramSelectGraph
4.10 /sqlflow/generation/sqlflow/erdiagramSelectGraph/image
4.11 /sqlflow/generation/sqlflow/exportFullLineageAsCsv
4.11 /sqlflow/generation/sqlflow/exportLineageAsCsv
4.11 /sqlflow/generation/sqlflow/selected_dbobject/exportLineageAsCsv
4.12 /sqlflow/generation/sqlflow/getSelectedDbObjectInfo
4.13 /sqlflow/generation/sqlflow/listTableColumns
4.13 /sqlflow/generation/sqlflow/download/metadata_lineage
4.13 /sqlflow/generation/sqlflow/selected_dbobject/download/metadata_lineage
4.13 /sqlflow/generation/submitUserSchema
4.13 /sqlflow/generation/deleteUserSchema
4.13 /sqlflow/generation/displayUserDbvendorSchema
4.13 /sqlflow/generation/displayUserSchemaSummary
4.13 /sqlflow/generation/upstream
4.13 /sqlflow/generation/downstream
5.2 /sqlflow/job/submitUserJob
5.5 /sqlflow/job/displayUserJobSummary
5.6 /sqlflow/job/displayUserJobsSummary
5.7 /sqlflow/job/submitPersistJob
5.8 /sqlflow/job/exportLineageAsJson
5.9 /sqlflow/job/exportFullLineageAsJson
5.10 /sqlflow/job/exportLineageAsGraphml
5.11 /sqlflow/job/exportFullLineageAsCsv
5.11 /sqlflow/job/exportLineageAsCsv
5.12 /sqlflow/job/displayUserLatestJobTableLevelLineage
5.13 /sqlflow/job/displayUserLatestJobGraph
5.13 /sqlflow/job/displayUserLatestJobLeftMostTable
5.14 /sqlflow/job/displayUserJobGraph
5.15 /sqlflow/job/deleteUserJob
5.16 /sqlflow/job/setJobOnTop
5.16 /sqlflow/job/rerunJob
5.16 /sqlflow/job/listScheduleJobs
5.16 /sqlflow/job/pauseScheduleJob
5.16 /sqlflow/job/resumeScheduleJob
5.16 /sqlflow/job/updateScheduleJob
5.16 /sqlflow/job/graph/summary
5.16 /sqlflow/job/leftMostSourceTable
5.16 /sqlflow/job/leftMostSourceTableAsCsv
5.16 /sqlflow/job/fetchLeftMostTableLineageSQL
5.16 /sqlflow/job/submitTableAffectSQLJob
5.16 /sqlflow/job/generate/parquet
5.16 GET /sqlflow/job/download/parquet
5.16 GET /sqlflow/job/download/subJobFile
5.16 /sqlflow/job/exportDatabaseMetadata
5.16 GET /sqlflow/job/exportMetadata
5.16 /sqlflow/job/displayMetadataQueryGraph
5.16 /sqlflow/job/displayMetadataQuerySource
5.17 /sqlflow/job/updateUserJobGraphCache
6.1 /demo/syntax/check
6.2 /demo/xml/toXML
"""


def test_everything_that_the_reference_names_is_served_and_shown() -> None:
    named = set()
    for line in REFERENCE.split("\n"):
        if line:
            section, _, operation = line.partition(" ")
            named.add((section, operation))
    assert {(case.section, case.of) for case in CASES if case.status == 200} >= named
    served = {
        ("GET " if method == "GET" else "") + operation.path
        for operation in OPERATIONS
        for method in operation.methods
    }
    assert served == {operation for _, operation in named}
    assert all(re.fullmatch(r"[3-6]\.[0-9]+", section) for section, _ in named)
