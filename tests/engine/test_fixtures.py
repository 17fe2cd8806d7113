"""Every lineage fixture holds: the hand-written edges are exactly what the engine finds."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fixture_cases import ROOT, Case, load_cases

# Cases whose right answer the engine does not give yet. One that begins to hold must leave the list.
KNOWN_GAPS = frozenset((ROOT / "known_gaps.txt").read_text().split())


def _parameters() -> list[object]:
    cases = load_cases()
    unknown = KNOWN_GAPS - {case.id for case in cases}
    if unknown:
        raise ValueError(f"known_gaps.txt names no case: {sorted(unknown)}")
    gap = pytest.mark.xfail(reason="known_gaps.txt", strict=True)
    return [pytest.param(case, id=case.id, marks=[gap] if case.id in KNOWN_GAPS else []) for case in cases]


@pytest.mark.parametrize("case", _parameters())
def test_fixture(case: Case) -> None:
    assert not (differences := case.differences()), "\n".join([case.sql, *differences])
