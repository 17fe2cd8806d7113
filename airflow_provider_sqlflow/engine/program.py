"""Several scripts as one program: each may read what others declare.

What a script sees of the others is settled by the texts alone: the relations that earlier scripts (in
dependency order) declare under a name that occurs in it. So scripts may be read one after the other or at
the same time, in one process or many, with the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from airflow_provider_sqlflow.engine.catalog import InMemoryCatalog
from airflow_provider_sqlflow.engine.order import declared_names, dependency_order, last_word, mentioned_names

Declaration = tuple[tuple[str, ...], tuple[str, ...]]
"""A relation with known columns: the parts of its name, and the columns."""


class Program:
    """The order of scripts and what each sees of the others.

    Args:
        texts: gives the scripts in their order; called twice, and none is kept.
    """

    def __init__(self, texts: Callable[[], Iterable[str]]) -> None:
        self._declared = [declared_names(text) for text in texts()]
        names = frozenset[str]().union(*self._declared) if len(self._declared) > 1 else frozenset()
        self._mentioned = [mentioned_names(text, names) for text in texts()]
        self.order: Sequence[int] = dependency_order(self._declared, self._mentioned)
        self._rank = {number: rank for rank, number in enumerate(self.order)}
        self._creators: dict[str, list[int]] = {}
        for number in self.order:
            for name in self._declared[number]:
                self._creators.setdefault(name, []).append(number)
        self._found: dict[int, tuple[Declaration, ...]] = {}

    def needs(self, number: int) -> AbstractSet[int]:
        """The scripts to be read before this one."""
        rank = self._rank[number]
        return {
            creator
            for name in self._mentioned[number]
            for creator in self._creators[name]
            if self._rank[creator] < rank
        }

    def declare(self, number: int, declarations: Iterable[Declaration]) -> None:
        """Tell what a script was found to declare."""
        self._found[number] = tuple(declarations)

    def visible(self, number: int) -> Iterator[Declaration]:
        """What a script sees of those it needs, which must have been told; later ones win."""
        names = self._mentioned[number]
        for creator in sorted(self.needs(number), key=self._rank.__getitem__):
            for parts, columns in self._found[creator]:
                if last_word(parts[-1]) in names:
                    yield parts, columns


def catalog_of(declarations: Iterable[Declaration]) -> InMemoryCatalog:
    """Declarations as a catalog."""
    catalog = InMemoryCatalog()
    for parts, columns in declarations:
        catalog.add(parts, columns)
    return catalog
