"""What was typed while Claude Code worked and stands nowhere but in the operations on its queue."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from grader.readers.claude_tree import Row
from grader.readers.content import plain_text

__all__ = ["Queue", "Taken"]

_LOCAL_COMMAND = re.compile(r"/[\w:.-]+(\s|$)")
_GIVEN = (None, "absorbed_mid_turn", "delivered_to_agent")
"""Why it was taken so that the model has it; older versions do not say."""
_TOLD_IN_RESULT = re.compile(r"\b[Tt]he user sent\b")
_MOST_TOLD = 20
"""Results, and places in each, that are looked at: a hostile log could hold thousands of all."""
_SOON = 20
"""Rows after which it is no longer told."""
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
    _waiting: OrderedDict[int, tuple[object, int]] = field(default_factory=OrderedDict)
    _numbers: dict[str, deque[int]] = field(default_factory=dict)
    """Text → where it waits."""
    _count: int = 0

    def take(self, record: dict[str, Any], line: int, place: int) -> bool:
        """Takes the next operation; whether it may be a message is True, and settled by `unsaid`."""
        operation, content = record.get("operation"), record.get("content")
        if operation == "enqueue":
            self._count += 1
            self._waiting[self._count] = content, place
            self._numbers.setdefault(plain_text(content), deque()).append(self._count)
        elif operation == "popAll":
            self._waiting.clear()
            self._numbers.clear()
        elif self._waiting or content:
            said, since = self._next(content) if self._waiting else (content, 0)  # 0: the log begins after it was typed
            text = plain_text(said).strip()
            if operation == "remove" and record.get("reason") in _GIVEN and text and not _LOCAL_COMMAND.match(text):
                self.taken.append(Taken(line, said, text, record.get("timestamp"), since, place))
                return True
        return False

    def _next(self, content: object) -> tuple[object, int]:
        """What waits with that content, else what waits longest."""
        same = self._numbers.get(plain_text(content)) if content else None
        number = same[0] if same else next(iter(self._waiting))
        said, since = self._waiting.pop(number)
        numbers = self._numbers[plain_text(said)]
        numbers.popleft()
        if not numbers:
            del self._numbers[plain_text(said)]
        return said, since

    def unsaid(self, rows: Sequence[Row]) -> list[Taken]:
        """What was taken and neither a result nor a later row of the user's repeats; each row repeats one."""
        if not self.taken:
            return []
        texts: dict[str, deque[int]] = {}
        for place, row in enumerate(rows):
            if row.role == "user" and "summary" not in row.flags:
                texts.setdefault("\n".join(block.text for block in row.blocks).strip(), deque()).append(place)
        results = [
            (place, block.text, [told.end() for told in islice(_TOLD_IN_RESULT.finditer(block.text), _MOST_TOLD)])
            for place, row in enumerate(rows)
            for block in row.blocks
            if block.kind == "tool_result"
        ]
        results = [result for result in results if result[2]]
        places_of_results = [place for place, _, _ in results]
        found: list[Taken] = []
        for taken in self.taken:
            first = bisect_left(places_of_results, taken.since)
            last = min(bisect_right(places_of_results, taken.place + _SOON), first + _MOST_TOLD)
            if any(_is_told(taken.text, text, starts) for _, text, starts in results[first:last]):
                continue
            places = texts.get(taken.text) or deque()
            while places and places[0] < taken.since:
                places.popleft()
            if places:
                places.popleft()
            else:
                found.append(taken)
        return found


def _is_told(said: str, result: str, starts: Sequence[int]) -> bool:
    """Whether a result says that the user sent this; a word alone ("stop") stands in many a file that was read."""
    return any(result.find(said, start, start + 200 + len(said)) >= 0 for start in starts)
