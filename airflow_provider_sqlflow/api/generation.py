"""Query mode: lineage of one SQL text, and graphs of results that were made before.

Facts: reference sqlflow-api, section 4.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import queries as q
from airflow_provider_sqlflow.api import work
from airflow_provider_sqlflow.api.envelope import Answer, FileAnswer
from airflow_provider_sqlflow.api.graphs import (
    answer_graph,
    answer_image,
    answer_of,
    cached,
    graph_request,
    matched,
    options_of,
    selected,
)
from airflow_provider_sqlflow.api.operations import GET, POST, Call, Operation
from airflow_provider_sqlflow.api.subjects import Found, of_job, of_query, of_session_or_job
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import SelectionKind

GROUP = "Generation interface"
SQLFILE = "sqlfile"
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml")
CSV = "text/csv;charset=utf-8"


def model(call: Call[q.ModelQuery]) -> Answer:
    """The lineage document, without a graph and never cut."""
    found = of_query(call)
    options = options_of(call, found)
    return answer_of(found, call.server.workers.run(work.model, found.subject, options))


def graph(call: Call[q.GraphQuery]) -> Answer:
    """Document and graph."""
    return answer_graph(call, of_query(call))


def graph_image(call: Call[q.GraphQuery]) -> FileAnswer:
    """The graph as a picture."""
    return answer_image(call, of_query(call))


def table_graph(call: Call[q.TableGraphQuery]) -> Answer:
    """Tables and the statements between them."""
    return answer_graph(call, of_query(call), table_level=True)


def selected_graph(call: Call[q.SelectedGraphQuery]) -> Answer:
    """One object with all that it is connected with."""
    return answer_graph(call, of_session_or_job(call), selected(call.parameters))


def selected_image(call: Call[q.SelectedGraphQuery]) -> FileAnswer:
    """The same as a picture."""
    return answer_image(call, of_session_or_job(call), selected(call.parameters))


def selected_table_graph(call: Call[q.SelectedTableGraphQuery]) -> Answer:
    """The same between tables."""
    return answer_graph(call, of_session_or_job(call), selected(call.parameters), table_level=True)


def stream(kind: SelectionKind, call: Call[Any]) -> Answer:
    """What tables come from, or what they feed."""
    return answer_graph(call, of_session_or_job(call), matched(kind, call.parameters))


def stream_image(kind: SelectionKind, call: Call[Any]) -> FileAnswer:
    """The same as a picture."""
    return answer_image(call, of_session_or_job(call), matched(kind, call.parameters))


def er(call: Call[q.ErQuery]) -> Answer:
    """Tables and their foreign keys."""
    found = of_query(call)
    options = options_of(call, found)
    return answer_of(
        found, cached(call, "er", found, options, graph_request(call, selected(call.parameters)))
    )


def er_image(call: Call[q.ErQuery]) -> FileAnswer:
    """The same as a picture."""
    return answer_image(call, of_query(call), selected(call.parameters), er=True)


def export_csv(call: Call[q.CsvQuery]) -> FileAnswer:
    """One row an edge."""
    return _csv(call, of_query(call))


def export_selected_csv(call: Call[q.SelectedCsvQuery]) -> FileAnswer:
    """The rows of one object and all that it is connected with."""
    return _csv(call, of_session_or_job(call))


def download_lineage(call: Call[q.CsvQuery]) -> FileAnswer:
    """The same as a download."""
    return _csv(call, of_query(call))


def download_selected_lineage(call: Call[q.SelectedCsvQuery]) -> FileAnswer:
    """The same as a download."""
    return _csv(call, of_session_or_job(call))


def _csv(call: Call[Any], found: Found) -> FileAnswer:
    options = options_of(call, found)
    selection = selected(call.parameters) if isinstance(call.parameters, p.Selected) else None
    tables = tuple(filter(None, getattr(call.parameters, "export_include_table", "").split(",")))
    rows = call.server.workers.run(work.csv_rows, found.subject, options, selection, tables)
    return FileAnswer(rows, CSV, "lineage.csv")


def places(call: Call[q.PlacesQuery]) -> Answer:
    """Where objects of a graph stand in the SQL."""
    found = of_session_or_job(call)
    return Answer(call.server.workers.run(work.places, found.subject, call.parameters.coordinates))


def columns(call: Call[q.ColumnsQuery]) -> Answer:
    """The columns of a table."""
    found = of_session_or_job(call)
    rows = call.server.workers.run(work.columns, found.subject, selected(call.parameters))
    return Answer(rows, found.session_id, found.job_id)


def neighbours(kind: SelectionKind, call: Call[q.NeighboursQuery]) -> Answer:
    """Tables that a table comes from, or that it feeds, by distance."""
    parameters = call.parameters
    found = of_job(call, parameters.jobid)
    rows = call.server.workers.run(
        work.neighbours, found.subject, kind, parameters.tablename, parameters.columnname, parameters.level
    )
    return Answer(rows, found.session_id, found.job_id)


def _op(name: str, parameters: Any, run: Any, summary: str, **more: Any) -> Operation[Any]:
    return Operation(f"/sqlflow/generation{name}", parameters, run, summary, GROUP, **more)


def _stream(
    name: str,
    kind: SelectionKind,
    summary: str,
    methods: tuple[str, ...],
    parameters: Any = q.StreamGraphQuery,
) -> tuple[Operation[Any], ...]:
    return (
        _op(f"/sqlflow/{name}", parameters, partial(stream, kind), summary, methods=methods),
        _op(
            f"/sqlflow/{name}/image",
            parameters,
            partial(stream_image, kind),
            f"{summary}, as a picture",
            media_types=PICTURES,
        ),
    )


_CSV: Any = {"media_types": (CSV,)}
_PICTURE: Any = {"media_types": PICTURES}
_SQL: Any = {"file_part": SQLFILE}

OPERATIONS = (
    _op("/sqlflow", q.ModelQuery, model, "Lineage of SQL", **_SQL),
    _op("/sqlflow/graph", q.GraphQuery, graph, "Lineage of SQL with its graph", **_SQL),
    _op("/sqlflow/graph/image", q.GraphQuery, graph_image, "The graph as a picture", **_SQL, **_PICTURE),
    _op(
        "/sqlflow/graph/table_level_lineage", q.TableGraphQuery, table_graph, "Lineage between tables", **_SQL
    ),
    _op("/sqlflow/selectedgraph", q.SelectedGraphQuery, selected_graph, "Graph of an object"),
    _op(
        "/sqlflow/selectedgraph/image",
        q.SelectedGraphQuery,
        selected_image,
        "The same, a picture",
        **_PICTURE,
    ),
    _op(
        "/sqlflow/selectedgraph/table_level_lineage",
        q.SelectedTableGraphQuery,
        selected_table_graph,
        "Graph of an object, between tables",
    ),
    *_stream("downstreamGraph", SelectionKind.DOWNSTREAM, "What tables feed", (GET, POST)),
    *_stream("upstreamGraph", SelectionKind.UPSTREAM, "What feeds tables", (GET, POST)),
    *_stream(
        "leftMostSourceTableGraph",
        SelectionKind.LEFT_MOST,
        "Where tables come from in the end",
        (POST,),
        q.LeftMostGraphQuery,
    ),
    _op("/sqlflow/erdiagramSelectGraph", q.ErQuery, er, "E-R diagram", **_SQL),
    _op(
        "/sqlflow/erdiagramSelectGraph/image", q.ErQuery, er_image, "The same, a picture", **_SQL, **_PICTURE
    ),
    _op("/sqlflow/exportFullLineageAsCsv", q.CsvQuery, export_csv, "Lineage of SQL as CSV", **_SQL, **_CSV),
    _op("/sqlflow/exportLineageAsCsv", q.CsvQuery, export_csv, "The same, by its older name", **_SQL, **_CSV),
    _op(
        "/sqlflow/selected_dbobject/exportLineageAsCsv",
        q.SelectedCsvQuery,
        export_selected_csv,
        "Lineage of an object as CSV",
        **_CSV,
    ),
    _op("/sqlflow/getSelectedDbObjectInfo", q.PlacesQuery, places, "Where objects stand in the SQL"),
    _op("/sqlflow/listTableColumns", q.ColumnsQuery, columns, "Columns of a table"),
    _op(
        "/sqlflow/download/metadata_lineage",
        q.CsvQuery,
        download_lineage,
        "Lineage of SQL, CSV",
        **_SQL,
        **_CSV,
    ),
    _op(
        "/sqlflow/selected_dbobject/download/metadata_lineage",
        q.SelectedCsvQuery,
        download_selected_lineage,
        "Lineage of an object, CSV",
        **_CSV,
    ),
    _op(
        "/upstream",
        q.NeighboursQuery,
        partial(neighbours, SelectionKind.UPSTREAM),
        "What feeds a table",
        is_json=True,
    ),
    _op(
        "/downstream",
        q.NeighboursQuery,
        partial(neighbours, SelectionKind.DOWNSTREAM),
        "What a table feeds",
        is_json=True,
    ),
)
"""Query mode."""
