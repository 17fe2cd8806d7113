"""What an export of a service holds: read from the file, because no answer says it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.parsers import expat

from airflow_provider_sqlflow.errors import TruncatedAnswerError, UnexpectedAnswerError

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import LineageResult

JSON_PATH = "/sqlflow/job/exportLineageAsJson"
FULL_JSON_PATH = "/sqlflow/job/exportFullLineageAsJson"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an export holds."""

    relations: int
    edges: int


Counter = Callable[[BinaryIO], Counts]
"""Reads a file from its begin; raises for one that is not whole."""


def count_document(answer: Mapping[str, Any]) -> Counts:
    """Relations and column edges of a JSON answer, intermediates left out.

    Raises:
        UnexpectedAnswerError: it holds no lineage.
    """
    from airflow_provider_sqlflow.formats.sqlflow.reading import read_document

    return count_result(read_document(answer))


def count_result(result: LineageResult) -> Counts:
    """Relations and column edges of a result, as an export of the embedded engine counts them."""
    from airflow_provider_sqlflow.jobs.lineage.rows import stored_relations

    return Counts(len(stored_relations(result)), len(result.edges()))


def csv_counter(delimiter: str) -> Counter:
    """Counts the rows of a CSV with this delimiter below its header, and the relations at their ends."""

    def count(stream: BinaryIO) -> Counts:
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
        relations: set[Sequence[str]] = set()
        rows = 0
        try:
            reader = csv.reader(text, delimiter=delimiter)
            next(reader, None)
            for row in reader:
                if not row:
                    continue
                rows += 1
                half = 4 if len(row) >= 8 else len(row) // 2
                relations |= {tuple(row[: half - 1]), tuple(row[half : 2 * half - 1])}
        except csv.Error as error:
            raise UnexpectedAnswerError(f"the SQLFlow service's CSV cannot be read: {error}") from None
        finally:
            text.detach()
        return Counts(len(relations), rows)

    return count


def count_graph(stream: BinaryIO) -> Counts:
    """Nodes of the outermost graph, and edges, of a GraphML document.

    Raises:
        TruncatedAnswerError: the document is not closed.
        UnexpectedAnswerError: it is no XML, or declares entities, which may grow without limit.
    """
    graphs = nodes = edges = 0

    def begin(name: str, _attributes: object) -> None:
        nonlocal graphs, nodes, edges
        plain = name.rpartition(":")[2]
        graphs += plain == "graph"
        edges += plain == "edge"
        nodes += plain == "node" and graphs == 1

    def end(name: str) -> None:
        nonlocal graphs
        graphs -= name.rpartition(":")[2] == "graph"

    def refuse(*_details: object) -> None:
        raise UnexpectedAnswerError("the SQLFlow service's GraphML declares entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.EntityDeclHandler = refuse
    try:
        parser.ParseFile(stream)
    except expat.ExpatError as error:
        if error.code in _NOT_CLOSED:
            raise TruncatedAnswerError("the SQLFlow service's GraphML ends in the middle") from None
        raise UnexpectedAnswerError(f"the SQLFlow service's GraphML cannot be read: {error}") from None
    return Counts(nodes, edges)


_NOT_CLOSED = frozenset(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)
