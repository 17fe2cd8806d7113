from __future__ import annotations

import codecs

import pytest

from airflow_provider_sqlflow.ingest.text import (
    DecodedText,
    UndecodableTextError,
    check_text,
    decode_sql,
)

SQL = "SELECT 'é€😀' AS größe\r\nFROM t"


@pytest.mark.parametrize(
    "data",
    [
        SQL.encode(),
        codecs.BOM_UTF8 + SQL.encode(),
        codecs.BOM_UTF16_LE + SQL.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + SQL.encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-8 with mark", "utf-16 little", "utf-16 big"],
)
def test_encodings_that_are_read(data: bytes) -> None:
    assert decode_sql(data) == DecodedText(SQL)


@pytest.mark.parametrize("data", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_nothing_is_empty_text(data: bytes) -> None:
    assert decode_sql(data) == DecodedText("")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (codecs.BOM_UTF8 + b"ab\xff", "not UTF-8 at byte 5; save it as UTF-8"),
        (codecs.BOM_UTF16_LE + b"a\x00b", "not UTF-16 at byte 4; save it as UTF-8"),
        (b"SELECT 'a\0'", "NUL at byte 9, so this is not UTF-8 text; save it as UTF-8"),
        ("SELECT".encode("utf-32"), "NUL at byte 2, so this is not UTF-16 text; save it as UTF-8"),
        (b"x = '\x81'", "not UTF-8 at byte 5, nor Windows-1252 at byte 5; save it as UTF-8"),
        (b"\x89PNG\x1a\x02\xe9", "not UTF-8 at byte 0, and it holds bytes of no text; is it SQL?"),
    ],
)
def test_other_bytes_are_refused_with_their_place(data: bytes, message: str) -> None:
    with pytest.raises(UndecodableTextError) as caught:
        decode_sql(data)
    assert str(caught.value) == message


WESTERN = "-- é\nSELECT a AS größe, '5 €' FROM t"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (WESTERN.encode("cp1252"), DecodedText(WESTERN, "Windows-1252", 1, 4)),
        ("SELECT 1\n-- ñ".encode("latin-1"), DecodedText("SELECT 1\n-- ñ", "Windows-1252", 2, 4)),
        ("é SELECT".encode("utf-16-le"), DecodedText("é SELECT", "UTF-16-LE")),
        ("SELECT é".encode("utf-16-be"), DecodedText("SELECT é", "UTF-16-BE")),
    ],
    ids=["windows-1252", "latin-1", "utf-16 little without mark", "utf-16 big without mark"],
)
def test_what_nothing_names_is_assumed_and_told(data: bytes, expected: DecodedText) -> None:
    assert decode_sql(data) == expected


@pytest.mark.parametrize(("text", "place"), [("ab\ud800", "character 2"), ("a\0", "character 1")])
def test_inline_text_that_no_store_can_keep(text: str, place: str) -> None:
    with pytest.raises(UndecodableTextError, match=place):
        check_text(text)


def test_inline_text_of_every_plane_is_fine() -> None:
    check_text(SQL)
