"""Lineage as GraphML 1.0 with yFiles graphics, for the yEd editor and for graph tools.

A folder node per relation (open, coloured by kind), inside it a node per column, and an edge per column
edge: solid where the value flows, dotted where it only decides. Edges of a whole row set end at the
folder. The data keys carry the facts without the graphics: ``kind``, ``database``, ``schema``, ``name``,
``column``, ``effect``, ``subtype``, ``masking``, ``expression``, ``place``, ``statementKind``.

yEd draws a file as it lies, so nodes get places: sources on the left, targets on the right. Its
hierarchical layout does better where there are many.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from airflow_provider_sqlflow.engine.model import ColumnRef, Edge, Effect, LineageResult, RelationId
from airflow_provider_sqlflow.formats.lookup import RelationNames, StatementLookup, used_columns
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.palette import (
    DIRECT_COLOUR,
    INDIRECT_COLOUR,
    KIND_COLOURS,
    printable,
    text_colour,
)

_NAMESPACES = {
    "xmlns": "http://graphml.graphdrawing.org/xmlns",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xmlns:y": "http://www.yworks.com/xml/graphml",
    "xsi:schemaLocation": "http://graphml.graphdrawing.org/xmlns "
    "http://www.yworks.com/xml/schema/graphml/1.1/ygraphml.xsd",
}

_NODE_KEYS = ("kind", "database", "schema", "name", "column")
_EDGE_KEYS = ("effect", "subtype", "masking", "expression", "place", "statementKind")

# Pixels of yEd's drawing area.
_ROW_HEIGHT = 24.0
_HEADER_HEIGHT = 26.0
_PADDING = 12.0
_GAP = 30.0
_LAYER_GAP = 160.0
_CHAR_WIDTH = 7.5
_MIN_WIDTH = 140.0
_MAX_WIDTH = 420.0


def iter_graphml(
    result: LineageResult, title: str = "", options: ExportOptions = DEFAULT_OPTIONS
) -> Iterator[str]:
    """The document in pieces of about a relation or an edge each."""
    names = RelationNames(result)
    columns = used_columns(result)
    places = _arrange(columns, result.edges(), names)
    numbers = {relation: f"n{number}" for number, relation in enumerate(columns)}
    writer = _Writer()
    with writer.element("graphml", _NAMESPACES):
        writer.keys()
        with writer.element("graph", {"id": "G", "edgedefault": "directed"}):
            if title:
                writer.data("d_title", title)
            yield writer.take()
            node_ids: dict[ColumnRef, str] = {}
            for relation, number in numbers.items():
                node_ids[ColumnRef(relation, None)] = number
                for index, column in enumerate(columns[relation]):
                    node_ids[ColumnRef(relation, column)] = f"{number}::n{index}"
                writer.relation(relation, number, columns[relation], places[relation], names)
                yield writer.take()
            statements = StatementLookup(result)
            for count, edge in enumerate(result.edges()):
                statement = statements.find(edge)
                kind = statement.kind.value if statement else ""
                writer.edge(f"e{count}", node_ids[edge.source], node_ids[edge.target], edge, kind)
                yield writer.take()
    yield writer.take() + "\n"


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    y: float
    width: float
    height: float


def _arrange(
    columns: Mapping[RelationId, tuple[str, ...]], edges: Sequence[Edge], names: RelationNames
) -> dict[RelationId, _Place]:
    """A place for every relation: one vertical row for each layer, sources first."""
    widths = {}
    for relation, fields in columns.items():
        longest = max(len(text) for text in (names.label(relation), *fields))
        widths[relation] = min(max(longest * _CHAR_WIDTH + 4 * _PADDING, _MIN_WIDTH), _MAX_WIDTH)
    layers: dict[int, list[RelationId]] = {}
    for relation, layer in _layers(columns, edges).items():
        layers.setdefault(layer, []).append(relation)
    places: dict[RelationId, _Place] = {}
    x = 0.0
    for layer in sorted(layers):
        y = 0.0
        for relation in layers[layer]:
            height = _HEADER_HEIGHT + 2 * _PADDING + _ROW_HEIGHT * max(len(columns[relation]), 1)
            places[relation] = _Place(x, y, widths[relation], height)
            y += height + _GAP
        x += max(widths[relation] for relation in layers[layer]) + _LAYER_GAP
    return places


def _layers(relations: Mapping[RelationId, object], edges: Sequence[Edge]) -> dict[RelationId, int]:
    """The longest way from a source to each relation; a cycle is cut where it is met first."""
    targets: dict[RelationId, dict[RelationId, None]] = {relation: {} for relation in relations}
    for edge in edges:
        if edge.source.relation != edge.target.relation:
            targets[edge.source.relation][edge.target.relation] = None
    waiting = dict.fromkeys(relations, 0)
    for followers in targets.values():
        for follower in followers:
            waiting[follower] += 1
    layers = dict.fromkeys(relations, 0)
    remaining = dict.fromkeys(relations)
    ready = deque(relation for relation, count in waiting.items() if count == 0)
    while remaining:
        relation = ready.popleft() if ready else next(iter(remaining))
        del remaining[relation]
        for follower in targets[relation]:
            if follower in remaining:
                layers[follower] = max(layers[follower], layers[relation] + 1)
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    ready.append(follower)
    return layers


class _Writer:
    """Writes GraphML elements into a buffer that the caller empties piece by piece."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        self._xml = XMLGenerator(self._buffer, encoding="UTF-8", short_empty_elements=True)
        self._xml.startDocument()

    def take(self) -> str:
        """What was written since the last call."""
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text

    @contextmanager
    def element(self, name: str, attributes: Mapping[str, str] | None = None) -> Iterator[None]:
        self._xml.startElement(name, AttributesImpl(dict(attributes or {})))
        yield
        self._xml.endElement(name)

    def empty(self, name: str, **attributes: object) -> None:
        with self.element(name, {key: str(value) for key, value in attributes.items()}):
            pass

    def text(self, name: str, text: str, **attributes: object) -> None:
        with self.element(name, {key: str(value) for key, value in attributes.items()}):
            self._xml.characters(printable(text))

    def data(self, key: str, text: str) -> None:
        self.text("data", text, key=key)

    def keys(self) -> None:
        """Declarations of all data keys. yEd needs the two graphics keys, others read the rest."""
        for owner, keys in (("node", _NODE_KEYS), ("edge", _EDGE_KEYS)):
            for key in keys:
                attributes = {
                    "id": f"{owner[0]}_{key}",
                    "for": owner,
                    "attr.name": key,
                    "attr.type": "boolean" if key == "masking" else "string",
                }
                with self.element("key", attributes):
                    pass
        title = {"id": "d_title", "for": "graph", "attr.name": "title", "attr.type": "string"}
        node_graphics = {"id": "d_node", "for": "node", "yfiles.type": "nodegraphics"}
        edge_graphics = {"id": "d_edge", "for": "edge", "yfiles.type": "edgegraphics"}
        for attributes in (title, node_graphics, edge_graphics):
            with self.element("key", attributes):
                pass

    def relation(
        self,
        relation: RelationId,
        number: str,
        columns: Sequence[str],
        place: _Place,
        names: RelationNames,
    ) -> None:
        """The folder of a relation with its columns."""
        kind = names.kind(relation)
        facts = {
            "kind": kind.value,
            "database": relation.database or "",
            "schema": relation.schema or "",
            "name": relation.name,
        }
        with self.element("node", {"id": number, "yfiles.foldertype": "group"}):
            for key, value in facts.items():
                self.data(f"n_{key}", value)
            with self.element("data", {"key": "d_node"}):
                self._folder(names.label(relation), KIND_COLOURS[kind], place)
            with self.element("graph", {"id": f"{number}:", "edgedefault": "directed"}):
                for index, column in enumerate(columns):
                    with self.element("node", {"id": f"{number}::n{index}"}):
                        self.data("n_column", column)
                        with self.element("data", {"key": "d_node"}):
                            self._field(column, index, place)

    def _folder(self, label: str, colour: str, place: _Place) -> None:
        with self.element("y:ProxyAutoBoundsNode"), self.element("y:Realizers", {"active": "0"}):
            for is_closed in (False, True):
                with self.element("y:GroupNode"):
                    height = _HEADER_HEIGHT if is_closed else place.height
                    self.empty("y:Geometry", height=height, width=place.width, x=place.x, y=place.y)
                    self.empty("y:Fill", color="#FFFFFF", transparent="false")
                    self.empty("y:BorderStyle", color=colour, type="line", width="1.0")
                    self.text(
                        "y:NodeLabel",
                        label,
                        alignment="left",
                        autoSizePolicy="node_width",
                        backgroundColor=colour,
                        fontSize="13",
                        fontStyle="bold",
                        modelName="internal",
                        modelPosition="t",
                        textColor=text_colour(colour),
                        visible="true",
                    )
                    self.empty("y:Shape", type="rectangle")
                    self.empty("y:State", closed=str(is_closed).lower(), innerGraphDisplayEnabled="false")
                    inset = dict.fromkeys(("bottom", "left", "right", "top"), _PADDING)
                    self.empty("y:Insets", **inset)

    def _field(self, column: str, index: int, place: _Place) -> None:
        with self.element("y:ShapeNode"):
            self.empty(
                "y:Geometry",
                height=_ROW_HEIGHT,
                width=place.width - 2 * _PADDING,
                x=place.x + _PADDING,
                y=place.y + _HEADER_HEIGHT + _PADDING + index * _ROW_HEIGHT,
            )
            self.empty("y:Fill", color="#F7F7F7", transparent="false")
            self.empty("y:BorderStyle", color="#D0D0D0", type="line", width="1.0")
            self.text(
                "y:NodeLabel",
                column,
                alignment="left",
                autoSizePolicy="node_width",
                fontSize="12",
                modelName="internal",
                modelPosition="l",
                visible="true",
            )
            self.empty("y:Shape", type="rectangle")

    def edge(self, number: str, source: str, target: str, edge: Edge, statement_kind: str) -> None:
        """One column edge."""
        is_direct = edge.effect is Effect.DIRECT
        facts = {
            "effect": edge.effect.value,
            "subtype": edge.subtype.value,
            "masking": str(edge.masking).lower(),
            "expression": edge.expression,
            "place": str(edge.span) if edge.span else "",
            "statementKind": statement_kind,
        }
        with self.element("edge", {"id": number, "source": source, "target": target}):
            for key, value in facts.items():
                self.data(f"e_{key}", value)
            with self.element("data", {"key": "d_edge"}), self.element("y:PolyLineEdge"):
                self.empty(
                    "y:LineStyle",
                    color=DIRECT_COLOUR if is_direct else INDIRECT_COLOUR,
                    type="line" if is_direct else "dotted",
                    width="1.0",
                )
                self.empty("y:Arrows", source="none", target="standard")
                self.empty("y:BendStyle", smoothed="false")
