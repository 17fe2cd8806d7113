import io

import pytest

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.errors import UnknownFormatError
from airflow_provider_sqlflow.formats import FORMATS, get_format, render, write


def test_every_format_has_its_own_name_and_suffix() -> None:
    assert list(FORMATS)[:6] == ["json", "json-flat", "json-tables", "json-v2", "xml", "csv"]
    assert all(name == entry.name for name, entry in FORMATS.items())
    assert len({entry.suffix for entry in FORMATS.values()}) == len(FORMATS)
    assert all(entry.suffix.startswith(".") for entry in FORMATS.values())


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownFormatError, match=r"'excel'.*json, json-flat, json-tables, json-v2, xml, csv"):
        get_format("excel")
    with pytest.raises(UnknownFormatError):
        render("", LineageResult())


def test_formats_that_quote_the_text_get_it(shop: LineageResult) -> None:
    asked = []

    def texts() -> dict[str, str]:
        asked.append(1)
        return {"a.sql": "x"}

    for name, entry in FORMATS.items():
        asked.clear()
        render(name, shop, texts=texts)
        assert not asked or entry.quotes_text, name
    render("json", shop, texts=texts)
    assert asked


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_result_gives_the_same_bytes(format: str, shop: LineageResult) -> None:
    stream = io.BytesIO()
    write(format, shop, stream, title="Shop")
    assert not stream.closed
    assert stream.getvalue() == render(format, shop, title="Shop") != b""


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_result_is_a_document_too(format: str) -> None:
    document = render(format, LineageResult(dialect="snowflake"))
    assert (document == b"") == (format == "edges")


@pytest.mark.parametrize("format", FORMATS)
def test_names_that_are_no_unicode_do_not_stop_a_format(format: str, shop: LineageResult) -> None:
    assert render(format, shop, title="half a character: \ud800")
