"""What of a transcript has been on screen: rows of its messages, also after they were wrapped anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import final

__all__ = ["Seen"]


@final
class Seen:
    """The rows of each message that were shown; a message counts by the largest share it ever had."""

    __slots__ = ("_before", "_fresh", "_rows")

    def __init__(self) -> None:
        self._rows: dict[int, tuple[int, set[int]]] = {}
        """Index of a message → how many rows it has now, and which of them were shown."""
        self._before: dict[int, float] = {}
        """Index → the share shown when it had another number of rows."""
        self._fresh: set[int] = set()

    def add(self, index: int, rows: int, numbers: Iterable[int]) -> None:
        """Rows of a message, which has `rows` now, have been on screen."""
        self._fresh.add(index)
        before = self._rows.get(index)
        if before is None or before[0] != rows:
            if before is not None:
                self._before[index] = self.share(index)
            before = self._rows[index] = (rows, set())
        before[1].update(numbers)

    def share(self, index: int) -> float:
        """Share of a message's rows that have been on screen, 0-1."""
        rows, numbers = self._rows.get(index, (1, set()))
        return max(self._before.get(index, 0.0), min(1.0, len(numbers) / max(1, rows)))

    def take(self) -> list[tuple[int, float]]:
        """(index, share) of the messages of which more has been on screen since the last call."""
        found = [(index, self.share(index)) for index in sorted(self._fresh)]
        self._fresh.clear()
        return found
