"""Writes ``docs/reference/constructs.md`` from the lineage fixtures.

python tests/docs/constructs_page.py > docs/reference/constructs.md
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from fixture_cases import ROOT, Case, load_cases

INTRODUCTION = """\
# Constructs

What the engine is held to: hand-written cases, each a piece of SQL and the exact edges it must give, with
effect, subtype and often the place. A cell counts the cases of a construct and a dialect that hold, and those
still open. An empty cell says that no case is written, not that the construct is unknown: what a dialect
shares with standard SQL is tested once, under `ansi`. How edges come about:
[How a column is resolved](../explanation/how-a-column-is-resolved.md).

<!-- Written by tests/docs/constructs_page.py: do not edit. -->
"""
OPEN = """
## Open cases

Here the engine does not give the right answer yet. The tests see to it that a case that begins to hold
leaves the list.

"""
ABBREVIATIONS = {"ctes": "CTEs", "json": "JSON"}


def render() -> str:
    """The page."""
    cases = load_cases()
    gaps = frozenset((ROOT / "known_gaps.txt").read_text().split())
    return INTRODUCTION + "\n" + "".join(_table(cases, gaps)) + OPEN + "".join(_open_cases(cases, gaps))


def _topic(case: Case) -> str:
    topic = case.topic.removeprefix("more_")
    return ABBREVIATIONS.get(topic, topic.replace("_", " "))


def _table(cases: list[Case], gaps: frozenset[str]) -> Iterator[str]:
    held = Counter((_topic(case), case.dialect) for case in cases if case.id not in gaps)
    still_open = Counter((_topic(case), case.dialect) for case in cases if case.id in gaps)
    topics = sorted({_topic(case) for case in cases}, key=str.lower)
    dialects = sorted({case.dialect for case in cases}, key=lambda name: (name != "ansi", name))
    yield f"| construct | {' | '.join(f'`{name}`' for name in dialects)} | all |\n"
    yield f"|---|{'---:|' * (len(dialects) + 1)}\n"
    for topic in topics:
        cells = [_cell(held[topic, name], still_open[topic, name]) for name in dialects]
        everywhere = _cell(
            sum(held[topic, name] for name in dialects), sum(still_open[topic, name] for name in dialects)
        )
        yield f"| {topic} | {' | '.join(cells)} | {everywhere} |\n"
    totals = [
        _cell(sum(held[topic, name] for topic in topics), sum(still_open[topic, name] for topic in topics))
        for name in dialects
    ]
    yield f"| all | {' | '.join(totals)} | {_cell(held.total(), still_open.total())} |\n"


def _cell(held: int, still_open: int) -> str:
    if still_open:
        return f"{held}, {still_open} open"
    return str(held) if held else ""


def _open_cases(cases: list[Case], gaps: frozenset[str]) -> Iterator[str]:
    found = [case for case in cases if case.id in gaps]
    if not found:
        yield "None.\n"
    for case in found:
        yield f"- `{case.dialect}`, {_topic(case)}: {case.name}\n"


if __name__ == "__main__":
    print(render(), end="")
