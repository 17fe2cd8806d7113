"""Where an object of a graph stands in the SQL; reference sqlflow-api, section 4.12."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_sqlflow.engine.model import LineageResult
from airflow_provider_sqlflow.errors import ExportOptionError
from airflow_provider_sqlflow.formats.sqlflow.chain import Texts
from airflow_provider_sqlflow.formats.sqlflow.model import file_numbers
from airflow_provider_sqlflow.formats.sqlflow.pieces import JsonObject


def find_places(
    coordinates: str, result: LineageResult, texts: Texts, *, has_files: bool = False
) -> list[JsonObject]:
    """The texts that hold some coordinates, and the positions in each.

    Places that stand in no text (-1, or a file that the result does not know) are left out.

    Args:
        coordinates: a JSON list of ``{x, y, hashCode}`` as documents and graphs have them; lists in it are
            taken apart. ``hashCode`` is the number of the file, or the MD5 of its text.
        result: the lineage.
        texts: the SQL texts by file name.
        has_files: the texts are files, so that ``file`` and ``filePath`` mean something.

    Raises:
        ExportOptionError: that is no list of coordinates.
    """
    given = texts()
    names = list(file_numbers(result)) or list(given)
    numbers = {str(number): number for number in range(len(names))}
    places = _read(coordinates)
    if not all(_hash_of(place) in numbers for place in places):
        for number, name in enumerate(names):
            text = given.get(name, "").encode()
            numbers.setdefault(hashlib.md5(text, usedforsecurity=False).hexdigest(), number)
    positions: dict[int, list[JsonObject]] = {}
    for place in places:
        at = numbers.get(_hash_of(place))
        if at is not None and place["x"] > 0 and place["y"] > 0:
            positions.setdefault(at, []).append({"x": place["x"], "y": place["y"]})
    found = []
    for number, here in positions.items():
        member: JsonObject = {"index": number, "positions": here, "sql": given.get(names[number], "")}
        if has_files:
            path = names[number]
            member.update({"file": path.rpartition("/")[2], "filePath": path})
        found.append(member)
    return found


def _hash_of(place: JsonObject) -> str:
    return str(place.get("hashCode", "0"))


def _read(text: str) -> list[JsonObject]:
    try:
        places = list(_flat(json.loads(text)))
    except (ValueError, RecursionError):
        places = None
    if places is None or not all(map(_is_place, places)):
        raise ExportOptionError(
            'coordinates: not a JSON list of places such as [{"x": 1, "y": 8, "hashCode": "0"}]'
        )
    return places


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _is_place(value: Any) -> bool:
    return isinstance(value, dict) and all(type(value.get(axis)) is int for axis in ("x", "y"))
