"""A document with less in it: the same objects, columns, statements and relations under the same ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from airflow_provider_sqlflow.formats.sqlflow.document import SCHEMA_LISTS
from airflow_provider_sqlflow.formats.sqlflow.graph.contents import OBJECT_LISTS, Contents, Link
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject


def keep_links(contents: Contents, links: Iterable[Link], extra: Collection[str] = ()) -> JsonObject:
    """The document with these links only.

    A relation keeps its id and the sources that are left. Objects and statements without a relation
    leave, but for ``extra`` ids.
    """
    positions: dict[int, set[int]] = {}
    for link in links:
        positions.setdefault(link.relation, set()).add(link.position)
    relations = [
        _with_sources(relation, positions[number])
        for number, relation in enumerate(contents.relations)
        if number in positions
    ]
    return keep_relations(contents, relations, extra)


def keep_relations(
    contents: Contents, relations: list[JsonObject], extra: Collection[str] = ()
) -> JsonObject:
    """The document with these relations, and what they join; ``extra`` ids stay, too."""
    owners = set(extra)
    for relation in relations:
        owners.add(contents.owner[relation["target"]["id"]])
        owners.update(contents.owner[source["id"]] for source in relation["sources"])
        if relation.get("processId") in contents.processes:
            owners.add(relation["processId"])
    document = dict(contents.document)
    document["dbobjs"] = _objects(contents, owners)
    document["relationships"] = relations
    document["processes"] = [item for key, item in contents.processes.items() if key in owners]
    return document


def without_columns(contents: Contents) -> JsonObject:
    """The document's objects alone: no columns and no relations."""
    bare = dict(contents.document)
    bare["dbobjs"] = _objects(contents, set(contents.owner), has_columns=False)
    bare["relationships"] = []
    return bare


def _with_sources(relation: JsonObject, positions: set[int]) -> JsonObject:
    if len(positions) == len(relation["sources"]):
        return relation
    return {**relation, "sources": [relation["sources"][position] for position in sorted(positions)]}


def _objects(contents: Contents, owners: Collection[str], *, has_columns: bool = True) -> JsonObject:
    """The tree of servers with the objects that stay; databases and schemas without any leave."""
    tree: Any = contents.document["dbobjs"]

    def lists(holder: Mapping[str, Any]) -> JsonObject:
        return {
            name: [
                _object(contents, item, owners, has_columns=has_columns)
                for item in holder[name]
                if name in OBJECT_LISTS and item["id"] in owners
            ]
            for name in SCHEMA_LISTS
            if name in holder
        }

    def database(holder: Mapping[str, Any]) -> JsonObject:
        kept = {"name": holder["name"], **lists(holder)}
        if "schemas" in holder:
            schemas = [{"name": schema["name"], **lists(schema)} for schema in holder["schemas"]]
            kept["schemas"] = [schema for schema in schemas if _has_objects(schema)]
        return kept

    servers = []
    for server in tree["servers"]:
        databases = [database(holder) for holder in server["databases"]]
        kept = [holder for holder in databases if _has_objects(holder) or holder.get("schemas")]
        servers.append({**server, "databases": kept})
    return {**tree, "servers": servers}


def _has_objects(holder: Mapping[str, Any]) -> bool:
    return any(holder.get(name) for name in OBJECT_LISTS)


def _object(
    contents: Contents, item: JsonObject, owners: Collection[str], *, has_columns: bool
) -> JsonObject:
    """An object that names only statements that stay."""
    if not has_columns:
        item = {**item, "columns": []}
    if "processIds" not in item:
        return item
    processes = [process for process in item["processIds"] if process in owners]
    if len(processes) == len(item["processIds"]):
        return item
    kept = {key: value for key, value in item.items() if key not in ("processIds", "isTarget")}
    return {**kept, "processIds": processes, "isTarget": True} if processes else kept
