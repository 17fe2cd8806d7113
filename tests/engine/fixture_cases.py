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

What else a statement declares is compared where a case gives any line of the sort:

    key primary shop.t(a, b) named pk  @1:30
    key foreign shop.t(b) -> shop.u(id)
    types shop.t: a INT | b numeric(10,2) | c ?
    changes drop shop.t, shop.u
    key none
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
    facts: list[str] = field(default_factory=list)

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
        return found + self._other_facts(result)

    def _other_facts(self, result: LineageResult) -> list[str]:
        """Keys, types and changes that differ: each sort only if the case gives one of it."""
        found = []
        for sort, lines in (("key", keys(result)), ("types", types(result)), ("changes", changes(result))):
            wanted = [line for line in self.facts if line.startswith(f"{sort} ")]
            lines = lines or [f"{sort} none"]
            if wanted and sort == "key":
                lines = [line if line in wanted else line.split("  @")[0] for line in lines]
            if wanted and sort == "types":
                names = {line.split(":")[0] for line in wanted}
                lines = [line for line in lines if line.split(":")[0] in names]
            if wanted and wanted != lines:
                found += [f"missing: {line}" for line in wanted if line not in lines]
                found += [f"extra:   {line}" for line in lines if line not in wanted]
                found += [] if found else [f"order:   {', '.join(lines)}"]
        return found


def keys(result: LineageResult) -> list[str]:
    return [
        f"key {key.kind.value} {_columns(key.columns)}"
        + (f" -> {_columns(key.referenced)}" if key.referenced else "")
        + (f" named {key.name}" if key.name else "")
        + (f"  @{key.span.start_line}:{key.span.start_column}" if key.span else "")
        for key in result.keys
    ]


def types(result: LineageResult) -> list[str]:
    return [
        f"types {relation.id}: "
        + " | ".join(
            f"{name} {kind or '?'}" for name, kind in zip(relation.columns, relation.types, strict=True)
        )
        for relation in result.relations
    ]


def changes(result: LineageResult) -> list[str]:
    return [
        f"changes {statement.kind.value} {', '.join(map(str, statement.changes))}"
        for statement in result.statements
        if statement.changes
    ]


def _columns(columns: tuple[ColumnRef, ...]) -> str:
    return f"{columns[0].relation}({', '.join(column.name or '[rows]' for column in columns)})"


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
        if line.startswith(("key ", "types ", "changes ")):
            case.facts.append(line)
            continue
        match = _EDGE.match(line)
        if match is None:
            raise ValueError(f"{path.with_suffix('.edges')}: cannot read {line!r}")
        case.edges[match["edge"]] = (match["place"], match["text"])
