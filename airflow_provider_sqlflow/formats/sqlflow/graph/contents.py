"""What a document holds, by id: objects, columns, statements, and the links between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airflow_provider_sqlflow.formats.sqlflow.graph.names import folded, split_table
from airflow_provider_sqlflow.formats.sqlflow.members import DEFAULT_NAME
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject
from airflow_provider_sqlflow.formats.sqlflow.shapes import holders
from airflow_provider_sqlflow.formats.sqlflow.terms import DIRECT_FLOW, INDIRECT_FLOW

OBJECT_LISTS = ("tables", "views", "others")
FLOW_TYPES = frozenset({DIRECT_FLOW, INDIRECT_FLOW})
STORED_TYPES = frozenset(
    {"table", "view", "pseudoTable", "path", "stage", "stream", "file", "datasource", "database", "schema"}
)
"""Types of what exists outside a statement; the others are steps of one."""


@dataclass(frozen=True, slots=True)
class Link:
    """One source of a relation, and its target.

    Attributes:
        relation: the relation's place in the document's list.
        position: the source's place in the relation.
        source: id of the column, table or statement.
        target: likewise.
        type: the relation's type.
    """

    relation: int
    position: int
    source: str
    target: str
    type: str

    @property
    def is_flow(self) -> bool:
        """Whether data takes this way; comparisons and foreign keys are no flow."""
        return self.type in FLOW_TYPES


class Contents:
    """An index of one document.

    Attributes:
        document: the document.
        objects: table-like objects by id, in the document's order.
        lists: the list of ``dbobjs`` that holds each object.
        columns: columns by id.
        processes: the statements by id.
        owner: the object or statement of every id.
        relations: the relations.
        links: every relation taken apart.
    """

    def __init__(self, document: Mapping[str, object]) -> None:
        self.document = document
        self.objects: dict[str, JsonObject] = {}
        self.lists: dict[str, str] = {}
        self.columns: dict[str, JsonObject] = {}
        self.owner: dict[str, str] = {}
        for list_name, item in _objects(document):
            self.objects[item["id"]] = item
            self.lists[item["id"]] = list_name
            self.owner[item["id"]] = item["id"]
            for column in item["columns"]:
                self.columns[column["id"]] = column
                self.owner[column["id"]] = item["id"]
        self.processes: dict[str, JsonObject] = {item["id"]: item for item in _list(document, "processes")}
        self.owner.update({process: process for process in self.processes})
        self.relations = _list(document, "relationships")
        self.links = tuple(
            Link(number, position, source["id"], item["target"]["id"], item["type"])
            for number, item in enumerate(self.relations)
            for position, source in enumerate(item["sources"])
        )

    def is_stored(self, item_id: str) -> bool:
        """Whether an object exists outside a statement."""
        return item_id in self.objects and self.objects[item_id]["type"] in STORED_TYPES

    def ends_of(self, object_id: str) -> list[str]:
        """The ids under which relations know an object: its own and those of its columns."""
        return [object_id, *(column["id"] for column in self.objects[object_id]["columns"])]

    def find(self, table: str, database: str = "", schema: str = "", server: str = "") -> list[str]:
        """Ids of the objects with these names; what is empty matches any."""
        # A dot may stand in a name: what is given is tried as one name, too.
        wishes = (split_table(database, schema, table), (folded(database), folded(schema), folded(table)))
        found = []
        for object_id, item in self.objects.items():
            names = tuple(folded(item[key]) for key in ("database", "schema", "displayName"))
            is_here = not server or folded(server) == folded(item["server"])
            if is_here and any(_fits(wanted, names) for wanted in wishes):
                found.append(object_id)
        return found

    def columns_named(self, object_id: str, column: str) -> list[str]:
        """Ids of an object's columns of that name."""
        return [
            item["id"]
            for item in self.objects[object_id]["columns"]
            if folded(item["name"]) == folded(column)
        ]


def place_of(item: JsonObject) -> tuple[str, str]:
    """Database and schema of an object, empty where it has none."""
    database, schema = (item[name] if item[name] != DEFAULT_NAME else "" for name in ("database", "schema"))
    return database, schema


def qualified_name(item: JsonObject) -> str:
    """``database.schema.table`` with the parts that the object has."""
    return ".".join(part for part in (*place_of(item), item["displayName"]) if part)


def full_name(item: JsonObject) -> str:
    """The same with ``DEFAULT`` for the parts that are missing."""
    return ".".join((item["database"], item["schema"], item["displayName"]))


def _fits(wanted: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return all(not want or want == name for want, name in zip(wanted, names, strict=True))


def _list(document: Mapping[str, object], name: str) -> list[JsonObject]:
    found = document.get(name, [])
    return found if isinstance(found, list) else []


def _objects(document: Mapping[str, object]) -> Iterator[tuple[str, JsonObject]]:
    objects = document.get("dbobjs")
    for server in objects["servers"] if isinstance(objects, dict) else ():
        for holder in holders(server):
            for list_name in OBJECT_LISTS:
                for item in holder.get(list_name, ()):
                    yield list_name, item
