"""Several scripts as one program: each may read what others declare.

What a script sees of the others is settled by the texts alone: the relations that earlier scripts (in
dependency order) declare under a name that occurs in it. So scripts may be read one after the other or at
the same time, in one process or many, with the same results.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from operator import itemgetter

from airflow_provider_sqlflow.engine.catalog import Catalog, InMemoryCatalog
from airflow_provider_sqlflow.engine.order import declared_names, dependency_order, last_word, mentioned_names

Declaration = tuple[tuple[str, ...], tuple[str, ...]]
"""A relation with known columns: the parts of its name, and the columns."""


class Program:
    """The order of scripts and what each sees of the others.

    Args:
        texts: gives the scripts in their order; called twice, and none is kept.
    """

    def __init__(self, texts: Callable[[], Iterable[str]]) -> None:
        declared = [declared_names(text) for text in texts()]
        names = frozenset[str]().union(*declared) if len(declared) > 1 else frozenset()
        self._arrange(declared, [mentioned_names(text, names) for text in texts()])

    @classmethod
    def of_names(cls, declared: Sequence[AbstractSet[str]], mentioned: Sequence[AbstractSet[str]]) -> Program:
        """A program whose texts are elsewhere, from what the program of the texts says of them.

        Args:
            declared: :attr:`declared_names` of that program.
            mentioned: :attr:`mentioned_names` of it.
        """
        program = cls(lambda: ())
        program._arrange(declared, mentioned)
        return program

    def _arrange(self, declared: Sequence[AbstractSet[str]], mentioned: Sequence[AbstractSet[str]]) -> None:
        self._declared = declared
        self._mentioned = mentioned
        self.order: Sequence[int] = dependency_order(declared, mentioned)
        self._rank = {number: rank for rank, number in enumerate(self.order)}
        self._creators: dict[str, list[int]] = {}
        for number in self.order:
            for name in self._declared[number]:
                self._creators.setdefault(name, []).append(number)
        # What was declared by the last word of its name; the rank of who declared it keeps the order.
        self._found: dict[str, list[tuple[int, Declaration]]] = {}

    @property
    def declared_names(self) -> Sequence[AbstractSet[str]]:
        """Last words of the names that each script creates, in lower case."""
        return self._declared

    @property
    def mentioned_names(self) -> Sequence[AbstractSet[str]]:
        """Which of all created names occur in each script."""
        return self._mentioned

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
        rank = self._rank[number]
        for parts, columns in declarations:
            found = self._found.setdefault(last_word(parts[-1]), [])
            insort(found, (rank, (parts, columns)), key=itemgetter(0))

    def visible(self, number: int) -> Iterator[Declaration]:
        """What a script sees of those it needs, which must have been told; of one name the last counts."""
        for word in sorted(self._mentioned[number]):
            yield from self._found_before(number, word)

    def catalog(self, number: int) -> Catalog:
        """:meth:`visible` as a catalog, for a few questions."""
        return _VisibleCatalog(
            lambda word: self._found_before(number, word) if word in self._mentioned[number] else ()
        )

    def _found_before(self, number: int, word: str) -> Iterator[Declaration]:
        rank = self._rank[number]
        for declared_at, declaration in self._found.get(word, ()):
            if declared_at >= rank:
                return
            yield declaration


class _VisibleCatalog:
    """Looks a name up among the declarations of that name only: few questions need no whole catalog."""

    def __init__(self, declared: Callable[[str], Iterable[Declaration]]) -> None:
        self._declared = declared

    def columns(self, database: str | None, schema: str | None, name: str) -> Sequence[str] | None:
        """See :meth:`Catalog.columns`."""
        return catalog_of(self._declared(last_word(name))).columns(database, schema, name)


def catalog_of(declarations: Iterable[Declaration]) -> InMemoryCatalog:
    """Declarations as a catalog."""
    catalog = InMemoryCatalog()
    for parts, columns in declarations:
        catalog.add(parts, columns)
    return catalog
