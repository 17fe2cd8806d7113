"""Which layer of a drawing each node belongs to: sources first, each node behind all that lead to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def find_layers(nodes: Sequence[Node], links: Iterable[tuple[Node, Node]]) -> dict[Node, int]:
    """The longest way from a source to each node, in links.

    Of a cycle one link is left out, that by which it is closed in reading order; links that are part of no
    cycle always lead to a later layer.
    """
    targets: dict[Node, dict[Node, None]] = {node: {} for node in nodes}
    for source, target in links:
        if source != target:
            targets[source][target] = None
    waiting = dict.fromkeys(nodes, 0)
    for source, target in list(_closing(targets)):
        del targets[source][target]
    for followers in targets.values():
        for follower in followers:
            waiting[follower] += 1
    layers = dict.fromkeys(nodes, 0)
    ready = deque(node for node, count in waiting.items() if count == 0)
    while ready:
        node = ready.popleft()
        for follower in targets[node]:
            layers[follower] = max(layers[follower], layers[node] + 1)
            waiting[follower] -= 1
            if waiting[follower] == 0:
                ready.append(follower)
    return layers


def _closing(targets: dict[Node, dict[Node, None]]) -> Iterator[tuple[Node, Node]]:
    """The links that lead back to a node on whose way they are met, depth first."""
    fed = {follower for followers in targets.values() for follower in followers}
    done: set[Node] = set()
    for start in sorted(targets, key=lambda node: node in fed):  # sources first, else in reading order
        if start in done:
            continue
        way = {start: iter(targets[start])}
        while way:
            node = next(reversed(way))
            for follower in way[node]:
                if follower in way:
                    yield node, follower
                elif follower not in done:
                    way[follower] = iter(targets[follower])
                    break
            else:
                done.add(node)
                del way[node]
