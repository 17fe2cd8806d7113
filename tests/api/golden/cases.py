"""The goldens: requests and their answers, as written in ``cases/*.yaml``.

Each case has

``of``
    path of the operation, after ``GET`` where that is meant
``section``
    of the reference (sqlflow-api) that says so
``is``
    what the case shows
``send``
    parameters; a value such as ``$job`` comes from :mod:`tests.api.golden.world`. ``userId`` and ``token`` of
    the file's account are sent too, unless they are given here (empty: not sent)
``files``
    part name to file name to text
``accept``
    the header
``given``
    values of the world that must be there, though they are not sent
``status``, ``type``
    HTTP status and content type; 200 and JSON unless told
``json``, ``text``, ``image``, ``contains``, ``lacks``
    the answer: see :mod:`tests.api.golden.matching`; a whole text; a kind of picture; parts that a text
    has or has not
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases"
JSON = "application/json;charset=utf-8"


@dataclass(frozen=True)
class Case:
    """A request and its answer."""

    book: str
    of: str
    section: str
    shows: str
    send: Mapping[str, Any]
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    accept: str = "*/*"
    given: Sequence[str] = ()
    status: int = 200
    type: str = JSON
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """GET or POST."""
        return "GET" if self.of.startswith("GET ") else "POST"

    @property
    def path(self) -> str:
        """Below the prefix."""
        return self.of.removeprefix("GET ")

    def __str__(self) -> str:
        return f"{self.book}: {self.of}: {self.shows}"


_ANSWERS = ("json", "text", "image", "contains", "lacks")


def read_cases() -> tuple[Case, ...]:
    """All cases, in the order of the files."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        for item in yaml.safe_load(path.read_text(encoding="utf-8")):
            answer = {name: item.pop(name) for name in _ANSWERS if name in item}
            assert answer, item
            found.append(
                Case(book=path.stem, shows=item.pop("is"), send=item.pop("send", {}), answer=answer, **item)
            )
    return tuple(found)
