"""What of a result an export shows. Plain values, cheap to import: operators and jobs keep them too.

The names are ours; :mod:`airflow_provider_sqlflow.formats.sqlflow` translates SQLFlow's settings
(reference: sqlflow-lineage-model, section 9.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ResultSets(str, Enum):
    """Which query results stay in the picture as nodes of their own."""

    ALL = "all"
    """Every step: CTEs, subqueries, temporary tables, select lists."""
    TOP = "top"
    """Only the select list of a query that nobody stores."""
    NONE = "none"
    """Only what lives in a database or in files."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Settings of an export; a format ignores what it has no place for.

    Attributes:
        direct: show edges along which values flow.
        indirect: show edges whose source only decides (filters, joins, groups, conditions).
        joins: show which columns are compared in joins.
        keys: show foreign keys.
        calls: show which routine calls which.
        result_sets: which query results are nodes.
        functions: show function calls as nodes between columns.
        constants: show constants as sources.
        transforms: give the text of each transformation.
        count_is_direct: the argument of ``count(x)`` is a direct source.
        normalize_names: write names as the dialect compares them instead of as the text spells them.
        table_level: join tables, not columns.
        self_lineage: keep table-level edges from a table to itself.
        delimiter: between the values of a CSV row; one character.
    """

    direct: bool = True
    indirect: bool = True
    joins: bool = False
    keys: bool = False
    calls: bool = False
    result_sets: ResultSets = ResultSets.TOP
    functions: bool = False
    constants: bool = False
    transforms: bool = False
    count_is_direct: bool = True
    normalize_names: bool = False
    table_level: bool = False
    self_lineage: bool = True
    delimiter: str = ","


DEFAULT_OPTIONS = ExportOptions()
"""What an export shows unless asked otherwise."""
