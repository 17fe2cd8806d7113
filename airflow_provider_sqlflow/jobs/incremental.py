"""What ties a kept result to its input: the same input and the same answers have the same result.

A file's result depends on its text, its name, the options, the engine, and what the engine was answered
when it asked catalogs for columns. The first four make the input key; the look-ups are kept with the
result and asked again before it is used again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from airflow_provider_sqlflow import __version__
from airflow_provider_sqlflow.ingest.model import SourceFile
from airflow_provider_sqlflow.settings import Settings

if TYPE_CHECKING:
    from airflow_provider_sqlflow.engine import Catalog
    from airflow_provider_sqlflow.engine.catalog import Lookup
    from airflow_provider_sqlflow.engine.program import Declaration
    from airflow_provider_sqlflow.jobs.analysis import AnalysisOptions


def input_key(file: SourceFile, options: AnalysisOptions, settings: Settings) -> str:
    """SHA-256 of all that decides a file's result but the answers of catalogs."""
    limits = (settings.max_statement_chars, settings.max_nesting, settings.max_statement_seconds)
    defaults = (options.dialect, options.default_database, options.default_schema)
    told = [astuple(note) for note in file.notes]
    own = (
        file.name,
        file.problem,
        file.problem_line,
        told,
        file.database,
        file.schema,
        file.prefix,
        file.suffix,
    )
    return _digest([_engine_version(), *defaults, *limits, *own], file.text)


NO_MATCH = "not-again:"
"""What the keys of results begin with that no run takes over."""


def key_without_match(key: str) -> str:
    """A key that no file has, for a result that another run might not have, such as a timeout."""
    return NO_MATCH + key[len(NO_MATCH) :]


def inputs_digest(keys: Iterable[str], options: AnalysisOptions) -> str:
    """SHA-256 of the input keys of a run's files, in order, and its catalog: equal means nothing changed."""
    catalogs = [
        sorted((name, *columns) for name, columns in catalog.items())
        for catalog in (options.catalog, options.found_catalog)
    ]
    return _digest([*keys, catalogs], "")


def lookups_to_json(lookups: Mapping[Lookup, tuple[str, ...] | None]) -> str:
    """Look-ups and their answers, in the order in which they were asked."""
    return _compact([[*asked, answer] for asked, answer in lookups.items()])


def declarations_to_json(declarations: Iterable[Declaration]) -> str:
    """Declared relations: the parts of the name, and the columns."""
    return _compact([[*declaration] for declaration in declarations])


def declarations_from_json(text: str) -> tuple[Declaration, ...]:
    """What :func:`declarations_to_json` wrote."""
    return tuple((tuple(parts), tuple(columns)) for parts, columns in json.loads(text))


def still_holds(lookups: str, catalog: Catalog) -> bool:
    """Whether a catalog answers every look-up as it was answered when the result was made."""
    for database, schema, name, answer in json.loads(lookups):
        found = catalog.columns(database, schema, name)
        if (None if found is None else list(found)) != answer:
            return False
    return True


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _digest(parts: list[object], text: str) -> str:
    digest = hashlib.sha256(json.dumps(parts).encode())
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


@cache
def _engine_version() -> str:
    from airflow_provider_sqlflow.engine.document import FORMAT_VERSION

    own = f"{__version__} {FORMAT_VERSION}"
    try:
        return f"{own} {version('sqlglot')}"
    except PackageNotFoundError:  # a copy on the path, not an installation
        return own
