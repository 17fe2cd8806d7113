"""Where columns and tables have everything from in the end: origin to target, without the way."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from airflow_provider_sqlflow.formats.layers import find_layers
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
    origins = _Origins(contents)
    elements = _elements(contents)
    last_id = max((int(key) for key in _ids(contents) if key.isdecimal()), default=0)
    relations = []
    for target in targets:
        groups: dict[_Key, list[str]] = {}
        for origin, flow_type, last in origins.of(target):
            effect = contents.relations[last.relation].get("effectType")
            # Relations between tables have one source each, as the documents write them.
            alone = "" if "column" in elements[target] else origin
            groups.setdefault((flow_type, effect, alone), []).append(origin)
        for (flow_type, effect, _), sources in groups.items():
            last_id += 1
            relation: JsonObject = {"id": str(last_id), "type": flow_type}
            if effect is not None:
                relation["effectType"] = effect
            relation["target"] = _end(elements[target], "target")
            relation["sources"] = [_end(elements[source], "source") for source in sources]
            relations.append(relation)
    return relations


class _Origins:
    """The origins of every column or table, found in one pass: each has a bit in a number for each node."""

    def __init__(self, contents: Contents) -> None:
        links = [link for link in contents.links if link.is_flow and link.source != link.target]
        self._incoming: dict[str, list[Link]] = defaultdict(list)
        for link in links:
            self._incoming[link.target].append(link)
        sources = dict.fromkeys(link.source for link in links)
        self._origins = [
            node
            for node in sources
            if node not in self._incoming and contents.is_stored(contents.owner[node])
        ]
        bits = {node: 1 << number for number, node in enumerate(self._origins)}
        direct = [link for link in links if link.type == DIRECT_FLOW]
        self._reached = ((DIRECT_FLOW, _spread(bits, direct)), (INDIRECT_FLOW, _spread(bits, links)))

    def of(self, target: str) -> Iterator[tuple[str, str, Link]]:
        """The origins of one, each with the type of the way and its last link; direct ways win."""
        known = 0
        for flow_type, reached in self._reached:
            for link in self._incoming.get(target, ()):
                if flow_type == DIRECT_FLOW and link.type != DIRECT_FLOW:
                    continue
                new = reached.get(link.source, 0) & ~known
                known |= new
                for number in _ones(new):
                    yield self._origins[number], flow_type, link


def _spread(bits: Mapping[str, int], links: Sequence[Link]) -> dict[str, int]:
    """The bits of all nodes that lead to each node. In layers, so that most nodes are looked at once."""
    followers: dict[str, dict[str, None]] = defaultdict(dict)
    for link in links:
        followers[link.source][link.target] = None
    nodes = dict.fromkeys(end for link in links for end in (link.source, link.target))
    layers = find_layers(list(nodes), ((link.source, link.target) for link in links))
    reached = {node: bits.get(node, 0) for node in nodes}
    queue = deque(sorted(nodes, key=layers.__getitem__))
    queued = set(queue)
    while queue:
        node = queue.popleft()
        queued.discard(node)
        for follower in followers.get(node, ()):
            new = reached[follower] | reached[node]
            if new != reached[follower]:
                reached[follower] = new
                if follower not in queued:
                    queued.add(follower)
                    queue.append(follower)
    return reached


def _ones(number: int) -> Iterator[int]:
    """The places of a number's bits, lowest first."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


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
