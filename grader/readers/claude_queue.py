"""What was typed while Claude Code worked and stands nowhere but in the operations on its queue."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.readers.claude_tree import Row
from grader.readers.content import plain_text

__all__ = ["Queue", "Taken"]

_LOCAL_COMMAND = re.compile(r"/[\w:.-]+(\s|$)")
_GIVEN = (None, "absorbed_mid_turn", "delivered_to_agent")
"""Why it was taken so that the model has it; older versions do not say."""
_TOLD_IN_RESULT = re.compile(r"\b[Tt]he user sent\b")
_OF_THE_PROGRAM = ("<task-notification>", "<agent-notification>")


@dataclass(slots=True)
class Taken:
    """What was taken out of the queue while the agent worked, and so given to the model with the next results."""

    line: int
    content: Any
    text: str
    time: Any
    since: int
    """How many rows with messages there were when it was typed."""
    place: int
    """And when it was taken."""

    @property
    def of_the_program(self) -> bool:
        return self.text.startswith(_OF_THE_PROGRAM)


@dataclass(slots=True)
class Queue:
    """The operations of a session, in file order.

    `dequeue` makes what was typed a prompt with a row of its own, `popAll` gives it back to be edited, `remove` gives it to
    the model at once. Most versions then write an attachment; others, nothing.
    """

    taken: list[Taken] = field(default_factory=list)
    _waiting: deque[tuple[object, int]] = field(default_factory=deque)

    def take(self, record: dict[str, Any], line: int, place: int) -> bool:
        """Takes the next operation; whether it may be a message is True, and settled by `unsaid`."""
        operation, content = record.get("operation"), record.get("content")
        if operation == "enqueue":
            self._waiting.append((content, place))
        elif operation == "popAll":
            self._waiting.clear()
        elif self._waiting or content:
            said, since = content, 0  # a log that begins later does not say when it was typed
            if self._waiting:
                at = next((at for at, (waits, _) in enumerate(self._waiting) if content and waits == content), 0)
                said, since = self._waiting[at]
                del self._waiting[at]
            text = plain_text(said).strip()
            if operation == "remove" and record.get("reason") in _GIVEN and text and not _LOCAL_COMMAND.match(text):
                self.taken.append(Taken(line, said, text, record.get("timestamp"), since, place))
                return True
        return False

    def unsaid(self, rows: Sequence[Row]) -> list[Taken]:
        """What was taken and neither a result nor a later row of the user's repeats; each row repeats one."""
        if not self.taken:
            return []
        texts: dict[str, deque[int]] = {}
        for place, row in enumerate(rows):
            if row.role == "user" and "summary" not in row.flags:
                texts.setdefault("\n".join(block.text for block in row.blocks).strip(), deque()).append(place)
        results = [
            (place, block.text)
            for place, row in enumerate(rows)
            for block in row.blocks
            if block.kind == "tool_result" and _TOLD_IN_RESULT.search(block.text)
        ]
        found: list[Taken] = []
        for taken in self.taken:
            if any(place >= taken.since and _is_told(taken.text, text) for place, text in results):
                continue
            places = texts.get(taken.text) or deque()
            while places and places[0] < taken.since:
                places.popleft()
            if places:
                places.popleft()
            else:
                found.append(taken)
        return found


def _is_told(said: str, result: str) -> bool:
    """Whether a result says that the user sent this; a word alone ("stop") stands in many a file that was read."""
    return any(0 <= result.find(said, told.end()) <= told.end() + 200 for told in _TOLD_IN_RESULT.finditer(result))
