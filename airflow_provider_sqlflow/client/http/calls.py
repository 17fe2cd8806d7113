"""What a call is: an operation, its parameters and files, and what its answer has to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from typing import BinaryIO

Part = tuple[str, tuple[str, BinaryIO, str]]
"""A file of a multipart body as httpx takes it: field, then name, content and media type."""


class Expected(str, Enum):
    """What a call's answer has to be."""

    JSON = "JSON"
    CSV = "CSV"
    XML = "XML"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation.

    Attributes:
        path: below the base address.
        fields: parameters; they travel in the body, never in the address.
        open_parts: opens the files to send, anew for each attempt, and leaves closing them to the stack.
        sink: where the answer goes, when it is what is expected; an error of the service does not.
        expected: what the answer has to be.
        is_repeatable: whether a second attempt does no harm when the first was carried out, its answer lost.
        needs_data: an answer without data is none.
        may_refuse: a refusal is an answer as well, and left to the caller.
    """

    path: str
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    open_parts: Callable[[ExitStack], list[Part]] | None = None
    sink: BinaryIO | None = None
    expected: Expected = Expected.JSON
    is_repeatable: bool = True
    needs_data: bool = False
    may_refuse: bool = False

    @property
    def is_transfer(self) -> bool:
        """Whether files travel."""
        return self.open_parts is not None or self.sink is not None
