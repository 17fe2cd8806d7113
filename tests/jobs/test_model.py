from __future__ import annotations

import pytest

from airflow_provider_sqlflow.jobs.model import CsvSource, DatabaseSource, JobRequest, JobSource, PathSource


@pytest.mark.parametrize(
    "source",
    [
        PathSource("s3://ann:geheim@bucket/sql", {"secret": "geheim"}),
        PathSource("https://example.com/a.sql?token=geheim"),
        CsvSource("ftp://ann:geheim@example.com/a.csv", storage_options={"password": "geheim"}),
        DatabaseSource("postgres", "db.example.com", "ann", "geheim"),
    ],
)
def test_a_request_in_a_message_shows_no_secret(source: JobSource) -> None:
    shown = repr(JobRequest("nightly", "postgres", (source,)))
    assert "geheim" not in shown
    assert type(source).__name__ in shown


def test_a_path_is_shown_as_it_is() -> None:
    assert repr(PathSource("models/a b.sql")) == "PathSource(path='models/a b.sql')"
