"""What was typed while Claude Code worked, in logs that tell of it only as operations on a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from grader.readers.claude_tree import Row
from grader.readers.content import text_blocks

__all__ = ["Queue"]

_GIVEN = (None, "absorbed_mid_turn", "delivered_to_agent")
"""Why a message left the queue so that the model had it; older versions do not say."""
_PROGRAM = "<task-notification>"


@dataclass(slots=True)
class _Taken:
    line: int
    text: str
    time: Any


@final
class Queue:
    """The queue of a session: what is taken out of it within a turn (`remove`) was given to the model there.

    What waits for the end of the turn (`dequeue`) becomes a row as any other; what is fetched back (`popAll`) was not sent.
    """

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self.taken: list[_Taken] = []

    def add(self, line: int, record: dict[str, Any]) -> bool:
        """Takes in an operation; whether it gave something to the model."""
        content, operation = record.get("content"), record.get("operation")
        text = content if isinstance(content, str) else None
        if operation == "enqueue":
            self._waiting.append(text or "")
            return False
        if operation == "popAll":
            self._waiting.clear()
            return False
        place = self._waiting.index(text) if text in self._waiting else 0
        waited = self._waiting.pop(place) if self._waiting else ""
        said = text or waited
        if operation != "remove" or record.get("reason") not in _GIVEN or not said.strip():
            return False
        self.taken.append(_Taken(line, said, record.get("timestamp")))
        return True

    def untold(self, rows: Sequence[Row]) -> list[Row]:
        """What was given to the model and stands in none of `rows`: newer versions write it down there too."""
        if not self.taken:
            return []
        told = "\n".join(block.text for row in rows if row.role != "assistant" for block in row.blocks)
        return [
            Row(
                line=taken.line,
                uuid=None,
                parent=None,
                role="user",
                blocks=text_blocks(taken.text, "user"),
                time=taken.time,
                flags=("meta",) if taken.text.startswith(_PROGRAM) else (),
                queued=True,
            )
            for taken in self.taken
            if taken.text.strip() not in told
        ]
