"""Bytes of a SQL file to text: UTF-8, or UTF-16 where a byte order mark says so.

No guessing: a wrong guess changes names silently, so what is not clearly text is a problem with its place.
"""

from __future__ import annotations

import codecs

_UTF16_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class UndecodableTextError(ValueError):
    """The bytes are not text in an encoding that we read; the message says where and what to do."""


def decode_sql(data: bytes) -> str:
    """The text of a SQL file, without its byte order mark.

    Line ends stay as they are, so positions are those an editor shows.

    Raises:
        UndecodableTextError: neither UTF-8 nor UTF-16 with a byte order mark.
    """
    # UTF-32's little-endian mark begins with UTF-16's, but its text is full of NUL and is refused below.
    for mark, encoding in _UTF16_MARKS:
        if data.startswith(mark):
            return _decode(data, len(mark), encoding, "UTF-16")
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    return _decode(data, start, "utf-8", "UTF-8")


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
        # Mostly UTF-16 without its mark: every second byte is then NUL, and that is valid UTF-8.
        byte = start + len(text[: text.index("\0")].encode(encoding))
        raise UndecodableTextError(f"NUL at byte {byte}, so this is not {name} text; save it as UTF-8")
    return text
