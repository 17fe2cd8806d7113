"""The elements of GraphML with yFiles graphics, as yEd writes and reads them. Knows nothing of lineage."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from airflow_provider_sqlflow.formats.graphml_layout import HEADER_HEIGHT, PADDING, Place
from airflow_provider_sqlflow.formats.palette import printable, text_colour

_NAMESPACES = {
    "xmlns": "http://graphml.graphdrawing.org/xmlns",
    "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
    "xmlns:y": "http://www.yworks.com/xml/graphml",
    "xsi:schemaLocation": "http://graphml.graphdrawing.org/xmlns "
    "http://www.yworks.com/xml/schema/graphml/1.1/ygraphml.xsd",
}


@dataclass(frozen=True, slots=True)
class Line:
    """How an edge looks."""

    is_solid: bool
    colour: str
    label: str


class GraphmlWriter:
    """Writes GraphML elements into a buffer that the caller empties piece by piece.

    Args:
        node_facts: names of the data keys that nodes may have.
        edge_facts: names of the data keys that edges may have.
    """

    def __init__(self, node_facts: Sequence[str], edge_facts: Sequence[str]) -> None:
        self._facts = {"node": node_facts, "edge": edge_facts}
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
    def document(self, title: str) -> Iterator[None]:
        """The root with its declarations and the one graph."""
        with self._element("graphml", _NAMESPACES):
            self._declare()
            with self._element("graph", {"id": "G", "edgedefault": "directed"}):
                if title:
                    self._text("data", title, key="d_title")
                yield

    def _declare(self) -> None:
        """Declarations of all data keys. yEd needs the two graphics keys, others read the rest."""
        for owner, names in self._facts.items():
            for name in names:
                kind = "boolean" if name == "masking" else "string"
                attributes = {"id": f"{owner[0]}_{name}", "for": owner, "attr.name": name, "attr.type": kind}
                with self._element("key", attributes):
                    pass
        title = {"id": "d_title", "for": "graph", "attr.name": "title", "attr.type": "string"}
        node_graphics = {"id": "d_node", "for": "node", "yfiles.type": "nodegraphics"}
        edge_graphics = {"id": "d_edge", "for": "edge", "yfiles.type": "edgegraphics"}
        for attributes in (title, node_graphics, edge_graphics):
            with self._element("key", attributes):
                pass

    @contextmanager
    def folder(
        self, number: str, label: str, colour: str, place: Place, facts: Mapping[str, str]
    ) -> Iterator[None]:
        """A node that holds what is written inside; yEd can close it."""
        with self._element("node", {"id": number, "yfiles.foldertype": "group"}):
            self._data("n", facts)
            with (
                self._element("data", {"key": "d_node"}),
                self._element("y:ProxyAutoBoundsNode"),
                self._element("y:Realizers", {"active": "0"}),
            ):
                for is_closed in (False, True):
                    self._group(label, colour, place, is_closed=is_closed)
            with self._element("graph", {"id": f"{number}:", "edgedefault": "directed"}):
                yield

    def _group(self, label: str, colour: str, place: Place, *, is_closed: bool) -> None:
        with self._element("y:GroupNode"):
            height = HEADER_HEIGHT if is_closed else place.height
            self._empty("y:Geometry", height=height, width=place.width, x=place.x, y=place.y)
            self._empty("y:Fill", color="#FFFFFF", transparent="false")
            self._empty("y:BorderStyle", color=colour, type="line", width="1.0")
            self._text(
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
            self._empty("y:Shape", type="rectangle")
            self._empty("y:State", closed=str(is_closed).lower(), innerGraphDisplayEnabled="false")
            self._empty("y:Insets", bottom=PADDING, left=PADDING, right=PADDING, top=PADDING)

    def node(self, number: str, label: str, colour: str, place: Place, facts: Mapping[str, str]) -> None:
        """A node that holds nothing."""
        with self._element("node", {"id": number}):
            self._data("n", facts)
            with self._element("data", {"key": "d_node"}), self._element("y:ShapeNode"):
                self._empty("y:Geometry", height=place.height, width=place.width, x=place.x, y=place.y)
                self._empty("y:Fill", color=colour, transparent="false")
                self._empty("y:BorderStyle", color="#D0D0D0", type="line", width="1.0")
                self._text(
                    "y:NodeLabel",
                    label,
                    alignment="left",
                    autoSizePolicy="node_width",
                    fontSize="12",
                    modelName="internal",
                    modelPosition="l",
                    textColor=text_colour(colour),
                    visible="true",
                )
                self._empty("y:Shape", type="rectangle")

    def edge(self, number: str, source: str, target: str, line: Line, facts: Mapping[str, str]) -> None:
        """An edge between two nodes written before."""
        with self._element("edge", {"id": number, "source": source, "target": target}):
            self._data("e", facts)
            with self._element("data", {"key": "d_edge"}), self._element("y:PolyLineEdge"):
                self._empty(
                    "y:LineStyle",
                    color=line.colour,
                    type="line" if line.is_solid else "dotted",
                    width="1.0",
                )
                self._empty("y:Arrows", source="none", target="standard")
                if line.label:
                    self._text(
                        "y:EdgeLabel",
                        line.label,
                        fontSize="9",
                        hasBackgroundColor="false",
                        hasLineColor="false",
                        modelName="six_pos",
                        modelPosition="tail",
                        textColor=line.colour,
                        visible="true",
                    )
                self._empty("y:BendStyle", smoothed="false")

    @contextmanager
    def _element(self, name: str, attributes: Mapping[str, str] | None = None) -> Iterator[None]:
        self._xml.startElement(name, AttributesImpl(dict(attributes or {})))
        yield
        self._xml.endElement(name)

    def _empty(self, name: str, **attributes: object) -> None:
        with self._element(name, {key: str(value) for key, value in attributes.items()}):
            pass

    def _text(self, name: str, text: str, **attributes: str) -> None:
        with self._element(name, attributes):
            self._xml.characters("\n".join(printable(line) for line in text.split("\n")))

    def _data(self, owner: str, facts: Mapping[str, str]) -> None:
        for key, value in facts.items():
            self._text("data", value, key=f"{owner}_{key}")
