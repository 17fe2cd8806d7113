from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import EmptyInputError, UnreadableInputError
from airflow_provider_sqlflow.jobs.inputs import open_inputs
from airflow_provider_sqlflow.jobs.model import PathSource, TextSource
from airflow_provider_sqlflow.settings import Settings
from tests.ingest.archives import make_zip


def test_sources_of_every_kind_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.sql").write_text("-- folder")
    make_zip(tmp_path / "x.zip", {"a.sql": b"-- zip", "sub/b.sql": b"-- b"})
    sources = (
        PathSource(str(tmp_path / "x.zip")),
        TextSource("inline", "-- text"),
        PathSource(str(tmp_path / "folder")),
    )
    inputs = open_inputs(sources, Settings())
    assert inputs.names == ("x.zip/a.sql", "sub/b.sql", "inline", "folder/a.sql")
    assert [(file.name, file.text) for file in inputs.read("")] == [
        ("x.zip/a.sql", "-- zip"),
        ("sub/b.sql", "-- b"),
        ("inline", "-- text"),
        ("folder/a.sql", "-- folder"),
    ]


def test_nothing_is_an_error() -> None:
    with pytest.raises(EmptyInputError, match="give SQL text or paths"):
        open_inputs((), Settings())


def test_blank_text_alone_is_an_error_that_names_it() -> None:
    blank = TextSource("query 1", " \n")
    with pytest.raises(EmptyInputError, match=r"blank \(query 1\)"):
        open_inputs((blank,), Settings())
    assert open_inputs((blank, TextSource("query 2", "SELECT 1")), Settings()).names == ("query 1", "query 2")


def test_one_unusable_source_refuses_the_job(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInputError, match=r"gone\.sql"):
        open_inputs((TextSource("a", "SELECT 1"), PathSource(str(tmp_path / "gone.sql"))), Settings())
