"""One step of lineage as SQLFlow counts it: the unit that the documents of this package are made of."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_sqlflow.engine.model import ColumnRef, Edge, Span, StatementLineage
from airflow_provider_sqlflow.formats.sqlflow.terms import DIRECT_FLOW, INDIRECT_FLOW

__all__ = ["DIRECT_FLOW", "FOREIGN_KEY", "INDIRECT_FLOW", "JOIN", "Condition", "Flow"]

JOIN = "join"
FOREIGN_KEY = "er"


@dataclass(frozen=True, slots=True)
class Condition:
    """How two columns are compared.

    Attributes:
        clause: ``joinCondition`` or ``where``.
        join_type: ``inner``, ``left`` …; empty where the text is not at hand.
        text: the comparison as written.
    """

    clause: str
    join_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A relation of one source and one target.

    Attributes:
        source: where it comes from.
        target: where it goes.
        type: ``fdd``, ``fdr``, ``join`` or ``er``.
        effect: SQLFlow's effectType, or ``None``.
        edge: the step of the analysis behind it: text and place. ``None`` for what the text only implies.
        statement: the statement that makes it.
        clause: the clause in which the source stands.
        function: name of the function when the target is a function's result.
        condition: the comparison, for ``join``.
        span: where the text says so, for what is no step of the analysis.
    """

    source: ColumnRef
    target: ColumnRef
    type: str
    effect: str | None = None
    edge: Edge | None = None
    statement: StatementLineage | None = None
    clause: str = "selectList"
    function: str | None = None
    condition: Condition | None = None
    span: Span | None = None

    @property
    def place(self) -> Span | None:
        """Where the text says so."""
        return self.edge.span if self.edge is not None else self.span
