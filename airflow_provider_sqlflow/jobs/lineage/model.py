"""Questions about lineage across jobs, and their answers. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property

from airflow_provider_sqlflow.errors import ConfigError
from airflow_provider_sqlflow.jobs.lineage.names import dotted
from airflow_provider_sqlflow.jobs.model import JobId


class Direction(str, Enum):
    """Which way to go from a node, in data-flow order."""

    UPSTREAM = "upstream"
    """Towards what feeds it."""
    DOWNSTREAM = "downstream"
    """Towards what it feeds."""


@dataclass(frozen=True, slots=True)
class LineageState:
    """Which runs' lineage counts. Empty fields do not filter; deleted jobs never count.

    Attributes:
        at: of each job, the last whole run that ended by then; ``None`` is the one that exports show.
        job_ids: only these jobs.
        owner: only jobs of this owner.
        tag: only jobs with this tag.
    """

    at: datetime | None = None
    job_ids: tuple[JobId, ...] = ()
    owner: str = ""
    tag: str = ""


NOW = LineageState()
"""All jobs, as exports show them."""


@dataclass(frozen=True)
class Reach:
    """How far to go from a node.

    Attributes:
        depth: at most this many edges; ``None`` is no limit.
        stop: regular expression, searched without case in the qualified names of tables and columns;
            what matches is shown, and nothing beyond it.
        direct: only along edges on which values flow.
        table_level: from table to table; columns play no part.

    Raises:
        ConfigError: ``depth`` is negative, or ``stop`` is no regular expression.
    """

    depth: int | None = None
    stop: str = ""
    direct: bool = False
    table_level: bool = False

    def __post_init__(self) -> None:
        if self.depth is not None and self.depth < 0:
            raise ConfigError(f"depth={self.depth} must not be negative")
        if self.stop:
            _ = self._pattern

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        try:
            return re.compile(self.stop, re.IGNORECASE)
        except re.error as error:
            raise ConfigError(f"stop={self.stop!r} is no regular expression: {error}") from None

    def stops_at(self, node: LineageNode) -> bool:
        """Whether to go no further than this node."""
        if not self.stop:
            return False
        return any(self._pattern.search(name) for name in (str(node.table), str(node)))


@dataclass(frozen=True, slots=True)
class LineageTable:
    """A relation that the store knows. ``kind`` is an ``engine.RelationKind`` value."""

    database: str | None
    schema: str | None
    name: str
    kind: str

    def __str__(self) -> str:
        return dotted(self.database, self.schema, self.name)


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A column of a table; ``None`` is the table's row set, or the whole table where tables are nodes.

    ``*`` stands for all columns of a table whose columns are unknown.
    """

    table: LineageTable
    column: str | None
    is_table: bool = False

    def __str__(self) -> str:
        if self.is_table:
            return str(self.table)
        return f"{self.table}.{'[rows]' if self.column is None else self.column}"


@dataclass(frozen=True, slots=True)
class EdgeMaker:
    """A file of a job's run that makes an edge."""

    job_id: JobId
    job_name: str
    run: int
    path: str


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """Data flows from ``source`` to ``target``, or ``source`` only decides.

    ``subtype`` is an ``engine.Subtype`` value, empty between tables. ``made_by`` is filled on request.
    """

    source: LineageNode
    target: LineageNode
    is_direct: bool
    subtype: str
    made_by: tuple[EdgeMaker, ...] = ()


@dataclass(frozen=True, slots=True)
class LineageGraph:
    """What lies upstream or downstream of a node.

    Attributes:
        direction: which way was gone.
        start: where from: one node, or the columns of a table.
        nodes: all that was met, nearest first, ``start`` included.
        edges: all edges gone along, nearest first.
        ends: nodes at which ``depth`` or ``stop`` ended the way: there may be more beyond.
    """

    direction: Direction
    start: tuple[LineageNode, ...]
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    ends: tuple[LineageNode, ...] = ()


@dataclass(frozen=True, slots=True)
class LineagePath:
    """Edges from one node to another; each begins in the table where the one before ends."""

    edges: tuple[LineageEdge, ...]


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table, whether the SQL of live jobs reads and writes it, and how many jobs mention it."""

    table: LineageTable
    is_read: bool
    is_written: bool
    jobs: int


@dataclass(frozen=True, slots=True)
class TablePage:
    """One page of a list of tables, by name, and how many match in all."""

    tables: tuple[TableSummary, ...]
    total: int
