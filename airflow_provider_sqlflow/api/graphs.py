"""Answers with a graph, whatever the subject: made in a worker process once, then cached."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.api import parameters as p
from airflow_provider_sqlflow.api import work
from airflow_provider_sqlflow.api.envelope import Answer, FileAnswer
from airflow_provider_sqlflow.api.operations import Call
from airflow_provider_sqlflow.api.subjects import Found
from airflow_provider_sqlflow.formats.options import ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.graph.selection import Selection, SelectionKind
from airflow_provider_sqlflow.formats.sqlflow.settings import REQUEST_DEFAULTS

if TYPE_CHECKING:
    from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest

EVERYTHING = Selection()
IMAGE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml"}
"""Pictures, the one given first where a client accepts all."""


def graph_request(call: Call[Any], selection: Selection, *, table_level: bool = False) -> GraphRequest:
    """What of the subject is shown, by the parameters of a :class:`~.parameters.Drawing`."""
    from airflow_provider_sqlflow.formats.sqlflow.graph.answer import GraphRequest

    parameters = call.parameters
    return GraphRequest(
        table_level=table_level,
        selection=selection,
        relation_limit=call.server.settings.server_relation_limit,
        return_full=getattr(parameters, "return_full_relationship", False),
        is_return_model=getattr(parameters, "is_return_model", True),
        show_link_only=getattr(parameters, "show_link_only", True),
        hide_column=getattr(parameters, "hide_column", False),
    )


def selected(parameters: Any) -> Selection:
    """One object by the parameters of a :class:`~.parameters.Selected`."""
    return Selection(
        SelectionKind.OBJECT,
        parameters.server,
        parameters.database,
        parameters.schema_,
        parameters.table,
        parameters.column,
    )


def matched(kind: SelectionKind, parameters: Any) -> Selection:
    """Tables by the parameters of a :class:`~.parameters.Pattern` or ``Matched``."""
    return Selection(
        kind,
        table_pattern=parameters.table_name_pattern,
        table_column=parameters.table_column,
        distance=getattr(parameters, "distance", None),
        stop_at=getattr(parameters, "stopat", ""),
    )


def options_of(call: Call[Any], found: Found, *, self_lineage: bool = False) -> ExportOptions:
    """What is shown of a subject: what the request says, and beyond that the settings of its job.

    Reference sqlflow-api, section 1.6, ``jobId``; a job's names are always normalized (5.1).

    Args:
        call: the request.
        found: the subject.
        self_lineage: whether a job's tables are joined with themselves.

    Raises:
        ExportOptionError: a setting has a value that it cannot have.
        JobNotFoundError: the job was deleted since.
    """
    if found.job is None:
        return p.read_options(call.parameters, REQUEST_DEFAULTS)
    chosen = replace(
        call.server.jobs.get_outline(found.job).options, normalize_names=True, self_lineage=self_lineage
    )
    return p.read_options(call.parameters, chosen, only_given=True)


def answer_graph(
    call: Call[Any],
    found: Found,
    selection: Selection = EVERYTHING,
    *,
    table_level: bool = False,
) -> Answer:
    """Document and drawn graph of a subject, or of a part of it."""
    options = options_of(call, found)
    request = graph_request(call, selection, table_level=table_level)
    made = cached(call, "graph", found, options, request)
    return answer_of(found, made)


def cached(
    call: Call[Any], name: str, found: Found, options: ExportOptions, request: GraphRequest
) -> work.Made:
    """What a function of :mod:`~.work` makes of a subject, made once."""
    # With the version: another one may draw the same differently.
    asked = repr((__version__, name, found.subject.key, options, request))
    digest = hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()
    kept = call.server.state.answers.get(digest)
    if kept is not None:
        head, _, data = kept.partition(b"\n")
        return work.Made(data, tuple(json.loads(head)))
    function = {"graph": work.graph, "er": work.er}[name]
    made: work.Made = call.server.workers.run(function, found.subject, options, request)
    call.server.state.answers.put(digest, json.dumps(made.problems).encode() + b"\n" + made.data)
    return made


def answer_of(found: Found, made: work.Made, **members: Any) -> Answer:
    """The envelope around what was made."""
    return Answer(made.data, found.session_id, found.job_id, made.problems, members)


def answer_image(
    call: Call[Any],
    found: Found,
    selection: Selection = EVERYTHING,
    *,
    table_level: bool = False,
    er: bool = False,
) -> FileAnswer:
    """A picture of a subject, of the kind that the client accepts."""
    options = options_of(call, found)
    request = graph_request(call, selection, table_level=table_level)
    kind = image_kind(call.given.accept)
    picture = call.server.workers.run(work.image, found.subject, options, request, kind, er)
    return FileAnswer(picture, IMAGE_TYPES[kind])


def image_kind(accept: str) -> str:
    """The kind of picture for an ``Accept`` header: the best of those that we draw, else PNG."""
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, _, rest = part.partition(";")
        quality = rest.strip().removeprefix("q=")
        try:
            weights[name.strip()] = float(quality) if quality else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    ranked = [
        (weights.get(media_type, weights.get("image/*", weights.get("*/*", 0.0))), -number, kind)
        for number, (kind, media_type) in enumerate(IMAGE_TYPES.items())
    ]
    best = max(ranked)
    return best[2] if best[0] > 0 else "png"
