"""Every lineage fixture holds: the hand-written edges are exactly what the engine finds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fixture_cases import Case, load_cases


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_fixture(case: Case) -> None:
    assert not (differences := case.differences()), "\n".join([case.sql, *differences])
