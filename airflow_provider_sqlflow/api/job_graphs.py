"""Graphs and look-ups of a job's result. Facts: reference sqlflow-api, sections 5.12 to 5.16."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import queries as q
from airflow_provider_sqlflow.api import work
from airflow_provider_sqlflow.api.envelope import Answer, FileAnswer
from airflow_provider_sqlflow.api.graphs import EVERYTHING, answer_graph, matched, options_of, selected
from airflow_provider_sqlflow.api.jobs import whole_object
from airflow_provider_sqlflow.api.operations import Call, Operation
from airflow_provider_sqlflow.api.subjects import Found, of_job
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS

GROUP = "Job interface: graphs"
PLAIN = "text/plain;charset=utf-8"


def graph(call: Call[q.LatestJobGraphQuery]) -> Answer:
    """Graph of a job, or of one object in it; with the GraphML text where that is asked for."""
    found = of_job(call, call.parameters.job_id)
    answer = answer_graph(call, found, selected(call.parameters))
    if not call.parameters.contain_graph_ml:
        return answer
    options = options_of(call, found)
    text = call.server.workers.run(work.graphml, found.subject, options)
    data = json.loads(answer.data) | {"graphML": text}
    return replace(answer, data=data)


def latest_tables(call: Call[q.LatestTableQuery]) -> Answer:
    """Tables and the statements between them, of a job."""
    found = of_job(call, call.parameters.job_id)
    return _with_job(call, found, answer_graph(call, found, table_level=True))


def latest_left_most(call: Call[q.LatestLeftMostQuery]) -> Answer:
    """Where tables of a job come from in the end."""
    found = of_job(call, call.parameters.job_id)
    return answer_graph(call, found, matched(SelectionKind.LEFT_MOST, call.parameters))


def summary(call: Call[q.SummaryQuery]) -> Answer:
    """How much a job found."""
    found = of_job(call, call.parameters.job_id)
    options = options_of(call, found)
    data = call.server.workers.run(work.summary, found.subject, options)
    return Answer(data, found.session_id, found.job_id)


def left_most_tables(call: Call[q.LeftMostTablesQuery]) -> Answer:
    """The same as a list."""
    found = of_job(call, call.parameters.job_id)
    selection = matched(SelectionKind.LEFT_MOST, call.parameters)
    rows = call.server.workers.run(work.left_most, found.subject, selection)
    return Answer(rows, found.session_id, found.job_id)


def left_most_csv(call: Call[q.LeftMostCsvQuery]) -> FileAnswer:
    """The same as CSV."""
    found = of_job(call, call.parameters.job_id)
    selection = matched(SelectionKind.LEFT_MOST, call.parameters)
    options = p.read_options(call.parameters, REQUEST_DEFAULTS)
    rows = call.server.workers.run(work.left_most_csv, found.subject, selection, options.delimiter)
    return FileAnswer(rows, PLAIN)


def way(call: Call[q.WayQuery]) -> Answer:
    """The SQL on the ways from one table or column to another."""
    parameters = call.parameters
    found = of_job(call, parameters.job_id, parameters.job_name)
    rows = call.server.workers.run(
        work.way,
        found.subject,
        (parameters.source_table, parameters.source_column),
        (parameters.target_table, parameters.target_column),
    )
    return Answer(rows, found.session_id, found.job_id)


def object_graph(call: Call[q.ObjectGraphQuery]) -> Answer:
    """Graph of an object of a job, such as a view that its database holds."""
    found = of_job(call, call.parameters.job_id)
    return answer_graph(call, found, _named(call.parameters))


def object_source(call: Call[q.ObjectQuery]) -> Answer:
    """The SQL that makes an object."""
    found = of_job(call, call.parameters.job_id)
    rows = call.server.workers.run(work.sources_of, found.subject, _named(call.parameters))
    return Answer(rows, found.session_id, found.job_id)


def _named(parameters: q.ObjectQuery) -> Selection:
    return replace(EVERYTHING, database=parameters.database, schema=parameters.schema_, table=parameters.name)


def _with_job(call: Call[Any], found: Found, answer: Answer) -> Answer:
    if found.job is None:
        return answer
    return replace(answer, members={"job": whole_object(call, found.job)})


def _op(name: str, parameters: Any, run: Any, told: str, **more: Any) -> Operation[Any]:
    return Operation(f"/sqlflow/job/{name}", parameters, run, told, GROUP, **more)


OPERATIONS = (
    _op("displayUserJobGraph", q.LatestJobGraphQuery, graph, "Graph of a job"),
    _op("displayUserLatestJobGraph", q.LatestJobGraphQuery, graph, "Graph of the latest job"),
    _op(
        "displayUserLatestJobTableLevelLineage", q.LatestTableQuery, latest_tables, "Tables of the latest job"
    ),
    _op(
        "displayUserLatestJobLeftMostTable",
        q.LatestLeftMostQuery,
        latest_left_most,
        "Where tables of the latest job come from",
    ),
    _op("graph/summary", q.SummaryQuery, summary, "How much a job found"),
    _op("leftMostSourceTable", q.LeftMostTablesQuery, left_most_tables, "Where tables come from, a list"),
    _op(
        "leftMostSourceTableAsCsv",
        q.LeftMostCsvQuery,
        left_most_csv,
        "Where tables come from, CSV",
        media_types=(PLAIN,),
    ),
    _op("fetchLeftMostTableLineageSQL", q.WayQuery, way, "SQL between two tables"),
    _op("displayMetadataQueryGraph", q.ObjectGraphQuery, object_graph, "Graph of an object"),
    _op("displayMetadataQuerySource", q.ObjectQuery, object_source, "SQL that makes an object"),
)
"""Graphs of jobs."""
