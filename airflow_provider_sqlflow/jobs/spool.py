"""The texts of a job while it runs: beyond a size they wait on disk, not in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType

MEMORY_BYTES = 64 * 1024 * 1024
"""Texts together larger than this go to a temporary file."""


class TextSpool:
    """Texts by the number under which they were added; a context manager."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        # Closed by __exit__: the file outlives this statement.
        self._file = tempfile.SpooledTemporaryFile(max_size=memory_bytes)  # noqa: SIM115
        self._places: list[tuple[int, int]] = []
        self._end = 0

    def add(self, text: str) -> None:
        """Keep one more text."""
        data = text.encode("utf-8", "surrogatepass")
        self._file.seek(self._end)
        self._file.write(data)
        self._places.append((self._end, len(data)))
        self._end += len(data)

    def __getitem__(self, number: int) -> str:
        start, length = self._places[number]
        self._file.seek(start)
        return self._file.read(length).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self._places)))

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> TextSpool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
