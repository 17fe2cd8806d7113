"""Jobs declared in a YAML file. One that cannot be used is named with file, line and key; the others live.

The form of the file is in ``jobs.schema.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.cron import checked_schedule
from airflow_provider_sqlflow.jobs.model import Schedule
from airflow_provider_sqlflow.jobs.schedules.model import DEFAULT_OWNER, Problem
from airflow_provider_sqlflow.jobs.schedules.positions import Document, Key, YamlError, load_document

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
    from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

SCHEMA_FILE = Path(__file__).with_name("jobs.schema.json")
RESERVED_PREFIX = "persist_"
"""Begins the names of Dags of jobs in the store."""


@dataclass(frozen=True, slots=True)
class DeclaredJob:
    """A job of a file. Fields are the keys of ``jobs.schema.json``; ``line`` is where it begins."""

    name: str
    file: str
    line: int
    dialect: str
    schedule: Schedule | None = None
    timezone: str = "UTC"
    start_date: date | None = None
    description: str = ""
    owner: str = DEFAULT_OWNER
    tags: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    sql: str = ""
    default_database: str | None = None
    default_schema: str | None = None
    catalog: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    formats: tuple[str, ...] = ("json",)
    output_path: str = ""
    openlineage: bool = False
    dataset_conn_id: str | None = None
    fail_on_partial: bool = False
    deferrable: bool | None = None
    timeout: float = 86400
    retries: int = 1
    retry_delay: float = 300
    sqlflow_conn_id: str = "sqlflow_default"


@dataclass(frozen=True, slots=True)
class DeclaredJobs:
    """What a file declares, in its order, and what of it cannot be used."""

    jobs: tuple[DeclaredJob, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_declared(paths: Sequence[Path], wants: Callable[[str], bool] = lambda _name: True) -> DeclaredJobs:
    """The jobs of some files. A name that two files use is the first one's, and a problem of the second.

    Args:
        paths: the files.
        wants: tells by a job's name whether it is wanted; the others are not even checked.
    """
    jobs: dict[str, DeclaredJob] = {}
    problems: list[Problem] = []
    for path in paths:
        file = _File(path)
        for job in file.read(wants):
            if job.name in jobs:
                problem = file.problem(
                    ("jobs", job.name), f"{jobs[job.name].file} declares a job of this name, too"
                )
                problems.append(problem)
            else:
                jobs[job.name] = job
        problems += sorted(file.problems, key=lambda problem: problem.line)
    return DeclaredJobs(tuple(jobs.values()), tuple(problems))


class _File:
    """One file while it is read; ``problems`` grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._document = Document(None, {}, ())
        self.problems: list[Problem] = []

    def problem(self, key: Sequence[Key], message: str) -> Problem:
        return Problem(str(self._path), self._document.line(key), ".".join(map(str, key)), message)

    def read(self, wants: Callable[[str], bool]) -> Iterator[DeclaredJob]:
        try:
            self._document = load_document(self._path)
        except YamlError as error:
            self.problems.append(Problem(str(self._path), error.line, "", str(error)))
            return
        doubled = [key for key, _ in self._document.bad_keys]
        for key, message in self._document.bad_keys:
            if len(key) < 2 or key[0] != "jobs" or wants(str(key[1])):
                self.problems.append(self.problem(key, message))
        content = self._document.content
        if not isinstance(content, dict):
            self.problems.append(self.problem((), "this is no mapping with the key jobs"))
            return
        jobs = content.get("jobs")
        outline = {**content, "jobs": {}} if isinstance(jobs, dict) else content
        errors = list(_outline_validator().iter_errors(outline))
        self._tell(errors, ())
        defaults = content.get("defaults")
        bad = {error.absolute_path[1] for error in errors if len(error.absolute_path) > 1}
        given = (
            {key: value for key, value in defaults.items() if key not in bad}
            if isinstance(defaults, dict)
            else {}
        )
        for name, entry in (jobs if isinstance(jobs, dict) else {}).items():
            if wants(name) and not any(key[:2] == ("jobs", name) for key in doubled):
                yield from self._job(name, entry, given)

    def _job(self, name: str, entry: Any, defaults: Mapping[str, Any]) -> Iterator[DeclaredJob]:
        key = ("jobs", name)
        if not isinstance(entry, dict):
            self.problems.append(self.problem(key, "this is no mapping with the keys of a job"))
            return
        before = len(self.problems)
        if not re.fullmatch(_name_pattern(), name):
            self.problems.append(
                self.problem(key, "a job's name has letters, digits, _, . and -, and begins with no . or -")
            )
        if name.startswith(RESERVED_PREFIX):
            self.problems.append(
                self.problem(key, f"Dags of jobs in the store have names that begin with {RESERVED_PREFIX}")
            )
        known = _job_properties()
        values = {**{name: value for name, value in defaults.items() if name in known}, **entry}
        self._tell(_job_validator().iter_errors(values), key)
        if len(self.problems) > before:
            return
        if not values.get("paths") and not values.get("sql"):
            self.problems.append(self.problem(key, "neither paths nor sql says what to analyse"))
            return
        schedule = self._schedule(key, values)
        start_date = self._start_date(key, values)
        if len(self.problems) == before:
            yield self._made(name, values, schedule, start_date)

    def _made(
        self, name: str, values: Mapping[str, Any], schedule: Schedule | None, start_date: date | None
    ) -> DeclaredJob:
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.items()
            if key not in ("schedule", "paused", "paths", "start_date", "catalog")
        }
        paths = values.get("paths", ())
        return DeclaredJob(
            name=name,
            file=str(self._path),
            line=self._document.line(("jobs", name)),
            schedule=schedule,
            start_date=start_date,
            paths=(paths,) if isinstance(paths, str) else tuple(paths),
            catalog={table: tuple(columns) for table, columns in values.get("catalog", {}).items()},
            **plain,
        )

    def _schedule(self, key: tuple[Key, ...], values: Mapping[str, Any]) -> Schedule | None:
        zone = values.get("timezone", "UTC")
        cron = values.get("schedule")
        try:
            checked = checked_schedule(Schedule(cron or "@daily", zone, bool(values.get("paused"))))
        except ConfigError as error:
            wrong = "timezone" if "is not a time zone" in str(error) else "schedule"
            self.problems.append(self.problem((*key, wrong), str(error)))
            return None
        return checked if cron else None

    def _start_date(self, key: tuple[Key, ...], values: Mapping[str, Any]) -> date | None:
        text = values.get("start_date")
        if text is None:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.problems.append(
                self.problem((*key, "start_date"), f"{text!r} is not a day such as 2026-01-31")
            )
            return None

    def _tell(self, errors: Iterable[ValidationError], at: tuple[Key, ...]) -> None:
        for error in errors:
            key = (*at, *error.absolute_path)
            if error.validator == "additionalProperties":
                keys = list(error.schema.get("properties", ()))
                for extra in [name for name in error.instance if name not in keys]:
                    near = get_close_matches(extra, keys, n=1)
                    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(keys)}"
                    self.problems.append(self.problem((*key, extra), f"there is no such key: {hint}"))
            elif error.validator == "enum":
                known = ", ".join(error.validator_value)
                self.problems.append(self.problem(key, f"{error.instance!r} is none of {known}"))
            else:
                self.problems.append(self.problem(key, str(error.message)))


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


@cache
def _job_properties() -> frozenset[str]:
    return frozenset(_schema()["$defs"]["job"]["properties"])


@cache
def _outline_validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema())


@cache
def _job_validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema()["$defs"]["job"])


@cache
def _name_pattern() -> str:
    return str(_schema()["properties"]["jobs"]["propertyNames"]["pattern"])
