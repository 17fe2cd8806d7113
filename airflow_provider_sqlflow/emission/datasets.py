"""What one statement reads and writes, in dataset terms.

Between the lineage model and the facets: relations become datasets, temporary tables fold away, and the
edges are sorted into those of a column and those of the whole dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from airflow_provider_sqlflow.emission.naming import DatasetId, DatasetNaming, is_dataset
from airflow_provider_sqlflow.engine.model import (
    ColumnRef,
    Edge,
    LineageResult,
    Relation,
    RelationId,
    RelationKind,
    StatementLineage,
)
from airflow_provider_sqlflow.errors import EmissionError

SourceField = tuple[DatasetId, str]
"""A column of an input dataset."""

Sources = dict[SourceField, list[Edge]]
"""Input columns, each with the edges that say how it acts."""


@dataclass(slots=True)
class OutputLineage:
    """Column lineage of one output: of each column, and of the dataset as a whole."""

    fields: dict[str, Sources] = field(default_factory=dict)
    rows: Sources = field(default_factory=dict)


@dataclass(slots=True)
class StatementDatasets:
    """Inputs and outputs of a statement with the columns known of each and their types, and their lineage.

    A type that is not known is empty text. Relations that are only dropped, truncated or altered are
    outputs without lineage. ``problems`` says which relations could not be named, and why. ``kinds`` is
    what each dataset is.
    """

    inputs: dict[DatasetId, dict[str, str]] = field(default_factory=dict)
    outputs: dict[DatasetId, dict[str, str]] = field(default_factory=dict)
    lineage: dict[DatasetId, OutputLineage] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    kinds: dict[DatasetId, RelationKind] = field(default_factory=dict)


class DatasetCollector:
    """Collects the datasets of one statement after the other of a result."""

    def __init__(self, result: LineageResult, naming: DatasetNaming) -> None:
        self._naming = naming
        self._kinds = result.kinds()
        self._columns = {relation.id: _typed_columns(relation) for relation in result.relations}
        self._names: dict[RelationId, DatasetId | str] = {}
        self._renames = dict(result.renames)
        self._script_edges: dict[tuple[str, int], list[Edge]] = {}
        for edge in result.edges():
            source_name = edge.span.source_name if edge.span else result.source_name
            self._script_edges.setdefault((source_name, edge.statement), []).append(edge)

    def collect(self, statement: StatementLineage) -> StatementDatasets:
        """The datasets of a statement of the result."""
        found = StatementDatasets()
        edges = tuple(self._edges(statement))
        reads = dict.fromkeys((*statement.reads, *(edge.source.relation for edge in edges)))
        targets = (edge.target.relation for edge in edges)
        writes = dict.fromkeys((*statement.writes, *statement.changes, *targets))
        for relations, side in ((reads, found.inputs), (writes, found.outputs)):
            for relation in relations:
                dataset = self._dataset(relation, found.problems)
                if dataset is not None:
                    found.kinds.setdefault(dataset, self._kinds.get(relation, RelationKind.TABLE))
                    columns = side.setdefault(dataset, {})
                    for name, type_ in self._known_columns(relation):
                        columns[name] = columns.get(name) or type_
        for edge in edges:
            self._add(edge, found)
        return found

    def _edges(self, statement: StatementLineage) -> Iterable[Edge]:
        """Edges from stored relations to the relations that this statement writes."""
        if not any(self._is_temporary(edge.source.relation) for edge in statement.folded):
            return statement.folded
        # Folding through temporary tables was done over the whole script, which also follows later
        # renames: there the ends have other names than when the statement ran.
        names = (*statement.reads, *statement.writes)
        then = {self._renames[relation]: relation for relation in names if relation in self._renames}
        edges = self._script_edges.get((statement.span.source_name, statement.index), [])
        return (_renamed(edge, then) for edge in edges)

    def _is_temporary(self, relation: RelationId) -> bool:
        return self._kinds.get(relation) is RelationKind.TEMP_TABLE

    def _dataset(self, relation: RelationId, problems: list[str]) -> DatasetId | None:
        if relation not in self._names:
            kind = self._kinds.get(relation, RelationKind.TABLE)
            if not is_dataset(relation, kind):
                self._names[relation] = ""
            else:
                try:
                    self._names[relation] = self._naming.dataset(relation, kind)
                except EmissionError as error:
                    self._names[relation] = str(error)
        name = self._names[relation]
        if isinstance(name, DatasetId):
            return name
        if name and name not in problems:
            problems.append(name)
        return None

    def _known_columns(self, relation: RelationId) -> Iterator[tuple[str, str]]:
        for name, type_ in self._columns.get(relation, {}).items():
            column = self._naming.column(name)
            if column is not None:
                yield column, type_

    def _add(self, edge: Edge, found: StatementDatasets) -> None:
        source = self._dataset(edge.source.relation, found.problems)
        target = self._dataset(edge.target.relation, found.problems)
        if target is None:
            return
        source_column = self._naming.column(edge.source.name) if source else None
        target_column = self._naming.column(edge.target.name)
        if source and source_column:
            found.inputs[source].setdefault(source_column, "")
        if target_column:
            found.outputs[target].setdefault(target_column, "")
        elif edge.target.name is not None:
            return  # a star: the datasets are linked, the columns are not known
        lineage = found.lineage.setdefault(target, OutputLineage())
        sources = lineage.rows if target_column is None else lineage.fields.setdefault(target_column, {})
        if source and source_column:
            sources.setdefault((source, source_column), []).append(edge)


def _typed_columns(relation: Relation) -> dict[str, str]:
    types = relation.types or ("",) * len(relation.columns)
    return dict(zip(relation.columns, types, strict=True))


def _renamed(edge: Edge, names: Mapping[RelationId, RelationId]) -> Edge:
    source, target = (
        ColumnRef(names.get(end.relation, end.relation), end.name) for end in (edge.source, edge.target)
    )
    return replace(edge, source=source, target=target)
