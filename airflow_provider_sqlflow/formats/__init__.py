"""Lineage results as documents: SQLFlow JSON, CSV, GraphML, pictures, JSON lines, text.

The names below load when they are used: operators and jobs need only :mod:`.options`, not the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_sqlflow.formats.registry import FORMATS, Format, get_format, render, write

__all__ = ["FORMATS", "Format", "get_format", "render", "write"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow_provider_sqlflow.formats import registry

    return getattr(registry, name)
