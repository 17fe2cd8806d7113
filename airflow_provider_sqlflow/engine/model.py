"""The lineage model: what every consumer of the engine sees.

Plain frozen values, nothing of sqlglot. Data flows from an edge's ``source`` to its ``target``.
Order is reading order everywhere, so the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum


class RelationKind(str, Enum):
    """What kind of table-like thing a relation is."""

    TABLE = "table"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized_view"
    TEMP_TABLE = "temp_table"
    CTE = "cte"
    SUBQUERY = "subquery"
    RESULT = "result"
    FUNCTION = "function"
    PATH = "path"
    STAGE = "stage"
    STREAM = "stream"
    VARIABLE = "variable"
    CONSTANT = "constant"

    @property
    def is_transient(self) -> bool:
        """Whether the relation lives only inside a statement or script: edges lead through it."""
        return self in _TRANSIENT


_NO_DATASET = frozenset({RelationKind.RESULT, RelationKind.FUNCTION, RelationKind.CONSTANT})
_TRANSIENT = frozenset({RelationKind.CTE, RelationKind.SUBQUERY, RelationKind.TEMP_TABLE})


class Effect(str, Enum):
    """How a source acts on a target."""

    DIRECT = "DIRECT"
    """The value flows."""
    INDIRECT = "INDIRECT"
    """The value only decides: which rows, which groups, which branch."""


class Subtype(str, Enum):
    """OpenLineage's transformation subtypes (column lineage facet 1-2-0)."""

    IDENTITY = "IDENTITY"
    TRANSFORMATION = "TRANSFORMATION"
    AGGREGATION = "AGGREGATION"
    JOIN = "JOIN"
    FILTER = "FILTER"
    GROUP_BY = "GROUP_BY"
    SORT = "SORT"
    WINDOW = "WINDOW"
    CONDITIONAL = "CONDITIONAL"


class KeyKind(str, Enum):
    """What a key declares of its columns."""

    PRIMARY = "primary"
    UNIQUE = "unique"
    INDEX = "index"
    FOREIGN = "foreign"


class Severity(str, Enum):
    """How bad a diagnostic is. ``ERROR`` means that a statement gave no lineage."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class StatementKind(str, Enum):
    """What a statement does, as far as lineage cares."""

    SELECT = "select"
    INSERT = "insert"
    CREATE_TABLE = "create_table"
    CREATE_VIEW = "create_view"
    UPDATE = "update"
    DELETE = "delete"
    MERGE = "merge"
    COPY = "copy"
    RENAME = "rename"
    SWAP = "swap"
    DROP = "drop"
    TRUNCATE = "truncate"
    ALTER = "alter"
    CREATE_STREAM = "create_stream"
    CREATE_STAGE = "create_stage"
    CREATE_ROUTINE = "create_routine"
    USE = "use"
    OTHER = "other"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the user's text. Lines and columns count characters from 1.

    ``end_line``/``end_column`` point just behind the last character, so a span on one line has the
    length ``end_column - start_column``.
    """

    source_name: str
    start_line: int
    start_column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.source_name}:{self.start_line}:{self.start_column}"


@dataclass(frozen=True, slots=True)
class RelationId:
    """The name of a relation.

    Parts the text does not give and no default fills are ``None``. One result spells one relation
    one way (the catalog's spelling, else the first one met), so ids compare with ``==``.
    ``scope`` is ``None`` for what lives in the database or in files. Relations of one statement
    (CTE, subquery, result) carry its place there, which makes them unique in a result.
    """

    database: str | None
    schema: str | None
    name: str
    scope: str | None = None

    def __str__(self) -> str:
        if self.database:
            return f"{self.database}.{self.schema or ''}.{self.name}"
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column of a relation.

    ``name=None`` is the whole row set of the relation (SQLFlow: RelationRows): the target of
    filters and joins, the source of ``count(*)``. ``name="*"`` is every column of a relation whose
    columns are unknown.
    """

    relation: RelationId
    name: str | None

    def __str__(self) -> str:
        return f"{self.relation}.{'[rows]' if self.name is None else self.name}"


@dataclass(frozen=True, slots=True)
class Relation:
    """A table-like thing that the text mentions.

    ``columns`` are those declared, resolved or used, in order; ``span`` is the first mention. ``types``
    are the columns' declared data types as written, one for each column, empty text where none is known.
    ``is_unread`` is a temporary table that the script leaves behind and that nothing in it has read: what
    was put into it ended there, so it stands in the result like a stored table.
    """

    id: RelationId
    kind: RelationKind
    columns: tuple[str, ...] = ()
    span: Span | None = None
    types: tuple[str, ...] = ()
    is_unread: bool = False

    @property
    def is_intermediate(self) -> bool:
        """Whether the relation folds away: edges lead through it, and none of the result ends there."""
        return self.kind.is_transient and not self.is_unread


@dataclass(frozen=True, slots=True)
class Edge:
    """One step of column lineage.

    ``expression`` is the source text of the transformation and ``span`` where it stands.
    ``statement`` is the 1-based number of the statement in its script. ``masking`` is true when the
    source value cannot be recovered from the target (hash, count).
    """

    source: ColumnRef
    target: ColumnRef
    effect: Effect
    subtype: Subtype
    expression: str = ""
    span: Span | None = None
    statement: int = 0
    masking: bool = False


@dataclass(frozen=True, slots=True)
class RelationEdge:
    """Table-level lineage: rows of ``source`` reach or decide rows of ``target``."""

    source: RelationId
    target: RelationId
    statement: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """A key that the text declares for one relation.

    ``referenced`` are the columns that a foreign key points at, in the order of ``columns``. Where the text
    names only a relation, they are its primary key if that is declared, else its row set. ``name`` is empty
    for a key without one.
    """

    kind: KeyKind
    columns: tuple[ColumnRef, ...]
    referenced: tuple[ColumnRef, ...] = ()
    name: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Something the user should know about the text, with its place.

    ``code`` is stable and listed in ``docs/reference/diagnostics.md``.
    """

    severity: Severity
    code: str
    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class StatementLineage:
    """Lineage of one statement.

    ``edges`` is the full chain through CTEs and subqueries; ``folded`` goes from base relations to
    the statement's targets. ``reads`` and ``writes`` never hold CTEs or subqueries. ``changes`` are the
    relations that a DROP, TRUNCATE or ALTER names: nothing flows into them.
    """

    index: int
    kind: StatementKind
    span: Span
    reads: tuple[RelationId, ...] = ()
    writes: tuple[RelationId, ...] = ()
    edges: tuple[Edge, ...] = ()
    folded: tuple[Edge, ...] = ()
    is_ok: bool = True
    changes: tuple[RelationId, ...] = ()


@dataclass(frozen=True, slots=True)
class LineageResult:
    """Lineage of a script, or of several merged.

    ``folded_edges`` and ``folded_relation_edges`` have the intermediates of the whole script
    (CTEs, subqueries, temporary tables that it reads or drops) folded away.
    """

    statements: tuple[StatementLineage, ...] = ()
    relations: tuple[Relation, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    folded_edges: tuple[Edge, ...] = ()
    folded_relation_edges: tuple[RelationEdge, ...] = ()
    dialect: str = ""
    source_name: str = ""
    renames: tuple[tuple[RelationId, RelationId], ...] = ()
    """Relations written and then renamed by the script: old and last name."""
    keys: tuple[Key, ...] = ()
    """Keys that the text declares, in reading order, under the relations' last names."""

    def edges(self, intermediates: bool = False) -> tuple[Edge, ...]:
        """Column edges.

        Args:
            intermediates: keep the chain through CTEs, subqueries and temporary tables; otherwise
                edges lead from base relations to base relations (and results).
        """
        if not intermediates:
            return self.folded_edges
        return tuple(edge for statement in self.statements for edge in statement.edges)

    def relation_edges(self) -> tuple[RelationEdge, ...]:
        """Table-level edges, intermediates folded, in reading order, without doubles."""
        return self.folded_relation_edges

    @property
    def sources(self) -> tuple[RelationId, ...]:
        """Relations read, in reading order, without intermediates and table functions."""
        return self._named(statement.reads for statement in self.statements)

    @property
    def targets(self) -> tuple[RelationId, ...]:
        """Relations written, in reading order, without intermediates and query results."""
        return self._named(statement.writes for statement in self.statements)

    def _named(self, groups: Iterable[tuple[RelationId, ...]]) -> tuple[RelationId, ...]:
        kinds = self.kinds()
        intermediates = self.intermediates
        renames = dict(self.renames)
        seen: dict[RelationId, None] = {}
        for group in groups:
            for relation in group:
                relation = renames.get(relation, relation)
                kind = kinds.get(relation, RelationKind.TABLE)
                if relation not in intermediates and kind not in _NO_DATASET:
                    seen[relation] = None
        return tuple(seen)

    def kinds(self) -> dict[RelationId, RelationKind]:
        """The kind of every relation."""
        return {relation.id: relation.kind for relation in self.relations}

    @property
    def intermediates(self) -> frozenset[RelationId]:
        """The relations that are folded away: no folded edge begins or ends there."""
        return frozenset(relation.id for relation in self.relations if relation.is_intermediate)

    def errors(self) -> Iterator[Diagnostic]:
        """Diagnostics of statements that gave no lineage."""
        return (item for item in self.diagnostics if item.severity is Severity.ERROR)
