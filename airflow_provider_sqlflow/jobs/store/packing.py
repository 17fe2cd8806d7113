"""Texts and documents as the store keeps them: compressed, and known by their digest."""

from __future__ import annotations

import hashlib
import zlib


def pack(text: str) -> bytes:
    """The text as zlib of UTF-8. Half surrogate pairs, which JSON may bring, pass."""
    return pack_bytes(_encoded(text))


def unpack(data: bytes) -> str:
    """The text that :func:`pack` was given."""
    return unpack_bytes(data).decode("utf-8", "surrogatepass")


def pack_bytes(data: bytes) -> bytes:
    """The data as zlib."""
    return zlib.compress(data)


def unpack_bytes(data: bytes) -> bytes:
    """The data that :func:`pack_bytes` was given."""
    return zlib.decompress(data)


def digest_of(*texts: str) -> str:
    """SHA-256 of texts, with a line between them that no digest or JSON text begins with."""
    return hashlib.sha256(b"\0\n".join(map(_encoded, texts))).hexdigest()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
