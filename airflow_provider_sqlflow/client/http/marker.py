"""Tags and idempotency keys in the one text of a job that a SQLFlow service keeps: its name.

``nightly`` with the tag ``airflow:shop/daily/lineage`` is submitted as
``nightly [#airflow:shop/daily/lineage key=0f3a5c7d9e1b2a3c]``, so that people see in the service's list which
task a job belongs to, and a later attempt of the task finds its job again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_MARKER = re.compile(
    r"(?s)^(?P<name>.*?) \[(?P<words>(?:#\S+|key=[0-9a-f]{16})(?: (?:#\S+|key=[0-9a-f]{16}))*)\]$"
)
_LONGEST_TAG = 80
_HASH_DIGITS = 12


def marked_name(name: str, tags: Iterable[str] = (), idempotency_key: str | None = None) -> str:
    """The name to submit a job under.

    >>> marked_name("nightly", ["team one"]), marked_name("nightly")
    ('nightly [#team_one]', 'nightly')
    """
    words = [f"#{tag_word(tag)}" for tag in tags]
    if idempotency_key is not None:
        words.append(f"key={hashlib.sha256(idempotency_key.encode()).hexdigest()[:16]}")
    return f"{name} [{' '.join(words)}]" if words else name


def read_marker(marked: str) -> tuple[str, tuple[str, ...]]:
    """Name and tag words of a job's name.

    >>> read_marker("nightly [#team_one]"), read_marker("nightly [1]")
    (('nightly', ('team_one',)), ('nightly [1]', ()))
    """
    found = _MARKER.match(marked)
    if found is None:
        return marked, ()
    return found["name"], tuple(word[1:] for word in found["words"].split(" ") if word.startswith("#"))


def tag_word(tag: str) -> str:
    """A tag as it stands in a name: no blanks and brackets, long ones cut and told apart by a hash."""
    word = re.sub(r"[\s\[\]]", "_", tag)
    if len(word) <= _LONGEST_TAG:
        return word
    digest = hashlib.sha256(tag.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{word[: _LONGEST_TAG - _HASH_DIGITS - 1]}~{digest}"
