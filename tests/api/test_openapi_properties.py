"""Whatever is sent, the server answers as its own OpenAPI document says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_sqlflow.api.app import OPERATIONS, PREFIXES
from airflow_provider_sqlflow.api.openapi import build_document
from tests.api.golden.world import CHAIN, KEYS, SAMPLE, World
from tests.api.server_process import RunningServer

DOCUMENT = build_document(OPERATIONS, PREFIXES)
DECLARED = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
NEW_KEY = "/user/generateSecretKey"
"""Ends the tokens of whoever asks."""

EXAMPLES = 12
NAMES = ("table", "name", "tablename", "sourceTable", "targetTable")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60) as opened:
        yield opened


@pytest.fixture(scope="module")
def world(running_server: RunningServer, client: httpx.Client) -> World:
    return World(running_server, client)


@pytest.fixture(scope="module")
def known(world: World) -> dict[str, list[str]]:
    """Values that mean something, by the name of their parameter; the rest is tried with all names."""
    return {
        "dbvendor": ["dbvoracle", "dbvmssql", "snowflake"],
        "sqltext": [SAMPLE, CHAIN, KEYS, "select from where ("],
        "sql": [SAMPLE, "select from where ("],
        "sessionId": [world.session, world.chain, world.job_session],
        "jobId": [world.job, world.persist],
        "jobid": [world.job],
        "jobName": ["job1", "grows"],
        "batchId": [world.batch],
        "fileName": ["c.sql"],
        "tableNamePattern": [".*", "b", "(", "(a+)+$"],
        "stopat": ["c", "["],
        "coordinates": ['[{"x": 1, "y": 8, "hashCode": "0"}]', "[[[", '[{"x": 1}]'],
        "showRelationType": ["fdd,fdr,join,er", "fdd", "nope"],
        "cronExpression": ["0 1 * * *", "* * *"],
        "csvFormat": ["123456", "000000", "999999"],
        "delimiter": [",", ";", "tab", "long"],
        "hostname": ["127.0.0.1", "db.example"],
        **{
            key: ["a", "b", "c", "EMP"]
            for key in ("table", "name", "tablename", "sourceTable", "targetTable")
        },
    }


def schema_of(method: str, path: str) -> dict[str, Any]:
    """Declared parameters by name."""
    told = DOCUMENT["paths"][path][method]
    if "parameters" in told:
        return {item["name"]: item["schema"] for item in told["parameters"]}
    [content] = told["requestBody"]["content"].values()
    name = content["schema"]["$ref"].rsplit("/", 1)[1]
    properties: dict[str, Any] = DOCUMENT["components"]["schemas"][name]["properties"]
    return properties


def value(schema: dict[str, Any], known: list[str]) -> st.SearchStrategy[str]:
    """Of the declared type, or one that means something, or anything at all."""
    types = {each.get("type") for each in (schema, *schema.get("anyOf", ()))}
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    fitting: st.SearchStrategy[str] = anything
    if "boolean" in types:
        fitting = st.sampled_from(["true", "false"])
    elif "integer" in types:
        fitting = st.integers(-1, 70_000).map(str)
    if known:
        fitting = st.sampled_from(known)
    return st.one_of(fitting, fitting, fitting, anything)


def requests(method: str, path: str, known: dict[str, list[str]], login: dict[str, str]) -> Any:
    """Parameters, files and the way they are sent."""
    schema = schema_of(method, path)
    mine = {name: value(told, known.get(name, [])) for name, told in schema.items()}
    who = st.sampled_from([login] * 8 + [{}, {"userId": login["userId"]}, {"userId": "x", "token": "eyJ"}])
    values = st.fixed_dictionaries({}, optional={n: s for n, s in mine.items() if n not in login})
    part = next((o.file_part for o in OPERATIONS if o.path == path), "")
    texts = st.one_of(st.sampled_from([SAMPLE.encode(), b"PK\x03\x04", b"{}", b""]), st.binary(max_size=40))
    name = st.one_of(
        st.sampled_from(["a.sql", "a.zip", "metadata.json", "../../a.sql"]), st.text(max_size=10)
    )
    files = st.lists(st.tuples(name, texts), max_size=3 if part else 0)
    styles = ["query"] if method == "get" else ["query", "urlencoded", "multipart", "json", "garbage"]
    return st.tuples(who, values, files, st.sampled_from(styles), st.just(part))


def send(client: httpx.Client, method: str, url: str, drawn: Any) -> httpx.Response:
    """Send it; names of files keep what a header can hold."""
    who, values, files, style, part = drawn
    given = {**who, **values}
    parts = [(part, ("".join(c for c in name if c.isprintable()), text)) for name, text in files]
    if style == "query":
        return client.request(method, url, params=given, files=parts or None)
    if style == "urlencoded":
        return client.post(url, data=given)
    if style == "json":
        return client.post(url, json=given)
    if style == "garbage":
        headers = {"content-type": "multipart/form-data; boundary=x"}
        return client.post(url, params=given, content=repr(files).encode(), headers=headers)
    return client.post(url, files=[*((n, (None, v.encode())) for n, v in given.items()), *parts])


@pytest.mark.parametrize(("method", "path"), DECLARED)
def test_answers_are_as_the_document_says(
    method: str,
    path: str,
    running_server: RunningServer,
    client: httpx.Client,
    world: World,
    known: dict[str, list[str]],
) -> None:
    login = {"userId": world.user, "token": world.token}
    if path == NEW_KEY:
        login = {"userId": world.value("$fresh_user"), "token": world.fresh_token}
    told = DOCUMENT["paths"][path][method]["responses"]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(requests(method, path, known, login))
    def check(drawn: Any) -> None:
        answer = send(client, method, f"{running_server.url}{path}", drawn)
        assert answer.status_code < 500, answer.text
        content = told[str(answer.status_code)]["content"]
        kind = answer.headers["content-type"]
        declared = {name.partition(";")[0]: each for name, each in content.items()}
        assert kind.partition(";")[0] in declared, kind
        if kind.startswith("application/json"):
            found = answer.json()
            schema = {**declared["application/json"]["schema"], "components": DOCUMENT["components"]}
            jsonschema.validate(found, schema)
            if answer.status_code != 200:
                assert found["code"] == answer.status_code
                assert found["error"]
                assert world.token not in answer.text

    check()


def test_the_document_is_served_under_both_prefixes(
    running_server: RunningServer, client: httpx.Client
) -> None:
    for prefix in PREFIXES:
        assert client.get(f"{running_server.process.origin}{prefix}/openapi.json").json() == DOCUMENT


def test_the_document_is_one() -> None:
    """Its schemas are schemas, its references lead somewhere, its operations have names of their own."""
    schemas = DOCUMENT["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert {name.rsplit("/", 1)[1] for name in _references(DOCUMENT)} <= schemas.keys()
    names = [DOCUMENT["paths"][path][method]["operationId"] for method, path in DECLARED]
    assert len(set(names)) == len(names)
    assert len(names) == sum(len(operation.methods) for operation in OPERATIONS)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
