"""Graphviz's SVG made ready for readers: a title and a description, tooltips, no links.

Graphviz writes tooltips as titles of links that lead nowhere, and names of its own as titles. Here the
tooltips become the titles, which browsers show and screen readers read.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from airflow_provider_sqlflow.formats.palette import one_line

_NAMESPACE = "http://www.w3.org/2000/svg"
_G, _A, _TITLE, _DESC = (f"{{{_NAMESPACE}}}{name}" for name in ("g", "a", "title", "desc"))
_LINK_TITLE = "{http://www.w3.org/1999/xlink}title"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"


def finish_svg(image: bytes, title: str, description: str, inline_id: str = "") -> bytes:
    """The image with its texts in place.

    Args:
        image: as Graphviz wrote it.
        title: for the whole image.
        description: for readers who cannot see it.
        inline_id: for an image inside an HTML page: its id there, which then begins all others too.
    """
    title = one_line(title)
    ET.register_namespace("", _NAMESPACE)
    root = ET.fromstring(image)  # noqa: S314 - Graphviz wrote it; it declares no entities
    groups = list(root.iter(_G))
    for group in groups:
        for own in group.findall(_TITLE):
            group.remove(own)
    for group in groups:
        for child in list(group):
            _unwrap_link(group, child)
    for element in root.iter():
        element.attrib.pop(_SPACE, None)
        if inline_id and "id" in element.attrib:
            element.set("id", f"{inline_id}-{element.get('id')}")
    for index, (tag, text) in enumerate(((_TITLE, title), (_DESC, description))):
        root.insert(index, _text(tag, text))
    root.set("role", "img")
    root.set("aria-label", f"{title}. {description}")
    if inline_id:
        root.set("id", inline_id)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=not inline_id)) + b"\n"


def _unwrap_link(group: ET.Element, child: ET.Element) -> None:
    """Replace ``<g id="a_x"><a title>…</a></g>`` by its content: that of a row keeps a group of its own."""
    link = child.find(_A) if child.tag == _G else None
    if link is None:
        return
    identifier = child.get("id", "").removeprefix("a_")
    content = [_text(_TITLE, link.get(_LINK_TITLE, "")), *link]
    if identifier == group.get("id"):
        at = list(group).index(child)
        group.remove(child)
        for element in reversed(content):
            group.insert(at, element)
        return
    child.clear()
    child.set("id", identifier)
    child.set("class", "head" if identifier.endswith("h") else "row")
    child.extend(content)


def _text(tag: str, text: str) -> ET.Element:
    element = ET.Element(tag)
    element.text = text
    return element
