"""Zip archives of every kind, made for the tests that read them."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path


def make_zip(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=compression)
    return path


def make_zip_with_link(path: Path, name: str, target: str) -> Path:
    member = zipfile.ZipInfo(name)
    member.create_system = 3  # Unix
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, target)
    return path


def mark_encrypted(path: Path) -> Path:
    """Set the encryption bit of the first member in both of its headers."""
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


def damage_member(path: Path, content: bytes) -> Path:
    """Change one byte of a stored member's content, so that its checksum no longer fits."""
    data = bytearray(path.read_bytes())
    data[data.index(content)] ^= 0xFF
    path.write_bytes(data)
    return path
