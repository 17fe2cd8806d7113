"""Strongly connected components of a directed graph, as far as origins need them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def source_components(nodes: Sequence[Item], edges: Iterable[tuple[Item, Item]]) -> list[Item]:
    """The nodes of all components that no edge enters from another one, in the order given.

    A component is a single node, or nodes that lie on circles with each other (Kosaraju's algorithm).
    """
    after: dict[Item, list[Item]] = {node: [] for node in nodes}
    before: dict[Item, list[Item]] = {node: [] for node in nodes}
    for source, target in edges:
        after[source].append(target)
        before[target].append(source)
    component: dict[Item, Item] = {}
    for root in reversed(list(_finished(nodes, after))):
        if root in component:
            continue
        todo = [root]
        component[root] = root
        while todo:
            for other in before[todo.pop()]:
                if other not in component:
                    component[other] = root
                    todo.append(other)
    entered = {
        component[node]
        for node in nodes
        if any(component[other] != component[node] for other in before[node])
    }
    return [node for node in nodes if component[node] not in entered]


def _finished(nodes: Iterable[Item], after: Mapping[Item, Sequence[Item]]) -> Iterator[Item]:
    """The nodes as a depth-first search leaves them, without recursion."""
    seen: set[Item] = set()
    for root in nodes:
        if root in seen:
            continue
        seen.add(root)
        stack = [(root, iter(after[root]))]
        while stack:
            node, rest = stack[-1]
            following = next((other for other in rest if other not in seen), None)
            if following is None:
                stack.pop()
                yield node
            else:
                seen.add(following)
                stack.append((following, iter(after[following])))
