"""What takes a processor, as functions for the processes of :mod:`~airflow_provider_sqlflow.api.workers`.

They take and give plain values. A :class:`Subject` says whose lineage is meant; the last few are kept loaded.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.jobs.model import JobId, SyntaxProblem, TextSource
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult
    from airflow_provider_sqlflow.formats.sqlflow.graph import GraphRequest
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

_KEPT = 4
"""How many loaded results a process keeps."""


@dataclass(frozen=True, slots=True)
class Query:
    """SQL text to analyse.

    Attributes:
        text: the SQL.
        name: what diagnostics call it.
        dialect: sqlglot name.
        database: completes names without one.
        schema: likewise.
        schemas: name and text of DDL that says what tables hold.
    """

    text: str
    name: str
    dialect: str
    database: str = ""
    schema: str = ""
    schemas: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """Equal for equal queries."""
        return hashlib.sha256(repr(self).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose lineage: a kept answer of query mode, or a job's.

    Attributes:
        key: tells it from all others, and from what it was before.
        payload: of the kept answer; ``None`` for a job.
        job_id: the job.
        store_url: where jobs are.
    """

    key: str
    payload: bytes | None = field(default=None, repr=False)
    job_id: str = ""
    store_url: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """JSON of an answer's data, and what of the SQL was not understood."""

    data: bytes
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A result and the SQL that it was read from."""

    result: LineageResult
    texts: Mapping[str, str]
    title: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """Each error with its place."""
        return tuple(f"{item.span}: {item.message}" for item in self.result.errors())


def analyse(query: Query, settings: Settings) -> bytes:
    """Lineage of a text, as the payload of a session."""
    from airflow_provider_sqlflow.engine import result_to_json
    from airflow_provider_sqlflow.ingest.sources import open_text
    from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions, FileAnalyzer, FileTask

    options = AnalysisOptions(
        query.dialect, query.database or None, query.schema or None, _catalog(query, settings)
    )
    [file] = open_text(query.name, query.text, settings).read()
    reading = FileAnalyzer(options, settings).read(FileTask(file, ()))
    document = {"result": result_to_json(reading.result), "texts": {query.name: query.text}}
    return json.dumps(document).encode()


def _catalog(query: Query, settings: Settings) -> dict[str, tuple[str, ...]]:
    """What the user's DDL declares."""
    from airflow_provider_sqlflow import engine

    declared: dict[str, tuple[str, ...]] = {}
    for _, text in query.schemas:
        columns, _ = engine.declared_columns(
            text,
            dialect=query.dialect,
            default_database=query.database or None,
            default_schema=query.schema or None,
        )
        declared |= columns
    return declared


def check_syntax(text: str, dialect: str, settings: Settings) -> tuple[SyntaxProblem, ...]:
    """What would not be understood."""
    from airflow_provider_sqlflow.jobs import syntax

    return syntax.check_syntax(TextSource("sql", text), dialect, settings)


def model(subject: Subject, options: ExportOptions) -> Made:
    """The lineage document."""
    from airflow_provider_sqlflow.formats.sqlflow.document import build_answer

    loaded = load(subject)
    answer = build_answer(loaded.result, options, lambda: loaded.texts)
    return _made(answer["data"]["sqlflow"], loaded)


def graph(subject: Subject, options: ExportOptions, request: GraphRequest) -> Made:
    """Document and drawn graph."""
    from airflow_provider_sqlflow.formats.sqlflow.graph import graph_answer

    loaded = load(subject)
    return _made(graph_answer(loaded.result, options, lambda: loaded.texts, request), loaded)


def export(subject: Subject, format: str, options: ExportOptions, folder: str) -> str:
    """Write an export into a new file in a folder, and give its path."""
    from airflow_provider_sqlflow.formats import registry

    loaded = load(subject)
    number, path = tempfile.mkstemp(prefix="sqlflow-answer-", dir=folder)
    try:
        with os.fdopen(number, "wb") as stream:
            registry.write(
                format, loaded.result, stream, title=loaded.title, options=options, texts=lambda: loaded.texts
            )
    except BaseException:
        Path(path).unlink()
        raise
    return path


def load(subject: Subject) -> Loaded:
    """The subject's lineage, kept for the next question."""
    found = _loaded.pop(subject.key, None)
    if found is None:
        found = _load_payload(subject.payload) if subject.payload is not None else _load_job(subject)
    _loaded[subject.key] = found
    while len(_loaded) > _KEPT:
        _loaded.popitem(last=False)
    return found


_loaded: OrderedDict[str, Loaded] = OrderedDict()
_stores: dict[str, SqlJobStore] = {}


def _load_payload(payload: bytes) -> Loaded:
    from airflow_provider_sqlflow.engine import result_from_json

    document = json.loads(payload)
    return Loaded(result_from_json(document["result"]), document["texts"])


def _load_job(subject: Subject) -> Loaded:
    from airflow_provider_sqlflow.engine import merge_results, result_from_json
    from airflow_provider_sqlflow.jobs.store.sql import SqlJobStore

    if subject.store_url not in _stores:
        _stores[subject.store_url] = SqlJobStore(subject.store_url)
    store = _stores[subject.store_url]
    job_id = JobId(subject.job_id)
    result = merge_results(map(result_from_json, store.iter_results(job_id)))
    if not result.dialect:
        result = replace(result, dialect=store.get_job(job_id).dialect)
    return Loaded(result, dict(store.iter_texts(job_id)), store.get_job(job_id).name)


def _made(data: Any, loaded: Loaded) -> Made:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Made(text.encode("utf-8", "replace"), loaded.problems)
