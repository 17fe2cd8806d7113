"""What takes a processor, as functions for the processes of :mod:`~airflow_provider_sqlflow.api.workers`.

They take and give plain values. A :class:`Subject` says whose lineage is meant; the last few are kept loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS
from airflow_provider_sqlflow.jobs.model import JobId, SyntaxProblem, TextSource
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult
    from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest
    from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind
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

    @classmethod
    def kept(cls, payload: bytes) -> Subject:
        """A kept answer. What was found tells it from others: the same SQL can meet another limit."""
        return cls(hashlib.sha256(payload).hexdigest(), payload)


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


def syntax_xml(text: str, dialect: str, settings: Settings) -> str:
    """The syntax tree of a text as XML."""
    from airflow_provider_sqlflow.engine.limits import Limits
    from airflow_provider_sqlflow.engine.syntax_tree import syntax_tree

    return syntax_tree(text, dialect, Limits(settings.max_statement_chars, settings.max_nesting))


def model(subject: Subject, options: ExportOptions) -> Made:
    """The lineage document."""
    from airflow_provider_sqlflow.formats.sqlflow.document import build_answer

    loaded = load(subject)
    answer = build_answer(loaded.result, options, lambda: loaded.texts)
    return _made(answer["data"]["sqlflow"], loaded)


def graph(subject: Subject, options: ExportOptions, request: GraphRequest) -> Made:
    """Document and drawn graph."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.answer import graph_answer

    loaded = load(subject)
    return _made(graph_answer(loaded.result, options, lambda: loaded.texts, request), loaded)


def er(subject: Subject, options: ExportOptions, request: GraphRequest) -> Made:
    """Tables and their foreign keys, drawn."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.er import er_answer

    loaded = load(subject)
    return _made(er_answer(loaded.result, options, lambda: loaded.texts, request.selection), loaded)


def image(subject: Subject, options: ExportOptions, request: GraphRequest, kind: str, is_er: bool) -> bytes:
    """The graph as a picture."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.image import er_image, graph_image

    loaded = load(subject)
    if is_er:
        return er_image(loaded.result, options, lambda: loaded.texts, request.selection, kind)
    return graph_image(loaded.result, options, lambda: loaded.texts, request, kind)


def document(subject: Subject, options: ExportOptions, selection: Selection, limit: int | None) -> Made:
    """Mode, summary and document, without a graph."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest, document_answer

    loaded = load(subject)
    request = GraphRequest(selection=selection, relation_limit=limit)
    return _made(document_answer(loaded.result, options, lambda: loaded.texts, request), loaded)


def csv_rows(
    subject: Subject, options: ExportOptions, selection: Selection | None, tables: tuple[str, ...]
) -> bytes:
    """CSV of a subject or a part of it; where tables are named, only rows that begin or end there."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.rows import lineage_csv

    loaded = load(subject)
    text = lineage_csv(loaded.result, options, lambda: loaded.texts, selection, tables)
    return text.encode("utf-8", "replace")


def neighbours(
    subject: Subject, kind: SelectionKind, table: str, column: str, level: int | None
) -> list[Any]:
    """Tables that a table comes from, or that it feeds, with how far they are."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind
    from airflow_provider_sqlflow.formats.sqlflow.graph.tables import tables_by_level

    loaded = load(subject)
    start = Selection(table=table, column=column)
    is_forward = kind is SelectionKind.DOWNSTREAM
    return tables_by_level(
        loaded.result, REQUEST_DEFAULTS, lambda: loaded.texts, start, is_forward=is_forward, levels=level
    )


def left_most(subject: Subject, selection: Selection) -> list[Any]:
    """Pairs of a table and one that it comes from in the end."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.tables import left_most_tables

    loaded = load(subject)
    pattern, column = selection.table_pattern, selection.table_column
    return left_most_tables(loaded.result, REQUEST_DEFAULTS, lambda: loaded.texts, pattern, column)


def left_most_csv(subject: Subject, selection: Selection, delimiter: str) -> bytes:
    """The same as CSV."""
    from airflow_provider_sqlflow.formats.sqlflow.graph import tables

    pairs = left_most(subject, selection)
    return tables.left_most_csv(pairs, selection.table_column, delimiter).encode("utf-8", "replace")


def way(subject: Subject, source: tuple[str, str], target: tuple[str, str]) -> list[Any]:
    """The statements between two tables or columns."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection
    from airflow_provider_sqlflow.formats.sqlflow.graph.sql_of import statements_between

    loaded = load(subject)
    ends = [Selection(table=table, column=column) for table, column in (source, target)]
    return statements_between(loaded.result, REQUEST_DEFAULTS, lambda: loaded.texts, *ends)


def sources_of(subject: Subject, selection: Selection) -> list[Any]:
    """The statements that make an object."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.sql_of import statements_making

    loaded = load(subject)
    return statements_making(loaded.result, REQUEST_DEFAULTS, lambda: loaded.texts, selection)


def summary(subject: Subject, options: ExportOptions) -> Any:
    """Counts of what a document holds."""
    from airflow_provider_sqlflow.formats.sqlflow.document import build_answer

    loaded = load(subject)
    return build_answer(loaded.result, options, lambda: loaded.texts)["data"]["summary"]


def places(subject: Subject, coordinates: str) -> list[Any]:
    """Where objects of a graph stand in the SQL."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.places import find_places

    loaded = load(subject)
    return find_places(coordinates, loaded.result, lambda: loaded.texts, has_files=bool(subject.job_id))


def columns(subject: Subject, selection: Selection) -> list[Any]:
    """The columns of a table."""
    from airflow_provider_sqlflow.formats.sqlflow.document import build_answer
    from airflow_provider_sqlflow.formats.sqlflow.graph.columns import list_columns

    loaded = load(subject)
    answer = build_answer(loaded.result, REQUEST_DEFAULTS, lambda: loaded.texts)
    return list_columns(answer["data"]["sqlflow"], selection.table, selection.database, selection.schema)


def graphml(subject: Subject, options: ExportOptions) -> str:
    """GraphML."""
    from airflow_provider_sqlflow.formats import registry

    loaded = load(subject)
    return registry.render("graphml", loaded.result, title=loaded.title, options=options).decode()


def export(
    subject: Subject, format: str, options: ExportOptions, path: Path, selection: Selection | None = None
) -> None:
    """Write an export of a subject or a part of it into a file."""
    from airflow_provider_sqlflow.formats import registry
    from airflow_provider_sqlflow.formats.sqlflow.graph.part import part_of

    loaded = load(subject)
    result = part_of(loaded.result, selection) if selection is not None else loaded.result
    with path.open("wb") as stream:
        registry.write(
            format, result, stream, title=loaded.title, options=options, texts=lambda: loaded.texts
        )


def export_parquet(subject: Subject, options: ExportOptions, path: Path) -> None:
    """Write the rows of the CSV export into a Parquet file.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    import csv

    from airflow_provider_sqlflow.formats.csv_rows import iter_csv

    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow on the server: pip install 'airflow-provider-sqlflow[parquet]'"
        ) from None
    loaded = load(subject)
    header, *rows = csv.reader(iter_csv(loaded.result, "", options, lambda: loaded.texts))
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    table = pyarrow.table(
        {name: pyarrow.array(values, pyarrow.string()) for name, values in zip(header, columns, strict=True)}
    )
    parquet.write_table(table, path)


def metadata(subject: Subject, is_with_source: bool) -> Made:
    """What a job knows of tables, in the format of SQLFlow's ingester."""
    from airflow_provider_sqlflow.engine.catalog import join_name
    from airflow_provider_sqlflow.engine.dialects import vendor_of
    from airflow_provider_sqlflow.formats.sqlflow.metadata import metadata_document
    from airflow_provider_sqlflow.jobs.lineage.rows import stored_relations

    loaded = load(subject)
    tables = {}
    for relation in stored_relations(loaded.result):
        identity = relation.id
        parts = [part for part in (identity.database, identity.schema, identity.name) if part]
        tables[join_name(parts)] = relation.columns
    texts = loaded.texts if is_with_source else {}
    return _made(metadata_document(tables, vendor_of(loaded.result.dialect), texts), loaded)


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
