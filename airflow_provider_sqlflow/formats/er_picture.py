"""The E-R diagram as a picture (extra ``images``): tables with their columns, types and keys.

A solid line is a foreign key, a dashed one a join; the crow's foot stands where there may be many rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from airflow_provider_sqlflow.engine.model import ColumnRef, KeyKind, LineageResult, RelationId
from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats import graphviz
from airflow_provider_sqlflow.formats.dot import (
    NODE_ATTRIBUTES,
    attributes,
    escape,
    graph_attributes,
    label,
    legend_table,
)
from airflow_provider_sqlflow.formats.drawing import Detail, Limits, choose_rows
from airflow_provider_sqlflow.formats.er import (
    Attribute,
    Cardinality,
    Diagram,
    Entity,
    Relationship,
    RelationshipKind,
    build_diagram,
)
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.palette import (
    BORDER_COLOUR,
    DIRECT_COLOUR,
    INDIRECT_COLOUR,
    KIND_COLOURS,
    NOTE_COLOUR,
    kind_title,
    one_line,
    text_colour,
)
from airflow_provider_sqlflow.formats.svg import finish_svg

LIMITS = Limits(full_relations=40, column_relations=150, column_links=600)
MAX_ENTITIES = 500
MAX_JOINS = 5
_WAY_OUT = "export 'er-json', or analyse fewer files"

_MARKS = {KeyKind.PRIMARY: "PK", KeyKind.FOREIGN: "FK", KeyKind.UNIQUE: "UQ", KeyKind.INDEX: "IX"}
_MARKS_TITLE = "PK primary key \u00b7 FK foreign key \u00b7 UQ unique \u00b7 IX index"
# Ends of a line: at the side referred to, at the referring side.
_ENDS = {
    Cardinality.MANY_TO_ONE: ("tee", "crow"),
    Cardinality.ONE_TO_ONE: ("tee", "tee"),
    Cardinality.UNKNOWN: ("none", "none"),
}


def draw_er_svg(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[bytes]:
    """The diagram as SVG.

    Raises:
        ExportError: pygraphviz is not installed, there are too many tables, or Graphviz fails.
    """
    diagram = build_diagram(result)
    count = len(diagram.entities)
    if count > MAX_ENTITIES:
        raise ExportError(f"{count} tables are too many for a diagram (at most {MAX_ENTITIES}); {_WAY_OUT}")
    image = _draw_in_time(diagram, title)
    keys = sum(one.kind is RelationshipKind.FOREIGN_KEY for one in diagram.relationships)
    description = (
        f"{count} tables with {keys} foreign keys and {len(diagram.relationships) - keys} other joins."
    )
    yield finish_svg(image, title or "E-R diagram", description)


def _draw_in_time(diagram: Diagram, title: str) -> bytes:
    detail = LIMITS.choose(len(diagram.entities), len(diagram.relationships))
    with suppress(TimeoutError):
        return graphviz.draw("".join(write_er_dot(diagram, title, detail)), "svg")
    try:
        return graphviz.draw("".join(write_er_dot(diagram, title, Detail.TIMED_OUT)), "svg")
    except TimeoutError as error:
        raise ExportError(f"{error}; {_WAY_OUT}") from error


def write_er_dot(diagram: Diagram, title: str, detail: Detail) -> Iterator[str]:
    """The diagram as DOT text, piece by piece."""
    yield "digraph er {\n"
    splines = "line" if detail is Detail.TIMED_OUT else "true"
    yield graph_attributes(nodesep="0.35", ranksep="1.1", splines=splines)
    yield f"  label={_legend(diagram, title, detail)}\n"
    yield NODE_ATTRIBUTES
    yield attributes("edge", dir="both", arrowsize="0.9")
    linked: dict[RelationId, set[str]] = {}
    for one in diagram.relationships:
        for end in (*one.columns, *one.referred):
            linked.setdefault(end.relation, set()).add(end.name or "")
    ports: dict[ColumnRef, str] = {}
    for number, entity in enumerate(diagram.entities):
        name = f"b{number}"
        ports[ColumnRef(entity.relation, None)] = f"{name}:head"
        rows, more = _choose_rows(entity, linked.get(entity.relation, set()), detail)
        ports.update({ColumnRef(entity.relation, row.name): f"{name}:c{at}" for at, row in enumerate(rows)})
        yield f"  {name} [id={name} label={_table(name, entity, rows, more)}]\n"
    drawn = 0
    for one in diagram.relationships:
        for line in dict.fromkeys(_lines(one, ports)):
            yield attributes(line, id=f"e{drawn}", **_look(one))
            drawn += 1
    yield "}\n"


def _choose_rows(entity: Entity, linked: set[str], detail: Detail) -> tuple[list[Attribute], int]:
    keys = {one.name for one in entity.attributes if one.marks}
    names, more = choose_rows([one.name for one in entity.attributes], linked | keys, detail, LIMITS.rows)
    shown = set(names)
    return [one for one in entity.attributes if one.name in shown], more


def _lines(one: Relationship, ports: dict[ColumnRef, str]) -> Iterator[str]:
    """From the side referred to (left) to the referring one, a line for each pair of columns."""
    for column, referred in zip(one.columns, one.referred, strict=False):
        ends = [ports.get(end, ports[ColumnRef(end.relation, None)]) for end in (referred, column)]
        yield f"{ends[0]}:e -> {ends[1]}:w"


def _look(one: Relationship) -> dict[str, str]:
    is_key = one.kind is RelationshipKind.FOREIGN_KEY
    tail, head = _ENDS[one.cardinality]
    return {
        "class": one.kind.value,
        "style": "solid" if is_key else "dashed",
        "color": DIRECT_COLOUR if is_key else INDIRECT_COLOUR,
        "arrowtail": tail,
        "arrowhead": head,
        "tooltip": explain_relationship(one),
    }


def explain_relationship(one: Relationship) -> str:
    """A relationship in words: its columns, where it is declared, and the joins that use it."""
    columns, referred = (
        ", ".join(one_line(str(end)) for end in ends) for ends in (one.columns, one.referred)
    )
    lines = [f"{columns} \u2192 {referred}"]
    if one.kind is RelationshipKind.FOREIGN_KEY:
        lines.append(f"foreign key {one_line(one.name)}".rstrip() + (f" ({one.span})" if one.span else ""))
    lines += [f"join {one_line(join.condition)} ({join.span})" for join in one.joins[:MAX_JOINS]]
    if len(one.joins) > MAX_JOINS:
        lines.append(f"+{len(one.joins) - MAX_JOINS} more joins")
    return "\n".join(lines)


def _table(name: str, entity: Entity, rows: list[Attribute], more: int) -> str:
    colour = KIND_COLOURS[entity.kind]
    tip = f"{entity.label}\n{kind_title(entity.kind)}"
    lines = [
        f'<TR><TD COLSPAN="2" PORT="head" ID="{name}h" TITLE="{escape(tip)}" BGCOLOR="{colour}" ALIGN="LEFT">'
        f'<FONT COLOR="{text_colour(colour)}"><B>{label(entity.label)}</B></FONT></TD></TR>'
    ]
    for at, row in enumerate(rows):
        words = " ".join(_MARKS[mark] for mark in row.marks)
        marks = f' </FONT><FONT COLOR="{DIRECT_COLOUR}">{words}</FONT>' if words else "</FONT>"
        tip = escape(f"{entity.label}.{row.name}")
        lines.append(
            f'<TR><TD COLSPAN="2" PORT="c{at}" ID="{name}c{at}" TITLE="{tip}" '
            'CELLPADDING="0"><TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4"><TR>'
            f'<TD ALIGN="LEFT">{_bold(label(row.name), bool(row.marks))}</TD>'
            f'<TD ALIGN="RIGHT"><FONT COLOR="{NOTE_COLOUR}">{label(row.type)}{marks}</TD>'
            "</TR></TABLE></TD></TR>"
        )
    if more and rows:
        lines.append(
            f'<TR><TD COLSPAN="2" ALIGN="LEFT"><FONT COLOR="{NOTE_COLOUR}">+{more} more</FONT></TD></TR>'
        )
    return (
        f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="4" COLOR="{BORDER_COLOUR}" '
        f'BGCOLOR="white">{"".join(lines)}</TABLE>>'
    )


def _bold(text: str, is_bold: bool) -> str:
    return f"<B>{text}</B>" if is_bold else text


def _legend(diagram: Diagram, title: str, detail: Detail) -> str:
    cells = [
        f'<TD><FONT COLOR="{DIRECT_COLOUR}">\u2500\u2500 foreign key</FONT></TD>',
        f'<TD><FONT COLOR="{INDIRECT_COLOUR}">\u2504\u2504 set equal by a join</FONT></TD>',
        f'<TD><FONT COLOR="{NOTE_COLOUR}">{_MARKS_TITLE}</FONT></TD>',
    ]
    note = "no tables found"
    if diagram.entities:
        notes = {Detail.FULL: "", Detail.LINKED: "only columns of keys and joins are shown"}
        note = notes.get(detail, "tables only")
    if note:
        cells.append(f'<TD><FONT COLOR="{NOTE_COLOUR}">{note}</FONT></TD>')
    return legend_table(title, cells)
