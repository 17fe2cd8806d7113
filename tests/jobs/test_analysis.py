"""Settings reach the engine as limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer, FileTask, analyze_files
from airflow_provider_sqlflow.settings import Settings

OPTIONS = AnalysisOptions("postgres")


@pytest.fixture(scope="module")
def slow() -> SourceFile:
    """A file with a statement that takes every machine more than a second."""
    items = ", ".join(f"a + {number}" for number in range(200_000))
    text = f"SELECT a FROM s;\nINSERT INTO t SELECT {items} FROM u;\nSELECT b FROM s"
    return SourceFile("slow.sql", len(text), text)


def test_a_statement_over_its_time_is_a_failed_statement_of_its_file(slow: SourceFile) -> None:
    [outcome] = analyze_files([slow], OPTIONS, Settings(max_statement_seconds=1))
    assert (outcome.summary.statements, outcome.summary.failed_statements) == (3, 1)
    assert outcome.summary.cause == "slow.sql:2:1: took longer than 1 seconds, the limit of a statement"


def test_a_timeout_is_not_found_again(slow: SourceFile) -> None:
    quick = replace(slow, text="SELECT a FROM s")
    analyzer = FileAnalyzer(OPTIONS, Settings(max_statement_seconds=1))
    assert analyzer.analyze(FileTask(quick, ())).input_key == analyzer.key_of(quick)
    assert analyzer.analyze(FileTask(slow, ())).input_key != analyzer.key_of(slow)
    assert FileAnalyzer(OPTIONS, Settings()).key_of(quick) != analyzer.key_of(quick)


def test_numbers_from_the_environment() -> None:
    assert Settings.from_env({"SQLFLOW_MAX_STATEMENT_SECONDS": "0"}).max_statement_seconds == 0
    assert Settings.from_env({"SQLFLOW_MAX_NESTING": "9"}).max_nesting == 9
    for variable, text in (("MAX_STATEMENT_SECONDS", "-1"), ("MAX_NESTING", "0"), ("MAX_NESTING", "x")):
        with pytest.raises(ConfigError, match=variable):
            Settings.from_env({f"SQLFLOW_{variable}": text})
