"""The helpers of this folder are modules beside the tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from collections.abc import Iterator

import pytest
from postgres_server import running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The socket folder of a PostgreSQL server that runs as long as the tests."""
    with running_postgres() as host:
        yield host
