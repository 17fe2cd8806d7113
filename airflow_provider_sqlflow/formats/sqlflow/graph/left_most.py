"""Where columns and tables have everything from in the end: origin to target, without the way."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from airflow_provider_sqlflow.formats.sqlflow.graph.contents import Contents, Link
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject
from airflow_provider_sqlflow.formats.sqlflow.terms import DIRECT_FLOW, INDIRECT_FLOW

_Key = tuple[str, str | None, str]


def collapse(contents: Contents, targets: Iterable[str]) -> list[JsonObject]:
    """Relations from origins to these columns or tables, under new ids.

    An origin is a stored column or table into which nothing flows but itself. A way with one indirect
    link is indirect, unless another way between the same two has none (reference sqlflow-lineage-model,
    section 6.1); the relation has the effect of the last link.
    """
    incoming: dict[str, list[Link]] = defaultdict(list)
    for link in contents.links:
        if link.is_flow and link.source != link.target:
            incoming[link.target].append(link)
    elements = _elements(contents)
    last_id = max((int(key) for key in _ids(contents) if key.isdecimal()), default=0)
    relations = []
    for target in targets:
        groups: dict[_Key, list[str]] = {}
        for origin, (flow_type, last) in _origins(contents, incoming, target).items():
            effect = contents.relations[last.relation].get("effectType")
            # Relations between tables have one source each, as the documents write them.
            alone = "" if "column" in elements[target] else origin
            groups.setdefault((flow_type, effect, alone), []).append(origin)
        for (flow_type, effect, _), origins in groups.items():
            last_id += 1
            relation: JsonObject = {"id": str(last_id), "type": flow_type}
            if effect is not None:
                relation["effectType"] = effect
            relation["target"] = _end(elements[target], "target")
            relation["sources"] = [_end(elements[origin], "source") for origin in origins]
            relations.append(relation)
    return relations


def _origins(contents: Contents, incoming: dict[str, list[Link]], target: str) -> dict[str, tuple[str, Link]]:
    """The origins of one column with the type of the way and its last link; direct ways win."""
    found: dict[str, tuple[str, Link]] = {}
    for flow_type in (DIRECT_FLOW, INDIRECT_FLOW):
        last: dict[str, Link] = {}
        queue: deque[str] = deque([target])
        while queue:
            node = queue.popleft()
            for link in incoming.get(node, ()):
                if link.source in last or link.source == target:
                    continue
                if flow_type == DIRECT_FLOW and link.type != DIRECT_FLOW:
                    continue
                last[link.source] = last.get(node, link)
                queue.append(link.source)
        for node, link in last.items():
            if node not in incoming and contents.is_stored(contents.owner[node]):
                found.setdefault(node, (flow_type, link))
    return found


def _elements(contents: Contents) -> dict[str, JsonObject]:
    """How relations write each of their ends; as a target where they do both."""
    elements: dict[str, JsonObject] = {}
    for relation in contents.relations:
        for source in relation["sources"]:
            elements.setdefault(source["id"], source)
    for relation in contents.relations:
        elements[relation["target"]["id"]] = relation["target"]
    return elements


def _end(element: JsonObject, word: str) -> JsonObject:
    """An end without what its own relation said of it."""
    kept = {key: element[key] for key in _ELEMENT if key in element}
    name = element.get("targetName", element.get("sourceName"))
    if name is not None:
        kept.update({f"{word}Id": element["id"], f"{word}Name": name})
    return {**kept, "coordinates": element.get("coordinates", [])}


_ELEMENT = ("id", "column", "parentId", "parentName", "parentAlias", "source")


def _ids(contents: Contents) -> Iterable[str]:
    yield from contents.owner
    for relation in contents.relations:
        yield relation["id"]
