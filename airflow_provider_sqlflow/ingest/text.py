"""Bytes of a SQL file to text.

UTF-8, or UTF-16 where a byte order mark says so. Text that is neither is read as what it most likely is, and
the answer says what was assumed: a wrong guess changes names, so nobody shall make one in silence.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_UTF16_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x19]")
"""Control characters that no SQL file holds: the bytes are a picture, an archive, a database."""
_PROBE_BYTES = 4096


class UndecodableTextError(ValueError):
    """The bytes are not text in an encoding that we read; the message says where and what to do."""


@dataclass(frozen=True, slots=True)
class DecodedText:
    """The text of a file.

    Attributes:
        text: without byte order mark; line ends stay, so positions are those an editor shows.
        assumed: the encoding that was assumed because nothing names it; empty for what is certain.
        line: where the first byte stands that is not UTF-8, from 1.
        column: its column, from 1.
    """

    text: str
    assumed: str = ""
    line: int = 1
    column: int = 1


def decode_sql(data: bytes) -> DecodedText:
    """The text of a SQL file.

    Without a byte order mark: UTF-8; else UTF-16 where every second byte is NUL, as in Western text;
    else Windows-1252, which holds all the printable characters of Latin-1.

    Raises:
        UndecodableTextError: none of these.
    """
    # UTF-32's little-endian mark begins with UTF-16's, but its text is full of NUL and is refused below.
    for mark, encoding in _UTF16_MARKS:
        if data.startswith(mark):
            return DecodedText(_decode(data, len(mark), encoding, "UTF-16"))
    if data.startswith(codecs.BOM_UTF8):
        return DecodedText(_decode(data, len(codecs.BOM_UTF8), "utf-8", "UTF-8"))
    encoding = _unmarked_utf16(data)
    if encoding:
        return DecodedText(_decode(data, 0, encoding, "UTF-16"), encoding.upper())
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _decode_western(data, error.start)
    return DecodedText(_decode(data, 0, "utf-8", "UTF-8"))


def check_text(text: str) -> None:
    """Check that text given inline can be kept and read again.

    Raises:
        UndecodableTextError: it holds half a surrogate pair or a NUL character.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UndecodableTextError(
            f"character {error.start} is half of a surrogate pair; decode the text again"
        ) from None
    if "\0" in text:
        raise UndecodableTextError(f"NUL at character {text.index(chr(0))}; this is not SQL text")


def _decode(data: bytes, start: int, encoding: str, name: str) -> str:
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        raise UndecodableTextError(f"not {name} at byte {start + error.start}; save it as UTF-8") from None
    if "\0" in text:
        byte = start + len(text[: text.index("\0")].encode(encoding))
        raise UndecodableTextError(f"NUL at byte {byte}, so this is not {name} text; save it as UTF-8")
    return text


def _unmarked_utf16(data: bytes) -> str:
    """The kind of UTF-16 that text without a mark is in, by where its NUL bytes stand; else empty."""
    probe = data[:_PROBE_BYTES]
    pairs = len(probe) // 2
    high, low = probe[1::2].count(0), probe[0::2].count(0)
    if len(data) % 2 or not pairs or bool(high) == bool(low) or max(high, low) * 2 < pairs:
        return ""
    return "utf-16-le" if high else "utf-16-be"


def _decode_western(data: bytes, start: int) -> DecodedText:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise UndecodableTextError(
            f"not UTF-8 at byte {start}, nor Windows-1252 at byte {error.start}; save it as UTF-8"
        ) from None
    if _NO_TEXT.search(text):
        raise UndecodableTextError(f"not UTF-8 at byte {start}, and it holds bytes of no text; is it SQL?")
    before = data[:start]
    last_line = before[before.rfind(b"\n") + 1 :]
    return DecodedText(text, "Windows-1252", before.count(b"\n") + 1, len(last_line.decode()) + 1)
