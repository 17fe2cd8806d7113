"""Lineage as a picture, SVG or PNG: the DOT of :mod:`airflow_provider_sqlflow.formats.dot`, drawn.

A picture that takes too long is drawn again with relations and straight lines only; its legend says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats import graphviz
from airflow_provider_sqlflow.formats.dot import LIMITS, write_dot
from airflow_provider_sqlflow.formats.drawing import Detail, Drawing, plan
from airflow_provider_sqlflow.formats.lookup import RelationNames
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.svg import finish_svg

MAX_RELATIONS = 1000
MAX_LINKS = 2000

_WAY_OUT = "export 'graphml' and open it in yEd, or analyse fewer files"


def draw_svg(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[bytes]:
    """The picture as SVG, with a description for readers who cannot see it and a tooltip on each part.

    Raises:
        ExportError: pygraphviz is not installed, the result has too many relations for a picture, or
            Graphviz fails.
    """
    drawing, image = draw_in_time(result, title, options, "svg")
    yield finish_svg(image, title or "SQL lineage", describe(drawing))


def draw_png(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[bytes]:
    """The picture as PNG; errors as in :func:`draw_svg`."""
    yield draw_in_time(result, title, options, "png")[1]


def draw_in_time(
    result: LineageResult,
    title: str,
    options: ExportOptions,
    image: str,
    cpu_seconds: int = graphviz.CPU_SECONDS,
) -> tuple[Drawing, bytes]:
    """A drawing that Graphviz can do, and the picture as it made it; errors as in :func:`draw_svg`."""
    names = RelationNames(result)
    drawing = plan(result, title, options, LIMITS)
    try:
        return drawing, draw(drawing, names, image, cpu_seconds)
    except TimeoutError:
        drawing = plan(result, title, options, LIMITS, Detail.TIMED_OUT)
    try:
        return drawing, draw(drawing, names, image, cpu_seconds)
    except TimeoutError as error:
        raise ExportError(f"{error}; {_WAY_OUT}") from error


def draw(
    drawing: Drawing, names: RelationNames, image: str, cpu_seconds: int = graphviz.CPU_SECONDS
) -> bytes:
    """Draw exactly this.

    Raises:
        TimeoutError: Graphviz took too long.
        ExportError: as in :func:`draw_svg`.
    """
    if is_too_large(drawing):
        raise ExportError(
            f"{len(drawing.boxes)} relations with {len(drawing.links)} lines are too many for a picture (at "
            f"most {MAX_RELATIONS} and {MAX_LINKS}); {_WAY_OUT}"
        )
    return graphviz.draw("".join(write_dot(drawing, names)), image, cpu_seconds)


def is_too_large(drawing: Drawing) -> bool:
    """Whether nobody could read the picture."""
    return len(drawing.boxes) > MAX_RELATIONS or len(drawing.links) > MAX_LINKS


def describe(drawing: Drawing) -> str:
    """What a picture shows in a sentence, for those who cannot see it."""
    if not drawing.boxes:
        return "No column lineage found."
    direct = sum(link.is_direct for link in drawing.links)
    what = "columns" if drawing.detail.has_columns else "relations"
    return (
        f"Lineage of {len(drawing.boxes)} relations, sources on the left: {direct} lines between {what} "
        f"along which values flow, {len(drawing.links) - direct} that only decide."
    )
