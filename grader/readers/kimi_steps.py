"""A thread of Kimi's: turns are steps, of which each is what the model said and called, and then what the tools answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from grader.readers.content import content_blocks, reasoning_block, result_block, text_blocks
from grader.readers.jsontext import compact
from grader.readers.report import Report
from grader.readers.threads import MAIN
from grader.readers.toolcall import tool_call
from grader.readers.turns import turn
from grader.transcript import Block, Message, Role

__all__ = ["Steps", "in_known_terms"]


def in_known_terms(content: object) -> object:
    """Content with its thoughts under the key that others have them under; ciphertext never."""
    if not isinstance(content, list):
        return content
    return [
        {"type": "thinking", "thinking": part.get("think"), "redacted": not part.get("think") and part.get("encrypted")}
        if isinstance(part, dict) and part.get("type") == "think"
        else part
        for part in content
    ]


@dataclass(slots=True)
class Steps:
    """Takes what happened in a thread, and keeps the messages it makes."""

    report: Report
    thread: str = MAIN
    messages: list[Message] = field(default_factory=list)
    discarded: list[list[Message]] = field(default_factory=list)
    """Attempts at a step that failed and were made again."""
    _parts: list[dict[str, Any]] = field(default_factory=list)
    _calls: list[tuple[object, object, object]] = field(default_factory=list)
    """Name, arguments and id."""
    _answers: list[Message] = field(default_factory=list)
    _time: object = None
    _partial: bool = False
    _rows: int = 0
    """Of the log, that told the step so far."""

    def took(self) -> None:
        """A row told of the step: the step's messages are fewer than those."""
        self._rows += 1

    def say(self, role: Role, content: object, *, flags: Iterable[str] = (), **said: Any) -> None:
        """A message of its own."""
        self.close()
        blocks = content_blocks(in_known_terms(content), role, self.report)
        self.messages.append(turn(role, blocks, thread=self.thread, flags=flags, **said))

    def begin(self) -> None:
        """A step begins."""
        self.close()

    def part(self, part: dict[str, Any], time: object) -> None:
        """A piece of what the model says; pieces of one kind that follow one another are one text."""
        self._at(time)
        last = self._parts[-1] if self._parts else {}
        kind = part.get("type")
        key = kind if kind in ("text", "think") and kind == last.get("type") else None
        if key is not None and isinstance(part.get(key), str) and isinstance(last.get(key), str):
            self._parts[-1] = {**last, key: last[key] + part[key]}
            return
        self._parts.append(part)

    def call(self, name: object, arguments: object, call_id: object, time: object) -> None:
        """A call that the step makes."""
        self._at(time)
        self._calls.append((name, arguments, call_id))

    def more_arguments(self, piece: object) -> None:
        """The arguments of the last call go on."""
        if self._calls and isinstance(piece, str):
            name, arguments, call_id = self._calls[-1]
            self._calls[-1] = (name, (arguments if isinstance(arguments, str) else "") + piece, call_id)

    def result(self, content: object, call_id: object, *, error: object, time: object) -> None:
        """What a tool answered: it stands after the step."""
        if content is not None and not isinstance(content, str | list):
            content = compact(content)
        shown = in_known_terms(content if content or not isinstance(error, str) else error)
        blocks = result_block(shown, self.report, call_id=call_id, error=error)
        self._answers.append(turn("tool", blocks, thread=self.thread, time=time))

    def interrupt(self) -> None:
        """The step breaks off."""
        self._partial = True
        self.close()

    def again(self) -> None:
        """The attempt failed: what it said never came into the conversation."""
        self._partial = True
        begun = len(self.messages)
        self.close()
        if attempt := self.messages[begun:]:
            self.discarded.append(attempt)
            del self.messages[begun:]

    def close(self) -> None:
        """The step is over."""
        begun = len(self.messages)
        blocks: list[Block] = []
        for part in self._parts:
            blocks += self._said(part)
        blocks += [tool_call(name, arguments, call_id=call_id) for name, arguments, call_id in self._calls]
        if blocks:
            flags = ("partial",) if self._partial else ()
            self.messages.append(turn("assistant", blocks, thread=self.thread, time=self._time, flags=flags))
        self.messages += self._answers
        if (more := self._rows - (len(self.messages) - begun)) > 0:
            self.report.leave_out("row of the same message", more)
        self._parts, self._calls, self._answers = [], [], []
        self._time, self._partial, self._rows = None, False, 0

    def _at(self, time: object) -> None:
        if self._answers:  # what is said after a result is another turn
            self.close()
        self._time = self._time or time

    def _said(self, part: dict[str, Any]) -> list[Block]:
        if part.get("type") == "think":
            thought = part.get("think")
            block = reasoning_block(thought, redacted=not thought and bool(part.get("encrypted")))
            return [block] if block else []
        if part.get("type") == "text" and isinstance(part.get("text"), str):
            return text_blocks(part["text"], "assistant")
        return content_blocks([part], "assistant", self.report)
