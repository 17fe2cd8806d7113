"""The export formats by name.

A format's module is imported when the format is used, so that listing them costs nothing.
OpenLineage events are no format of this table: they need a job and a time, and come from
:mod:`airflow_provider_sqlflow.emission.events`.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.errors import UnknownFormatError
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions

Chunks = Callable[..., Iterable[str | bytes]]
"""What a format's module offers: a result, a title and options give the document in pieces.

A format that quotes the SQL takes ``texts``, too: a function that gives the texts by file name.
"""

Texts = Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Format:
    """One export format.

    Attributes:
        name: what users write.
        suffix: file name ending, with its dot.
        media_type: for HTTP and object stores.
        module: the module below ``formats`` that holds ``function``.
        function: name of the :data:`Chunks` function.
        summary: one line for people.
        quotes_text: whether the function takes the SQL texts.
    """

    name: str
    suffix: str
    media_type: str
    module: str
    function: str
    summary: str
    quotes_text: bool = False

    @property
    def chunks(self) -> Chunks:
        """The function that makes the document."""
        module = importlib.import_module(f"airflow_provider_sqlflow.formats.{self.module}")
        return cast("Chunks", getattr(module, self.function))


_JSON = "application/json"


def _table(*formats: Format) -> Mapping[str, Format]:
    return {entry.name: entry for entry in formats}


FORMATS: Mapping[str, Format] = _table(
    Format("json", ".json", _JSON, "sqlflow.document", "iter_json", "SQLFlow's document", True),
    Format(
        "json-flat", ".flat.json", _JSON, "sqlflow.flat", "iter_flat_json", "the same, flat as in 2022", True
    ),
    Format(
        "json-tables",
        ".tables.json",
        _JSON,
        "sqlflow.document",
        "iter_table_lineage",
        "tables and the statements between them",
        True,
    ),
    Format("json-v2", ".v2.json", _JSON, "sqlflow.v2", "iter_json_v2", "the announced second model", True),
    Format("xml", ".xml", "application/xml", "sqlflow.xml", "iter_xml", "SQLFlow's dataflow.xml", True),
    Format("csv", ".csv", "text/csv", "csv_rows", "iter_csv", "one edge a row, SQLFlow's columns", True),
    Format("graphml", ".graphml", "application/graphml+xml", "graphml", "iter_graphml", "GraphML for yEd"),
    Format("svg", ".svg", "image/svg+xml", "picture", "draw_svg", "picture, vector"),
    Format("png", ".png", "image/png", "picture", "draw_png", "picture, pixels"),
    Format(
        "html", ".html", "text/html; charset=utf-8", "page.document", "iter_html", "page to explore offline"
    ),
    Format("dot", ".dot", "text/vnd.graphviz", "dot", "iter_dot", "the picture as Graphviz text"),
    Format("mermaid", ".mmd", "text/vnd.mermaid", "mermaid", "iter_mermaid", "flowchart for Markdown"),
    Format("er-json", ".er.json", "application/json", "er_json", "iter_er_json", "E-R diagram as JSON"),
    Format("er-svg", ".er.svg", "image/svg+xml", "er_picture", "draw_er_svg", "E-R diagram, picture"),
    Format("edges", ".jsonl", "application/x-ndjson", "edge_lines", "iter_edges", "one edge a JSON line"),
    Format("tree", ".txt", "text/plain; charset=utf-8", "tree", "iter_tree", "text for people"),
)
"""Every format, in the order in which help texts list them."""


def get_format(name: str) -> Format:
    """Look a format up.

    Raises:
        UnknownFormatError: no such format; the message lists those there are.
    """
    try:
        return FORMATS[name]
    except KeyError:
        raise UnknownFormatError(f"unknown format {name!r}; known: {', '.join(FORMATS)}") from None


def write(
    format: str,
    result: LineageResult,
    stream: BinaryIO,
    *,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = dict,
) -> None:
    """Write a result to a binary stream, piece by piece. Text is UTF-8.

    Args:
        format: a name of :data:`FORMATS`.
        result: what to write.
        stream: where to; it stays open.
        title: what the document calls itself, where the format has a place for it.
        options: what to show.
        texts: gives the SQL text by file name; asked for only by formats and options that need it.

    Raises:
        UnknownFormatError: no such format.
        ExportError: the format needs a package that is not installed, or cannot draw the result.
    """
    found = get_format(format)
    quoted = {"texts": texts} if found.quotes_text else {}
    for chunk in found.chunks(result, title, options, **quoted):
        stream.write(chunk.encode("utf-8", "replace") if isinstance(chunk, str) else chunk)


def render(
    format: str,
    result: LineageResult,
    *,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = dict,
) -> bytes:
    """The whole document in memory; arguments and errors as in :func:`write`."""
    stream = io.BytesIO()
    write(format, result, stream, title=title, options=options, texts=texts)
    return stream.getvalue()
