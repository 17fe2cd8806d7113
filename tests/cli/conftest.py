from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from airflow_provider_sqlflow.cli.main import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``sqlflow`` in a fresh folder that also holds its store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQLFLOW_STORE_URL", f"sqlite:///{tmp_path}/.store/jobs.db")

    def invoke(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cli, arguments, input=stdin, prog_name="sqlflow")

    return invoke
