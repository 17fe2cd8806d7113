from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import pytest

from airflow_provider_sqlflow.errors import ExportError
from airflow_provider_sqlflow.formats.graphviz import draw

GRAPH = 'digraph { a -> b [tooltip="\u00e9\u4e2d"] }'


def tangle(nodes: int, edges: int) -> str:
    """A graph without any order, which Graphviz would work on for minutes."""
    numbers = random.Random(1)
    lines = (f"n{numbers.randrange(nodes)} -> n{numbers.randrange(nodes)}" for _ in range(edges))
    return "digraph { " + "; ".join(lines) + " }"


def test_text_in_and_image_out() -> None:
    assert "\u00e9\u4e2d" in draw(GRAPH, "svg").decode()
    assert draw(GRAPH, "png").startswith(b"\x89PNG")


def test_a_drawing_ends_when_its_time_is_over() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="longer than 1 second"):
        draw(tangle(400, 4000), "svg", cpu_seconds=1)
    assert time.monotonic() - started < 30


def test_what_graphviz_cannot_read_is_an_error() -> None:
    with pytest.raises(ExportError, match="Graphviz could not draw the picture"):
        draw("digraph { a -> ", "svg")


def test_the_working_folder_is_not_imported_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pygraphviz.py").write_text("raise RuntimeError('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    assert draw(GRAPH, "svg").startswith(b"<?xml")


def test_without_pygraphviz_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.raises(ExportError, match=r"pip install 'airflow-provider-sqlflow\[images\]'"):
        draw(GRAPH, "svg")
