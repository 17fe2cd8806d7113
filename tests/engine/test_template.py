"""Every form of Jinja, and that nothing moves."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_sqlflow.engine import Severity, analyze
from airflow_provider_sqlflow.engine.template import neutralise

# In the expected texts `~` stands for a blank.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Expressions become identifiers of their length.
        ("{{ a }}", "jjjjjjj"),
        ("{{- a -}}", "jjjjjjjjj"),
        ("x.{{ a }}_t", "x.jjjjjjj_t"),
        ("'{{ ds }}'", "'jjjjjjjj'"),
        ("{{ a }}{{ b }}", "jjjjjjjjjjjjjj"),
        ("{{\na\n}}", "jj\n~\n~~"),
        ("{{ a\r\n}}", "jjjj\r\n~~"),
        # dbt's relations become their name.
        ("{{ ref('m') }}", "m~~~~~~~~~~~~~"),
        ('{{ ref("m") }}', "m~~~~~~~~~~~~~"),
        ("{{ ref('package', 'm') }}", "m~~~~~~~~~~~~~~~~~~~~~~~~"),
        ("{{ source('raw', 'm') }}", "raw.m~~~~~~~~~~~~~~~~~~~"),
        ("{{-ref( 'm' )-}}", "m~~~~~~~~~~~~~~~"),
        ("{{ ref('odd name') }}", "jjjjjjjjjjjjjjjjjjjjj"),
        ("{{ ref(model) }}", "jjjjjjjjjjjjjjjj"),
        ("{{ ref('m') | upper }}", "jjjjjjjjjjjjjjjjjjjjjj"),
        # What prints nothing becomes blank.
        ("{{ config(a=1) }}x", "~~~~~~~~~~~~~~~~~x"),
        ("{{ log('a') }}x", "~~~~~~~~~~~~~~x"),
        ("{# a\nb #}x", "~~~~\n~~~~x"),
        ("{% do a.b() %}x", "~~~~~~~~~~~~~~x"),
        ("{% include 'a.sql' %}x", "~~~~~~~~~~~~~~~~~~~~~x"),
        ("{% set a = 1 %}x", "~~~~~~~~~~~~~~~x"),
        ("{% set a %}x{% endset %}y", "~~~~~~~~~~~~~~~~~~~~~~~~y"),
        ("{% macro m() %}x{% endmacro %}y", "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~y"),
        ("{% call m() %}x{% endcall %}y", "~~~~~~~~~~~~~~~~~~~~~~~~~~~~y"),
        ("{% docs d %}x{% enddocs %}y", "~~~~~~~~~~~~~~~~~~~~~~~~~~y"),
        ("{% macro m() %}{{ a }}{% if b %}x{% endif %}{% endmacro %}y", "~" * 58 + "y"),
        # Of branches the first, of loops one turn.
        ("{% if a %}x{% endif %}y", "~~~~~~~~~~x~~~~~~~~~~~y"),
        ("{%- if a -%}x{%- endif -%}", "~~~~~~~~~~~~x~~~~~~~~~~~~~"),
        ("{% if a %}x{% else %}y{% endif %}z", "~~~~~~~~~~x~~~~~~~~~~~~~~~~~~~~~~z"),
        ("{% if a %}x{% elif b %}y{% else %}z{% endif %}", "~~~~~~~~~~x" + "~" * 35),
        ("{% for i in l %}x{% endfor %}", "~~~~~~~~~~~~~~~~x~~~~~~~~~~~~"),
        ("{% for i in l %}x{% else %}y{% endfor %}", "~~~~~~~~~~~~~~~~x~~~~~~~~~~~~~~~~~~~~~~~"),
        ("{% for i in l %}x{% if not loop.last %},{% endif %}{% endfor %}", "~" * 16 + "x" + "~" * 46),
        ("{% if a %}{% if b %}x{% else %}y{% endif %}{% else %}z{% endif %}", "~" * 20 + "x" + "~" * 44),
        # Blocks whose content is the text.
        ("{% block b %}x{% endblock %}", "~~~~~~~~~~~~~x~~~~~~~~~~~~~~"),
        ("{% filter upper %}x{% endfilter %}", "~~~~~~~~~~~~~~~~~~x~~~~~~~~~~~~~~~"),
        ("{% snapshot s %}x{% endsnapshot %}", "~~~~~~~~~~~~~~~~x~~~~~~~~~~~~~~~~~"),
        ("{% raw %}{{ a }}{% endraw %}", "~~~~~~~~~{{ a }}~~~~~~~~~~~~"),
        ("{% raw %}a", "~~~~~~~~~a"),
        # What is not well formed stays readable.
        ("a {{ b", "a {{ b"),
        ("a }} b", "a }} b"),
        ("{% endif %}x", "~~~~~~~~~~~x"),
        ("{% else %}x", "~~~~~~~~~~x"),
        ("{% if a %}x", "~~~~~~~~~~x"),
        ("{%%}x", "~~~~x"),
        # And what is no template is untouched.
        ("SELECT '{a}', a % b", "SELECT '{a}', a % b"),
    ],
)  # fmt: skip
def test_forms(text, expected):
    assert neutralise(text).text == expected.replace("~", " ")


def test_where_placeholders_stand():
    template = neutralise("SELECT {{ a }}, {{ ref('m') }}, {{ bb }} FROM t")
    assert list(zip(template.starts, template.ends, strict=True)) == [(7, 14), (32, 40)]
    assert template.covers(7, 14)
    assert template.covers(8, 10)
    assert not template.covers(6, 14)
    assert not template.covers(16, 30)  # `ref` became a name that says itself
    assert template.touches(0, 8)
    assert template.touches(13, 20)
    assert not template.touches(0, 7)
    assert not template.touches(14, 32)


def test_a_text_without_templates_has_no_placeholders():
    template = neutralise("SELECT 1")
    assert (template.starts, template.ends) == ((), ())
    assert not template.covers(0, 1)
    assert not template.touches(0, 8)


def test_a_placeholder_shows_as_the_user_wrote_it():
    result = analyze("INSERT INTO {{ params.t }} (a)\nSELECT b FROM {{ var('s') }}.x", dialect="postgres")
    [edge] = result.edges()
    assert (str(edge.source), str(edge.target)) == ("{{ var('s') }}.x.b", "{{ params.t }}.a")
    assert str(edge.span) == "<sql>:2:8"
    [note] = result.diagnostics
    assert (note.severity, note.code, str(note.span)) == (Severity.INFO, "template_placeholder", "<sql>:1:13")
    assert "1 more" in note.message


def test_positions_behind_templates_are_those_of_the_text():
    text = "{% set x = 1 %}\n{#\n#}\nINSERT INTO t (a) SELECT {{ f }}(b) FROM s;\nSELECT a b c"
    result = analyze(text, dialect="postgres")
    [edge] = result.edges()
    assert (edge.expression, str(edge.span)) == ("{{ f }}(b)", "<sql>:4:26")
    [error] = result.errors()
    assert str(error.span) == "<sql>:5:12"


PIECES = st.sampled_from(
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", " ", "\n", "\r\n", "\r", "\t", "'", '"', "(", ")", ",",
        "if", "elif", "else", "endif", "for", "endfor", "set", "endset", "=", "raw", "endraw", "macro",
        "endmacro", ";", ".",
        "ref", "source", "config", "loop.last", "a", "é", "日本", "x_1", "SELECT", "FROM", "--", "/*", "*/",
        "{{ a }}", "{% if a %}", "{% endif %}", "{% raw %}", "{% endraw %}", "{{ ref('m') }}", "{# c #}",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=30).map("".join)


@given(TEXTS)
def test_length_and_line_breaks_stay(text):
    template = neutralise(text)
    assert len(template.text) == len(text)
    breaks = [[match.span() for match in re.finditer(r"[\r\n]", item)] for item in (text, template.text)]
    assert breaks[0] == breaks[1]


@given(TEXTS)
def test_placeholders_are_in_order_and_inside_the_text(text):
    template = neutralise(text)
    bounds = [0]
    for start, end in zip(template.starts, template.ends, strict=True):
        assert text[start:end].startswith("{{")
        assert text[start:end].endswith("}}")
        bounds += [start, end]
    bounds.append(len(text))
    assert bounds == sorted(bounds)


@given(st.text(st.characters(exclude_characters="{}")))
def test_text_without_braces_is_untouched(text):
    assert neutralise(text).text == text
