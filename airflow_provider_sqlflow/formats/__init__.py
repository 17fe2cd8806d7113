"""Lineage results as documents: SQLFlow JSON, CSV, GraphML, pictures, JSON lines, text."""

from airflow_provider_sqlflow.formats.registry import FORMATS, Format, get_format, render, write

__all__ = ["FORMATS", "Format", "get_format", "render", "write"]
