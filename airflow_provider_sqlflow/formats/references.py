"""What the column references in a condition's text mean: the stored columns that its edges come from."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_sqlflow.engine.calls import Name
from airflow_provider_sqlflow.engine.model import ColumnRef


def match_references(references: Sequence[Name], sources: Sequence[ColumnRef]) -> dict[Name, ColumnRef]:
    """The stored column that each reference means.

    By column name; where several relations have it, by what the qualifier means elsewhere in the
    condition, and at last in reading order, which references and edges share. A column that a CTE
    renamed matches none by name: the last reference left over means the last column left over.
    """
    named: dict[str, list[ColumnRef]] = {}
    for source in sources:
        named.setdefault((source.name or "").casefold(), []).append(source)
    relations = {source.relation.name.casefold(): source.relation for source in sources}
    qualifiers = {
        name[-2]: relations[name[-2].casefold()]
        for name in references
        if len(name) > 1 and name[-2].casefold() in relations
    }
    for name in references:
        candidates = named.get(name[-1].casefold(), [])
        if len(name) > 1 and len(candidates) == 1:
            qualifiers.setdefault(name[-2], candidates[0].relation)
    found: dict[Name, ColumnRef] = {}
    for name in references:
        candidates = named.get(name[-1].casefold(), [])
        meant = qualifiers.get(name[-2]) if len(name) > 1 else None
        fitting = [one for one in candidates if one.relation == meant] if len(candidates) > 1 else candidates
        unused = [one for one in candidates if one not in found.values()]
        if fitting or unused:
            found[name] = (fitting or unused)[0]
    left_over = [name for name in references if name not in found]
    unused = [source for source in sources if source not in found.values()]
    if len(left_over) == len(unused) == 1:
        found[left_over[0]] = unused[0]
    return found
