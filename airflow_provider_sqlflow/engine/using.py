"""Columns that a join merges: USING and NATURAL make one of two, and put it in its place in ``*``."""

from __future__ import annotations

from typing import Any, NamedTuple

from airflow_provider_sqlflow.engine.graph import (
    CONDITIONAL,
    IDENTITY,
    JOIN,
    TRANSFORMATION,
    Column,
    Input,
    combine,
)
from airflow_provider_sqlflow.engine.pivot import PivotReader
from airflow_provider_sqlflow.engine.scope import Flows, MergingJoin, Scope, Source
from airflow_provider_sqlflow.engine.session import Name


class StarItem(NamedTuple):
    """A part of what ``*`` stands for: a relation, or (``source`` is ``None``) a merged column.

    ``hidden`` are the relation's columns that stand elsewhere, ``replaced`` those that are merged in place.
    """

    first: int
    source: Source | None
    hidden: set[str]
    replaced: dict[str, Flows]
    key: str
    columns: Flows


class UsingReader(PivotReader):
    """Reads USING and NATURAL."""

    def _natural(self, before: int, scope: Scope, join: Any) -> None:
        right = [source.node for source in scope.sources[before:]]
        names: dict[str, Name] = {}
        for item in self._star_items(scope):  # in the order in which the left side has them
            if not scope.group <= item.first < before:
                continue
            if item.source is None:
                left = {item.key: item.columns[0][0]}
            else:
                columns = item.source.node.columns
                left = {key: column for key, column in columns.items() if key not in item.hidden}
            for key, column in left.items():
                if any(key in node.columns for node in right):
                    names.setdefault(key, Name(column.name or "", key, -1, -1))
        self._merge_columns(list(names.values()), before, scope, join)

    def _merge_columns(self, names: list[Name], before: int, scope: Scope, join: Any) -> None:
        """Columns of USING and NATURAL: one in the output, both decide the join."""
        side = str(join.args.get("side") or "").upper()
        rows = scope.owner.rows.inputs
        merges: list[tuple[str, Flows, Source | None, Source | None]] = []
        for name in names:
            left, left_source = self._left_of(name, before, scope)
            right, right_source = _one_of(scope.sources[before:], name)
            place = (name.start, name.end) if name.start >= 0 else self.quoter.extent(join.args["this"])
            if rows is not None:
                columns = dict.fromkeys(column for column, _ in [*left, *right])
                rows.extend(Input(column, JOIN, place) for column in columns)
            if side == "FULL":  # COALESCE of both sides
                flowing = [(column, combine(TRANSFORMATION, kind)) for column, kind in [*left, *right]]
                merged = flowing + [(column, CONDITIONAL) for column, kind in left if kind & 15 < JOIN]
            else:
                merged = (right if side == "RIGHT" else left) or [*left, *right]
            if merged:
                scope.merged[name.key] = merged
                merges.append((name.key, merged, left_source, right_source))
        scope.merging_joins.append(MergingJoin(scope.group, before, len(scope.sources), merges))

    def _left_of(self, name: Name, before: int, scope: Scope) -> tuple[Flows, Source | None]:
        """The left side's column, which a join further left may have merged already."""
        found, source = _one_of(scope.sources[scope.group : before], name)
        for join in reversed(scope.merging_joins):
            if join.first >= scope.group:
                for key, columns, left, right in join.merges:
                    if key == name.key and (source is None or source is left or source is right):
                        return columns, left
        return found, source

    def _star_items(self, scope: Scope) -> list[StarItem]:
        """What ``*`` stands for, in order.

        The standard puts merged columns before the columns of the two sides; some engines leave them where
        the left side has them.
        """
        order = self.rules.using_order
        items = [StarItem(number, source, set(), {}, "", []) for number, source in enumerate(scope.sources)]
        of_source = {id(item.source): item for item in items}
        for join in scope.merging_joins:
            fresh: list[StarItem] = []
            for key, columns, left, right in join.merges:
                items = [
                    item
                    for item in items
                    if item.source is not None or item.key != key or not join.first <= item.first < join.end
                ]
                if right is not None:
                    of_source[id(right)].hidden.add(key)
                if left is not None and order == "in_place":
                    of_source[id(left)].replaced[key] = columns
                    continue
                if left is not None:
                    of_source[id(left)].hidden.add(key)
                fresh.append(StarItem(join.first, None, set(), {}, key, columns))
            if order == "left_table":
                fresh.sort(key=lambda item: _position(scope.sources[join.first : join.before], item.key))
            at = next((number for number, item in enumerate(items) if item.first >= join.first), len(items))
            items[at:at] = fresh
        return items


def _position(sources: list[Source], key: str) -> int:
    """Where a column stands among those of some relations."""
    keys = [known for source in sources for known in source.node.columns]
    return keys.index(key) if key in keys else len(keys)


def _one_of(sources: list[Source], name: Name) -> tuple[Flows, Source | None]:
    for source in sources:
        column: Column | None = source.node.columns.get(name.key)
        if column is not None:
            return [(column, IDENTITY)], source
    for source in sources:
        column = source.node.find(name.key, name.text)
        if column is not None:
            return [(column, IDENTITY)], source
    return [], None
