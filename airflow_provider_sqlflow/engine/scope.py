"""Name spaces: which columns a SELECT sees, and what a column name in it means.

The rule for a name without qualifier, in order: the one relation known to have it; the first of several
(with ``ambiguous_column``); an alias of the same SELECT where the dialect allows it; the one relation whose
columns are unknown; the first of several such, or the one a comparison gives it to (with ``orphan_column``);
then the same in the query around.
This is SQLFlow's order (reference: sqlflow-lineage-model, section 13).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from airflow_provider_sqlflow.engine.graph import IDENTITY, TRANSFORMATION, Column, Node
from airflow_provider_sqlflow.engine.model import Severity
from airflow_provider_sqlflow.engine.session import Name, Session, Struct


class Source:
    """A relation in FROM under the name by which columns may be qualified."""

    __slots__ = ("is_visible", "name", "node", "qualifier")

    def __init__(
        self, node: Node, name: Name | None, qualifier: tuple[str, ...], is_visible: bool = True
    ) -> None:
        self.node = node
        self.name = name
        self.qualifier = qualifier  # compared parts, e.g. (database, schema, table) or (alias,)
        self.is_visible = is_visible  # in SELECT *: the right side of a semi join is not

    @property
    def is_open_table(self) -> bool:
        """Whether the relation has unknown columns; arrays and table functions name theirs."""
        return self.node.has_unknown_columns and self.node.any_inputs is None


Flows = list[tuple[Column, int]]
"""Columns that a name stands for, each with the kind of access."""


class MergingJoin(NamedTuple):
    """A join with USING or NATURAL: its sides as numbers of relations, and each column it merges.

    A column is its compared name, what it is made of, and the relations that had it left and right.
    """

    first: int
    before: int
    end: int
    merges: list[tuple[str, Flows, Source | None, Source | None]]


class Scope:
    """The name space of one SELECT or DML statement."""

    def __init__(self, session: Session, owner: Node, parent: Scope | None, ctes: dict[str, Node]) -> None:
        self.session = session
        self.owner = owner  # the node this scope builds; it notes what is read
        self.parent = parent
        self.ctes = ctes
        self.sources: list[Source] = []
        self.by_name: dict[str, list[Source]] = {}
        self.aliases: dict[str, Column] = {}
        self.merged: dict[str, Flows] = {}  # columns of USING / NATURAL
        self.merging_joins: list[MergingJoin] = []
        self.group = 0  # the first relation behind the last comma, or in the brackets being read
        self.early_aliases = session.rules.has_lateral_alias
        self.named_values: dict[str, Column] = {}
        self.windows: dict[str, Any] = {}  # named windows of this SELECT
        self.owners: dict[str, Source] = {}  # of bare columns that a comparison shares out (orphans.py)

    def add(self, source: Source) -> None:
        """Bring a relation into scope."""
        self.sources.append(source)
        if source.qualifier:
            self.by_name.setdefault(source.qualifier[-1], []).append(source)

    def find_source(self, qualifier: list[Name]) -> Source | None:
        """The relation a qualifier names, here or in a query around."""
        last = qualifier[-1].key
        scope: Scope | None = self
        if len(qualifier) == 1:  # nearly always: an alias
            while scope is not None:
                found = scope.by_name.get(last)
                if found:
                    return found[0]
                scope = scope.parent
        else:
            wanted = [part.key for part in qualifier]
            while scope is not None:
                for source in scope.by_name.get(last, ()):
                    have = source.qualifier
                    shared = min(len(have), len(wanted))
                    if list(have[-shared:]) == wanted[-shared:]:
                        return source
                scope = scope.parent
        return self._find_source_folded(last.lower())

    def _find_source_folded(self, folded: str) -> Source | None:
        """A relation whose name is quoted here and not there, or that stands behind an alias."""
        scope: Scope | None = self
        while scope is not None:
            for key, sources in scope.by_name.items():
                if key.lower() == folded:
                    return sources[0]
            scope = scope.parent
        for source in self.sources:  # the name behind an alias: wrong SQL, clear meaning
            if source.node.id.name.lower() == folded and not source.node.is_derived:
                return source
        return None

    def names_relation(self, name: Name) -> bool:
        """Whether a bare name is that of a relation in scope and no column known by that name."""
        scope: Scope | None = self
        while scope is not None:
            if name.key in scope.by_name:
                return not any(name.key in source.node.columns for source in self.sources)
            scope = scope.parent
        return False

    # Columns ------------------------------------------------------------------------------------

    def resolve(self, parts: list[Name]) -> list[tuple[Column, int]]:
        """Columns that a possibly qualified name stands for, each with the kind of access.

        Several for a merged join column of a FULL JOIN; none for pseudo columns and placeholders.
        Leading parts that name no relation make the name a field access: ``payload.user.id`` reads
        ``payload``.
        """
        name = parts[-1]
        if len(parts) == 1:
            return self._unqualified(name)
        for length in range(len(parts) - 1, 0, -1):
            source = self.find_source(parts[:length])
            if source is None:
                continue
            rest = parts[length:]
            column = _nested(source.node, rest) if len(rest) > 1 else None
            if column is not None:
                return [(column, IDENTITY)]
            column = self._column_of(source, rest[0])
            if column is None:
                return []
            if len(rest) == 1:
                return [(column, IDENTITY)]
            return [(self.field_of(column, rest[1:]), TRANSFORMATION)]
        for source in self.sources:
            column = _nested(source.node, parts)
            if column is not None:
                return [(column, IDENTITY)]
        if self.session.variables and parts[0].text.lower() in self.session.variables:
            return []  # a field of a row that a loop or a declaration names
        columns = self._field_owner(parts[0])
        if columns:
            return [(self.field_of(column, parts[1:]), TRANSFORMATION) for column in columns]
        self._report_unknown_qualifier(parts)
        return []

    def plain(self, key: str, text: str) -> Column | None:
        """The column of a name without qualifier where nothing but this query can decide.

        The short way for most names; ``None`` when :meth:`resolve` has to look closer.
        """
        if self.merged or self.named_values:
            return None
        found: Column | None = None
        for source in self.sources:
            column = source.node.columns.get(key)
            if column is None:
                if source.node.stars:
                    return None
            elif found is not None:
                return None  # ambiguous
            else:
                found = column
        return found if found is not None else self._of_only_table(key, text)

    def _of_only_table(self, key: str, text: str) -> Column | None:
        """The column of a query over one table of unknown columns, where the name can be nothing else."""
        if len(self.sources) != 1 or self.parent is not None:
            return None
        node = self.sources[0].node
        if not node.is_open or node.is_derived or node.any_inputs is not None:
            return None
        if key in self.by_name or key in self.aliases or text.lower() in self.session.pseudo_columns:
            return None
        return node.find(key, text)

    def field_of(self, column: Column, path: list[Name]) -> Column:
        """A field of a struct that the script built, as a column of its own; else the whole column."""
        struct = self._struct_of(column)
        if struct is None:
            return column
        fields, field = struct.fields, None
        for name in path:
            field = fields.get(name.key)
            if field is None:
                return column
            fields = field.fields
        if field is None:
            return column
        text = ".".join([column.name or "", *(name.text for name in path)])
        key = "\0".join(["", text.lower()])
        found = struct.node.found.get(key)
        if found is None:
            found = struct.node.found[key] = Column(struct.node, text, list(field.inputs))
            found.fold()
            if fields:
                self.session.structs[found] = Struct(struct.node, fields, len(field.inputs))
        return found

    def fields_of(self, column: Column) -> list[Name]:
        """The names of the fields of a struct that the script built; none for other columns."""
        struct = self._struct_of(column)
        fields = struct.fields if struct is not None else {}
        return [Name(field.text, key, -1, -1) for key, field in fields.items()]

    def _struct_of(self, column: Column) -> Struct | None:
        """The struct that the script put into a column, or into one that it is a copy of."""
        owner, seen = column, {column}
        while owner not in self.session.structs:
            inputs = owner.inputs or ()
            if len(inputs) != 1 or inputs[0].kind != IDENTITY or inputs[0].column in seen:
                return None
            owner = inputs[0].column
            seen.add(owner)  # a recursive query may lead back
        struct = self.session.structs[owner]
        return struct if len(owner.inputs or ()) == struct.width else None

    def _column_of(self, source: Source, name: Name) -> Column | None:
        node = source.node
        column = node.find(name.key, name.text)
        if column is None:
            column = _find_folded(node, name.key)
        if column is None and self.session.rules.names_by_function:
            column = _named_by_function(node, name)
        if column is not None or self._is_pseudo(name):
            return column
        if name.text.lower() in self.session.rules.system_columns and not node.is_derived:
            return _undeclared(node, name)
        self._report(
            Severity.WARNING,
            "unknown_column",
            f"{node.id} has no column {name.text!r}; it has {_some(node)}",
            name,
        )
        if node.is_derived:
            return None
        return node.add(name.key, name.text)  # the catalog may be older than the text

    def _field_owner(self, name: Name) -> list[Column]:
        scope: Scope | None = self
        while scope is not None:
            known = [found for source in scope.sources if (found := source.node.columns.get(name.key))]
            if known:
                return known[:1]
            likely = scope._likely(name)
            if likely is not None:
                return [likely]
            scope = scope.parent
        open_sources = [source for source in self.sources if source.node.has_unknown_columns]
        if len(open_sources) == 1 and self.session.rules.has_field_access:
            column = open_sources[0].node.find(name.key, name.text)
            return [column] if column else []
        return []

    def _unqualified(self, name: Name) -> list[tuple[Column, int]]:
        is_value = name.is_placeholder or self._is_pseudo(name)
        scope: Scope | None = self
        nearest: Scope | None = None
        while scope is not None:
            found = scope._here(name)
            if found is not None:
                return found
            # The nearest query wins, as in SQL: its relation of unknown columns before the query around.
            if not is_value and scope._has_open_table():
                owner = (nearest or scope)._open_owner(name)
                return [(owner, IDENTITY)] if owner is not None else []
            if nearest is None and scope._is_of_arrays:
                nearest = scope
            scope = scope.parent
        if is_value:
            return []
        scope = self
        while scope is not None:
            owner = scope._open_owner(name)
            if owner is not None:
                return [(owner, IDENTITY)]
            scope = scope.parent
        return [(column, IDENTITY) for column in self._missing(name)]

    def _has_open_table(self) -> bool:
        return any(source.is_open_table for source in self.sources)

    def _here(self, name: Name) -> list[tuple[Column, int]] | None:
        """Columns of this scope that are declared under the name."""
        key = name.key
        if self.merged and key in self.merged:
            return self.merged[key]
        if self.named_values and key in self.named_values:
            return [(self.named_values[key], IDENTITY)]
        known: list[Column] = []
        hidden: Column | None = None
        for source in self.sources:
            node = source.node
            column = node.columns.get(key)
            if column is None and node.stars:
                column = _through_known_star(node, name)
            if column is None:
                continue
            if source.is_visible:
                known.append(column)
            elif hidden is None:
                hidden = column
        if not known:
            hidden = hidden or self._likely(name)
            if hidden is not None:
                known.append(hidden)
        if not known:
            alias = self.aliases.get(name.key) if self.early_aliases or self._is_closed() else None
            return [(alias, IDENTITY)] if alias is not None else None
        if len(known) > 1:
            self._report_ambiguous(name, known)
        return [(known[0], IDENTITY)]

    def _likely(self, name: Name) -> Column | None:
        """A column that a table function or array most probably has."""
        for source in self.sources:
            if name.text.lower() in source.node.likely:
                return source.node.find(name.key, name.text)
        return None

    @property
    def _is_of_arrays(self) -> bool:
        """Whether all there is to read are elements whose fields nothing but their array can name."""
        return bool(self.sources) and all(source.node.likely for source in self.sources)

    def _open_owner(self, name: Name) -> Column | None:
        open_sources = [
            source for source in self.sources if source.node.has_unknown_columns and source.is_visible
        ]
        if not open_sources:
            open_sources = [source for source in self.sources if source.node.has_unknown_columns]
        if not open_sources:
            return None
        # What a table function or array gives has columns of its own names: others come first.
        open_sources = [source for source in open_sources if source.node.any_inputs is None] or open_sources
        owner = self.owners.get(name.key, open_sources[0]).node
        if len(open_sources) > 1:
            names = ", ".join(str(source.node.id) for source in open_sources)
            self._report(
                Severity.WARNING,
                "orphan_column",
                f"{name.text!r} may belong to any of {names}: taken as {owner.id}. "
                "Qualify it, or give a catalog",
                name,
            )
        return owner.find(name.key, name.text)

    def _missing(self, name: Name) -> list[Column]:
        scope: Scope | None = self
        while scope is not None:
            if name.key in scope.aliases:
                return [scope.aliases[name.key]]
            for source in scope.sources:
                column = _find_folded(source.node, name.key)
                if column is None and self.session.rules.names_by_function:
                    column = _named_by_function(source.node, name)
                if column is not None:
                    return [column]
            scope = scope.parent
        if not self.sources:
            return []
        if name.text.lower() in self.session.rules.system_columns:
            base = next((source.node for source in self.sources if not source.node.is_derived), None)
            return [_undeclared(base, name)] if base is not None else []
        self._report(
            Severity.WARNING,
            "unknown_column",
            f"no relation here has a column {name.text!r}",
            name,
        )
        bases = [source.node for source in self.sources if not source.node.is_derived]
        if len(bases) == 1 and len(self.sources) == 1:
            return [bases[0].add(name.key, name.text)]
        return []

    def _is_closed(self) -> bool:
        return not any(source.node.has_unknown_columns for source in self.sources)

    def _is_pseudo(self, name: Name) -> bool:
        return name.text.lower() in self.session.pseudo_columns

    # Diagnostics --------------------------------------------------------------------------------

    def _report(self, severity: Severity, code: str, message: str, name: Name) -> None:
        if name.start >= 0:
            self.session.report(severity, code, message, name.start, name.end)

    def _report_ambiguous(self, name: Name, known: list[Column]) -> None:
        owners = list(dict.fromkeys(str(column.relation) for column in known))
        if len(owners) > 1:
            self._report(
                Severity.WARNING,
                "ambiguous_column",
                f"{name.text!r} is a column of {', '.join(owners)}: taken from {owners[0]}. Qualify it",
                name,
            )

    def _report_unknown_qualifier(self, parts: list[Name]) -> None:
        qualifier = ".".join(part.text for part in parts[:-1])
        self._report(
            Severity.WARNING,
            "unknown_qualifier",
            f"{qualifier!r} names no relation of this query",
            parts[0],
        )


def _undeclared(node: Node, name: Name) -> Column:
    """A column that no declaration lists."""
    column = node.found.get(name.key)
    if column is None:
        column = node.found[name.key] = Column(node, name.text, None)
    return column


def _nested(node: Node, parts: list[Name]) -> Column | None:
    """A field that the catalog lists as a column of its own, ``payload.user.id``, or the field around it."""
    if node.is_open:
        return None
    for length in range(len(parts), 1, -1):
        column = node.columns.get(".".join([part.key for part in parts[:length]]))
        if column is not None:
            return column
    return None


def _find_folded(node: Node, key: str) -> Column | None:
    """A column whose name differs in case or quoting only."""
    folded = key.lower()
    for known, column in node.columns.items():
        if known.lower() == folded:
            return column
    return None


def _named_by_function(node: Node, name: Name) -> Column | None:
    """A column without alias under the name that PostgreSQL gives it: of its function, or of what is cast."""
    word = re.escape(name.text)
    pattern = re.compile(rf"{word}\s*\(.*\)|cast\s*\((?:\S+\.)?{word}\s+as\b.*\)", re.IGNORECASE | re.DOTALL)
    for column in node.columns.values():
        if pattern.fullmatch(column.name or ""):
            return column
    return None


def _through_known_star(node: Node, name: Name) -> Column | None:
    """A column that a closed relation behind the node's star is known to have."""
    if any(name.key in below.columns for below, _ in node.stars):
        return node.find(name.key, name.text)
    return None


def _some(node: Node, limit: int = 8) -> str:
    names = [column.name or "" for column in node.columns.values()]
    text = ", ".join(names[:limit])
    return f"{text}, … ({len(names)} columns)" if len(names) > limit else text or "none"
