"""The pages, and a folder in which their commands run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

# Airflow reads these when it is first imported, so they are set while tests are collected.
if "AIRFLOW_HOME" not in os.environ:
    _home = tempfile.TemporaryDirectory(prefix="sqlflow-docs-home-", ignore_cleanup_errors=True)
    os.environ["AIRFLOW_HOME"] = _home.name
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], str]:
    """Reads a page by its path below ``docs``."""
    return lambda name: (REPOSITORY / "docs" / name).read_text(encoding="utf-8")


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of commands in pages: the pages' SQL beside the repository's Dags."""
    (tmp_path / "dags").symlink_to(REPOSITORY / "dags")
    for folder in ("tutorial", "how-to"):
        for item in (REPOSITORY / "docs" / folder).iterdir():
            if item.is_dir():
                shutil.copytree(item, tmp_path / item.name)
            elif item.suffix != ".md":
                shutil.copy(item, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SQLFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SQLFLOW_STORE_URL", raising=False)
    return tmp_path
