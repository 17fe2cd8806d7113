"""The page in a real browser, opened from a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_sqlflow.engine import analyze
from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.formats import render

sys.path.insert(0, str(Path(__file__).parents[2]))
from chromium import Browser, running_chromium

pytestmark = pytest.mark.browser

SCRIPT = """
CREATE VIEW v AS SELECT id, lower(name) AS label FROM s WHERE kind = 1;
INSERT INTO t (id, label) SELECT id, label FROM v;
INSERT INTO u (x) SELECT other FROM o
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as running:
        yield running


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Browser]]:
    """Write a page, open it; at the end it must have loaded nothing else and reported no problem."""
    path = tmp_path / "page.html"

    def show(result: LineageResult, title: str = "") -> Browser:
        path.write_bytes(render("html", result, title=title))
        browser.requests.clear()
        browser.open(path)
        return browser

    yield show
    assert browser.problems == []
    assert browser.requests == [path.resolve().as_uri()]


def click(browser: Browser, text: str, word: str = "row") -> None:
    """Click the visible drawn text with that tooltip."""
    browser.run(
        f"[...document.querySelectorAll('main svg:not([hidden]) g.{word}')].find(g => "
        f"g.querySelector('title').textContent.split('\\n')[0] === {json.dumps(text)})"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )


def lit(browser: Browser) -> list[str]:
    """First tooltip lines of the highlighted lines in the visible drawing."""
    found = browser.run(
        "[...document.querySelectorAll('main svg:not([hidden]) g.edge.on title')].map(t => t.textContent)"
    )
    return sorted(text.splitlines()[0] for text in found)


def set_value(browser: Browser, selector: str, assignment: str, event: str) -> Any:
    return browser.run(
        f"(one => {{ one.{assignment}; one.dispatchEvent(new Event('{event}')); }})"
        f"(document.querySelector({json.dumps(selector)}))"
    )


def test_a_click_on_a_column_lights_its_paths(show: Callable[..., Browser]) -> None:
    browser = show(analyze(SCRIPT))
    click(browser, "v.label")
    assert lit(browser) == ["s.name \u2192 v.label", "v.label \u2192 t.label"]
    panel = browser.run("document.getElementById('path').innerText")
    assert "Upstream (1)" in panel
    assert "lower(name)" in panel
    assert "+1 with what only decides" in panel
    set_value(browser, "#indirect", "checked = true", "change")
    assert lit(browser) == ["s.kind \u2192 v", "s.name \u2192 v.label", "v.label \u2192 t.label"]
    browser.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    assert lit(browser) == []


def test_a_click_on_a_table_lights_all_of_it_in_both_views(show: Callable[..., Browser]) -> None:
    browser = show(analyze(SCRIPT))
    click(browser, "v", "head")
    assert len(lit(browser)) == 4
    set_value(browser, "input[value=tables]", "checked = true", "change")
    assert lit(browser) == ["s \u2192 v", "v \u2192 t"]


def test_search_finds_and_chooses(show: Callable[..., Browser]) -> None:
    browser = show(analyze(SCRIPT))
    set_value(browser, "#words", "value = 'LABEL'", "input")
    found = browser.run("[...document.querySelectorAll('#matches button')].map(b => b.textContent)")
    assert found == ["v.label", "t.label"]
    browser.run("document.querySelector('#matches li:nth-child(2) button').click()")
    assert browser.run("document.querySelector('#path h2').textContent") == "t.label"
    where = browser.run(
        "(box => [box.x + box.width / 2, document.querySelector('main').offsetWidth])"
        "(document.querySelector('g.selected').getBoundingClientRect())"
    )
    assert abs(where[0] - where[1] / 2) < 5, "the chosen column stands in the middle"
    set_value(browser, "#words", "value = 'nowhere'", "input")
    assert browser.run("document.getElementById('matches').textContent") == "nothing found"


def test_a_click_on_a_statement_lights_its_edges(show: Callable[..., Browser]) -> None:
    browser = show(analyze(SCRIPT))
    browser.run("document.querySelector('tr[data-statement=\"2\"]').click()")
    assert lit(browser) == ["o.other \u2192 u.x"]


def test_the_drawing_moves_and_zooms(show: Callable[..., Browser]) -> None:
    browser = show(analyze(SCRIPT))
    size = "document.querySelector('main svg').viewBox.baseVal.width"
    before = browser.run(size)
    browser.run("document.getElementById('in').click()")
    assert browser.run(size) == pytest.approx(before / 1.3)
    browser.run("document.querySelector('main svg').dispatchEvent(new WheelEvent('wheel', {deltaY: -300}))")
    assert browser.run(size) < before / 1.5
    browser.run("document.getElementById('fit').click()")
    assert browser.run(size) == pytest.approx(before)
    left = "document.querySelector('main svg').viewBox.baseVal.x"
    start = browser.run(left)
    browser.run(
        "(svg => { svg.dispatchEvent(new PointerEvent('pointerdown', {clientX: 200, clientY: 200}));"
        "window.dispatchEvent(new PointerEvent('pointermove', {clientX: 100, clientY: 200}));"
        "window.dispatchEvent(new PointerEvent('pointerup', {})); })(document.querySelector('main svg'))"
    )
    assert browser.run(left) > start


def test_hostile_names_run_nothing(show: Callable[..., Browser], hostile: LineageResult) -> None:
    evil = "</script><img src=x onerror=document.title=1><script>document.title=2</script>"
    browser = show(analyze(f'CREATE TABLE "{evil}" AS SELECT "{evil}" FROM "<!--"'), title=evil)
    click(browser, evil, "head")
    assert browser.run("document.querySelector('#path h2').textContent") == evil
    assert browser.run("document.title") == evil
    assert browser.run("document.images.length") == 0
    browser = show(hostile)
    assert browser.run("document.querySelectorAll('main svg g.edge').length") == 2 + 1


def test_a_large_result_works_without_column_drawing(
    show: Callable[..., Browser], warehouse: Callable[[int, int], LineageResult]
) -> None:
    browser = show(warehouse(200, 6))
    set_value(browser, "#words", "value = 'table_120.column_2'", "input")
    browser.run("document.querySelector('#matches button').click()")
    assert "Upstream (" in browser.run("document.getElementById('path').innerText")
    assert lit(browser)
