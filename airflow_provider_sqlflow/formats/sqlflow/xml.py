"""The document as XML (``dataflow.xml``): reference sqlflow-lineage-model, section 3.

Element and attribute names are the published ones: snake case for the ends of a relation, coordinates as
``[line,column,file],[line,column,file]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr  # nosec B406 - writes, reads nothing

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats.options import DEFAULT_OPTIONS, ExportOptions
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts, no_texts
from airflow_provider_sqlflow.formats.sqlflow.members import MemberWriter
from airflow_provider_sqlflow.formats.sqlflow.model import Model
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject

# Elements have the names of SQLFlow's containers; every other type is a result set.
_ELEMENTS = frozenset(
    {"table", "view", "variable", "path", "stage", "stream", "datasource", "database", "schema"}
)
_END_ATTRIBUTES = {
    "id": "id",
    "column": "column",
    "parentId": "parent_id",
    "parentName": "parent_name",
    "parentAlias": "parent_alias",
    "coordinates": "coordinate",
    "source": "source",
    "clauseType": "clauseType",
    "function": "function",
    "sourceId": "source_id",
    "sourceName": "source_name",
    "targetId": "target_id",
    "targetName": "target_name",
}
_RELATIONSHIP_ATTRIBUTES = (
    "id", "type", "effectType", "function", "processId", "processType", "clause", "joinType", "condition",
    "sqlHash",
)  # fmt: skip
_OBJECT_ATTRIBUTES = (
    "id", "server", "database", "schema", "name", "alias", "type", "subType", "uri", "fileType", "location",
)  # fmt: skip
_PROCESS_ATTRIBUTES = (
    "id", "server", "database", "schema", "name", "procedureName", "queryHashId", "type",
)  # fmt: skip


def iter_xml(
    result: LineageResult,
    title: str = "",
    options: ExportOptions = DEFAULT_OPTIONS,
    texts: Texts = no_texts,
) -> Iterator[str]:
    """The document, an element a piece. ``title`` has no place in this format.

    On table level relations go through the statements, as the format documents them.
    """
    model = Model(result, options, texts, is_table_level=options.table_level)
    writer = MemberWriter(model)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<dlineage>\n'
    for entity in model.objects:
        yield _object(writer.object(entity))
    for process in writer.processes():
        attributes = _picked(process, _PROCESS_ATTRIBUTES)
        yield f"  {_open('process', attributes, process['coordinates'])}/>\n"
    relations = writer.process_relationships() if options.table_level else writer.relationships()
    for relationship in relations:
        yield _relationship(relationship)
    for error in writer.errors():
        attributes = {
            "errorMessage": error["errorMessage"],
            "errorType": error["errorType"],
            "file": error["file"],
        }
        yield f"  {_open('error', attributes, error['coordinates'])}/>\n"
    yield '  <orientation value="LEFT_TO_RIGHT"/>\n</dlineage>\n'


def _object(member: JsonObject) -> str:
    name = member["type"] if member["type"] in _ELEMENTS else "resultset"
    attributes = _picked(member, _OBJECT_ATTRIBUTES)
    if "processIds" in member:
        attributes["processIds"] = " ".join(member["processIds"])
    if member.get("isTarget"):
        attributes["isTarget"] = "true"
    parts = [f"  {_open(name, attributes, member['coordinates'])}>\n"]
    for column in member["columns"]:
        own = _picked(column, ("id", "name", "source", "dataType", "primaryKey", "foreignKey", "unqiueKey"))
        parts.append(f"    {_open('column', own, column['coordinates'])}/>\n")
    parts.append(f"  </{name}>\n")
    return "".join(parts)


def _relationship(member: JsonObject) -> str:
    parts = [f"  {_open('relationship', _picked(member, _RELATIONSHIP_ATTRIBUTES))}>\n"]
    parts.append(_end("target", member["target"]))
    parts.extend(_end("source", source) for source in member["sources"])
    parts.append("  </relationship>\n")
    return "".join(parts)


def _end(name: str, end: JsonObject) -> str:
    attributes = {
        word: end[key] for key, word in _END_ATTRIBUTES.items() if key in end and key != "coordinates"
    }
    opened = _open(name, attributes, end.get("coordinates"))
    transforms = end.get("transforms")
    if not transforms:
        return f"    {opened}/>\n"
    parts = [f"    {opened}>\n      <transforms>\n"]
    for transform in transforms:
        head = _open("transform", {"type": transform["type"]}, transform["coordinates"])
        parts.append(f"        {head}><code>{_text(transform['code'])}</code></transform>\n")
    parts.append(f"      </transforms>\n    </{name}>\n")
    return "".join(parts)


def _picked(member: JsonObject, names: Iterable[str]) -> JsonObject:
    return {name: member[name] for name in names if member.get(name) is not None}


def _open(name: str, attributes: JsonObject, coordinates: list[JsonObject] | None = None) -> str:
    if coordinates:
        attributes = {**attributes, "coordinate": _coordinate(coordinates)}
    words = "".join(
        f" {key}={quoteattr(_clean(_value(value)), _BREAKS)}" for key, value in attributes.items()
    )
    return f"<{name}{words}"


_BREAKS = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _coordinate(pairs: list[JsonObject]) -> str:
    return ",".join(f"[{pair['x']},{pair['y']},{pair['hashCode']}]" for pair in pairs)


def _text(value: str) -> str:
    return (
        _clean(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    )


def _clean(value: str) -> str:
    """Without the characters that XML 1.0 cannot hold at all."""
    return "".join(char if _is_allowed(ord(char)) else "\ufffd" for char in value)


def _is_allowed(code: int) -> bool:
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
