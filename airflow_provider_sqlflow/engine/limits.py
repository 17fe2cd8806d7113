"""How large a statement may be before it is reported instead of parsed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one statement.

    Attributes:
        max_statement_chars: length in characters.
        max_nesting: depth of brackets and CASE. The compiled parser ends the process somewhere
            above 2,000 (reference: engine-facts), so the guard stands before it.
    """

    max_statement_chars: int = 4 * 1024 * 1024
    max_nesting: int = 600


DEFAULT_LIMITS = Limits()
