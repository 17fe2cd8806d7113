"""Which shard analyses which files. Pure: numbers of files, what each needs, and how large it is.

A file's result depends on what the files that it needs declare, so a shard must know those before. Two
stages make that so: first the files that others need, in groups that need nothing of each other; then all
others, in any way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum

Needs = Mapping[int, AbstractSet[int]]
"""The files to be read before each file; without circles."""

PAYS_BELOW = 0.75
"""A group is cut when its largest piece, with all that it needs, is at most this part of it."""

_SPARE = 1.1
"""A piece may be this much larger than its fair part before a file goes elsewhere than what it needs."""


class ShardStage(str, Enum):
    """The two passes over the files of a job."""

    DECLARE = "declare"
    """Files that others need."""
    ANALYZE = "analyze"
    """Files that no other file needs."""


@dataclass(frozen=True, slots=True)
class Shards:
    """The files of each shard, by stage; numbers in program order, and no file in two shards."""

    declare: tuple[tuple[int, ...], ...]
    analyze: tuple[tuple[int, ...], ...]

    def of(self, stage: ShardStage) -> tuple[tuple[int, ...], ...]:
        """The shards of a stage."""
        return self.declare if stage is ShardStage.DECLARE else self.analyze

    @property
    def count(self) -> int:
        """How many tasks a stage needs at most."""
        return max(len(self.declare), len(self.analyze))


def make_shards(order: Sequence[int], needs: Needs, weights: Mapping[int, int], count: int) -> Shards:
    """Spread files over shards of about equal weight.

    Args:
        order: all files, each after those that it needs.
        needs: of each file.
        weights: of each file, above zero.
        count: how many shards a stage may have, at least 1.
    """
    needed = frozenset[int]().union(*needs.values()) if needs else frozenset()
    rank = {number: position for position, number in enumerate(order)}

    def in_order(groups: Iterable[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(sorted(group, key=rank.__getitem__)) for group in groups if group)

    groups = [
        piece
        for group in _connected([number for number in order if number in needed], needs)
        for piece in _cut(group, needs, weights, count, sum(weights[number] for number in needed) / count)
    ]
    others = [[number] for number in order if number not in needed]
    return Shards(in_order(_spread(groups, weights, count)), in_order(_spread(others, weights, count)))


def closure(numbers: Iterable[int], needs: Callable[[int], AbstractSet[int]]) -> set[int]:
    """These files and all that they need, directly or not."""
    found: set[int] = set()
    waiting = list(numbers)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(needs(number) - found)
    return found


def _connected(numbers: Sequence[int], needs: Needs) -> list[list[int]]:
    """Groups such that no file needs one of another group."""
    leader = {number: number for number in numbers}

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    for number in numbers:
        for needed in needs[number]:
            leader[find(number)] = find(needed)
    groups: dict[int, list[int]] = {}
    for number in numbers:
        groups.setdefault(find(number), []).append(number)
    return list(groups.values())


def _cut(
    group: list[int], needs: Needs, weights: Mapping[int, int], count: int, fair: float
) -> list[list[int]]:
    """The group in pieces where it is too large for one shard and cutting it pays.

    The shard of a piece also analyses what the piece needs of others, unless it finds it kept by then.
    """
    total = sum(weights[number] for number in group)
    if count == 1 or total <= fair * _SPARE:
        return [group]
    pieces: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    piece_of: dict[int, int] = {}
    for number in group:
        pull = [0] * count
        for needed in needs[number]:
            pull[piece_of[needed]] += weights[needed]
        nearest = max(range(count), key=lambda piece: (pull[piece], -loads[piece]))
        if not pull[nearest] or loads[nearest] + weights[number] > fair * _SPARE:
            nearest = min(range(count), key=loads.__getitem__)
        piece_of[number] = nearest
        pieces[nearest].append(number)
        loads[nearest] += weights[number]
    largest = max(sum(weights[number] for number in closure(piece, needs.__getitem__)) for piece in pieces)
    return pieces if largest <= PAYS_BELOW * total else [group]


def _spread(groups: Sequence[Sequence[int]], weights: Mapping[int, int], count: int) -> list[list[int]]:
    """The groups in at most ``count`` shards: the heaviest first, each to the lightest shard."""
    shards: list[list[int]] = [[] for _ in range(count)]
    loads = [0] * count
    heavy = sorted(groups, key=lambda group: -sum(weights[number] for number in group))
    for group in heavy:
        lightest = min(range(count), key=loads.__getitem__)
        shards[lightest].extend(group)
        loads[lightest] += sum(weights[number] for number in group)
    return shards
