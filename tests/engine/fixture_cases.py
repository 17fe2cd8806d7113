"""Reads the lineage fixtures: ``<dialect>/<topic>.sql`` and, beside it, ``<topic>.edges``.

A ``.sql`` file holds cases. A case starts with ``-- case: name`` and may go on with
``-- catalog: schema.table(a, b)`` (any number) and ``-- options: default_schema=x, default_database=y``;
the SQL follows, and its first line is line 1 of the positions.

The ``.edges`` file answers with ``# name`` and one line for each folded edge:

    orders.amount -> daily.total  direct aggregation
    orders.day -> daily.[rows]  indirect group_by  @3:10 'day'
    users.mail -> t.hash  direct transformation masked
    ! warning ambiguous_column 1:8

``[rows]`` is the row set, ``*`` an unexpanded star, ``result`` what a bare SELECT writes. The place and the
quoted expression are compared where they are given. A ``!`` line is a diagnostic; cases without one must
give none (``info`` aside). ``none`` says that no edge is expected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_sqlflow.engine import ColumnRef, Edge, InMemoryCatalog, LineageResult, Severity, analyze

ROOT = Path(__file__).parent.parent / "fixtures" / "lineage"
_CASE = re.compile(r"^-- case: *(.+?) *$", re.MULTILINE)
_CATALOG = re.compile(r"^-- catalog: *(.+?)\(([^)]*)\) *$")
_OPTIONS = re.compile(r"^-- options: *(.+?) *$")
_EDGE = re.compile(
    r"^(?P<edge>.+? -> .+?  \S+ \S+(?: masked)?)(?:  @(?P<place>\d+:\d+))?(?: '(?P<text>.*)')?$"
)


@dataclass
class Case:
    dialect: str
    topic: str
    name: str
    sql: str
    catalog: dict[str, list[str]] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    edges: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    diagnostics: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.dialect}/{self.topic}/{self.name}".replace(" ", "-")

    def analyze(self) -> LineageResult:
        return analyze(
            self.sql,
            dialect="" if self.dialect == "ansi" else self.dialect,
            catalog=InMemoryCatalog(self.catalog) if self.catalog else None,
            source_name=f"{self.topic}.sql",
            **self.options,  # type: ignore[arg-type]
        )

    def differences(self) -> list[str]:
        """What the engine says otherwise than the fixture."""
        result = self.analyze()
        got = {show(edge): edge for edge in result.edges()}
        found = [f"missing: {line}" for line in self.edges if line not in got]
        found += [f"extra:   {line}" for line in got if line not in self.edges]
        for line, (place, text) in self.edges.items():
            edge = got.get(line)
            if edge is None or edge.span is None:
                continue
            at = f"{edge.span.start_line}:{edge.span.start_column}"
            if place is not None and at != place:
                found.append(f"place:   {line} is at {at}, not {place}")
            if text is not None and edge.expression != text:
                found.append(f"text:    {line} quotes {edge.expression!r}, not {text!r}")
        notes = [
            f"{item.severity.value} {item.code} {item.span.start_line}:{item.span.start_column}"
            for item in result.diagnostics
            if item.severity is not Severity.INFO or self.diagnostics
        ]
        found += [f"missing: ! {line}" for line in self.diagnostics if line not in notes]
        found += [f"extra:   ! {line}" for line in notes if line not in self.diagnostics]
        return found


def show(edge: Edge) -> str:
    masked = " masked" if edge.masking else ""
    effect, subtype = edge.effect.value.lower(), edge.subtype.value.lower()
    return f"{_column(edge.source)} -> {_column(edge.target)}  {effect} {subtype}{masked}"


def _column(ref: ColumnRef) -> str:
    return str(ref)


def load_cases() -> list[Case]:
    return [case for path in sorted(ROOT.glob("*/*.sql")) for case in _load(path)]


def _load(path: Path) -> list[Case]:
    text = path.read_text()
    answers = _answers(path.with_suffix(".edges"))
    starts = list(_CASE.finditer(text))
    cases = []
    for number, match in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(text)
        case = Case(path.parent.name, path.stem, match.group(1), "")
        lines = text[match.end() + 1 : end].split("\n")
        while lines and (catalog := _CATALOG.match(lines[0])) is not None:
            case.catalog[catalog.group(1)] = [column.strip() for column in catalog.group(2).split(",")]
            lines.pop(0)
        if lines and (options := _OPTIONS.match(lines[0])) is not None:
            case.options = dict(item.strip().split("=", 1) for item in options.group(1).split(","))
            lines.pop(0)
        case.sql = "\n".join(lines).rstrip("\n")
        _fill(case, answers.pop(case.name, None), path)
        cases.append(case)
    if answers:
        raise ValueError(f"{path.with_suffix('.edges')}: no case is called {', '.join(answers)}")
    return cases


def _answers(path: Path) -> dict[str, list[str]]:
    answers: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith("# "):
            current = answers.setdefault(line[2:].strip(), [])
        elif line.strip():
            current.append(line.strip())
    return answers


def _fill(case: Case, lines: list[str] | None, path: Path) -> None:
    if not lines:
        raise ValueError(f"{path}: case {case.name!r} has no answer in {path.with_suffix('.edges').name}")
    for line in lines:
        if line == "none":
            continue
        if line.startswith("! "):
            case.diagnostics.append(line[2:])
            continue
        match = _EDGE.match(line)
        if match is None:
            raise ValueError(f"{path.with_suffix('.edges')}: cannot read {line!r}")
        case.edges[match["edge"]] = (match["place"], match["text"])
