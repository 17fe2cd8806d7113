from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_sqlflow.formats.options import ExportOptions, ResultSets
from airflow_provider_sqlflow.jobs.document import request_digest, request_from_json, request_to_json
from airflow_provider_sqlflow.jobs.model import (
    CsvSource,
    DatabaseSource,
    JobRequest,
    PathSource,
    TaskOrigin,
    TextSource,
)
from tests.jobs.factories import make_request

DATABASE = DatabaseSource(
    "postgres", "db", "ann", "geheim", "shop", 5433, ("public",), ("tmp*",), ("a.p",), ("a.v", "b.v")
)
CSV = CsvSource("/c.csv", "000010", "'", "\\", {"anon": True})
FULL = make_request(
    sources=(
        TextSource("a", "SELECT '\ud800é'"),
        PathSource("/x"),
        PathSource("s3://b/x", {"key": "k"}),
        CSV,
        DATABASE,
        DatabaseSource("mysql", "db", "ann", ""),
    ),
    owner="o",
    tags=("b", "a"),
    default_database="d",
    default_schema="s",
    catalog={"t": ("x", "Y"), "a.b.c": ()},
    idempotency_key="k",
)
NEWER = make_request(
    queue="big",
    options=ExportOptions(table_level=True, result_sets=ResultSets.NONE),
    origin=TaskOrigin("dag", "run", "task", 2, 3),
)


@pytest.mark.parametrize("request_", [make_request(), FULL, NEWER])
def test_round_trip(request_: JobRequest) -> None:
    text = request_to_json(request_)
    assert text.isascii()
    assert request_from_json(text) == request_


@pytest.mark.parametrize("text", ["{}", '{"version": 2}', "no json"])
def test_other_documents_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a job request|Expecting value"):
        request_from_json(text)


def test_documents_of_the_first_version_are_what_they_were() -> None:
    text = (
        '{"catalog":{},"default_database":null,"default_schema":null,"dialect":"snowflake",'
        '"idempotency_key":null,"name":"nightly","owner":"","sources":[{"name":"a.sql",'
        '"text":"INSERT INTO t (a) SELECT a FROM s"}],"tags":[],"version":1}'
    )
    assert request_to_json(make_request()) == text
    assert request_from_json(text) == make_request()


def test_digest_ignores_who_asks_and_who_is_to_work() -> None:
    asked = make_request(queue="big", origin=TaskOrigin("dag", "run", "task", try_number=2))
    assert request_digest(asked) == request_digest(make_request())


def test_digest_ignores_the_key_and_the_order_of_the_catalog() -> None:
    reordered = {"a.b.c": (), "t": ("x", "Y")}
    same = make_request(
        sources=FULL.sources,
        owner="o",
        tags=FULL.tags,
        default_database="d",
        default_schema="s",
        catalog=reordered,
        idempotency_key="other",
    )
    assert request_digest(same) == request_digest(FULL)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"dialect": "postgres"},
        {"sources": (TextSource("a.sql", "other"),)},
        {"sources": (PathSource("a.sql"),)},
        {"sources": (CsvSource("a.sql"),)},
        {"sources": (DATABASE,)},
        {"owner": "other"},
        {"tags": ("other",)},
        {"default_database": "other"},
        {"default_schema": "other"},
        {"catalog": {"other": ("a",)}},
        {"options": ExportOptions(joins=True)},
    ],
)
def test_digest_tells_requests_apart(change: dict[str, object]) -> None:
    assert request_digest(make_request(**change)) != request_digest(make_request())


@pytest.mark.parametrize(
    "change",
    [
        {"dialect": "redshift"},
        {"host": "other"},
        {"port": 1},
        {"user": "bob"},
        {"password": "other"},
        {"database": "other"},
        {"extract": ()},
        {"exclude": ()},
        {"procedures": ()},
        {"views": ()},
    ],
)
def test_digest_tells_databases_apart_and_holds_no_password(change: dict[str, object]) -> None:
    digest = request_digest(make_request(sources=(DATABASE,)))
    assert digest != request_digest(make_request(sources=(replace(DATABASE, **change),)))  # type: ignore[arg-type]
    assert "geheim" not in digest
    assert "geheim" not in repr(make_request(sources=(DATABASE,)))
