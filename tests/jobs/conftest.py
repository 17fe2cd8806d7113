from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store' / 'jobs.db'}"


@pytest.fixture
def store(store_url: str) -> Iterator[SqlJobStore]:
    opened = SqlJobStore(store_url)
    yield opened
    opened.close()
