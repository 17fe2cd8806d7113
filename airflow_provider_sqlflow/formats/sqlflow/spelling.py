"""How names are written: as the text has them, or as the dialect compares them."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_sqlflow.engine.dialects import case_of


class Spelling:
    """Writes names for one document.

    Args:
        dialect: the result's dialect.
        is_normalized: fold names as the dialect folds names without quotes. Dialects that compare
            names without case count as upper case, as in SQLFlow's samples.
    """

    def __init__(self, dialect: str, *, is_normalized: bool) -> None:
        self._fold: Callable[[str], str] = str
        if is_normalized:
            folds: dict[str, Callable[[str], str]] = {"lower": str.lower, "exact": str}
            self._fold = folds.get(case_of(dialect), str.upper)

    def relation(self, name: str) -> str:
        """A relation's name."""
        return self._fold(name)

    def column(self, name: str) -> str:
        """A column's name."""
        return self._fold(name)
