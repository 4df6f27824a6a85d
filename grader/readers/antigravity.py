"""Antigravity's transcripts: the steps of a conversation, each of a source and a type."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from grader.readers.contained import contained
from grader.readers.content import content_blocks, reasoning_block, result_block
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.jsontext import decode_json
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.readers.toolcall import tool_call
from grader.readers.turns import turn
from grader.transcript import Message, Transcript

SUPPORT = "-RC-"
RECOGNISED_BY = "rows `step_index`, `source`, `type`"

_SOURCES = ("USER", "MODEL", "SYSTEM")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WELL = frozenset(["DONE", "RUNNING", "PENDING", "GENERATING"])


def sniff(head: Head) -> bool:
    """Some row is a step."""
    return head.kind in ("rows", "object") and any(_is_step(record) for record in head.record_objects)


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """The file is one conversation; its id is the name of a folder above."""
    talk = _Conversation(report)
    for line, record in source.records(report):
        with contained(report, "row", line=line, raw=record):
            if isinstance(record, dict) and _is_step(record):
                talk.take(record, line)
            else:
                report.malformed(line, "no step", str(record)[:400])
    if not talk.messages:
        raise Skip("no_text", "a conversation without messages")
    path = PurePath(source.member) if source.member is not None else source.path
    own = next((part.name for part in path.parents if _ID.fullmatch(part.name)), None)
    yield finish(source, report, talk.messages, format="antigravity", id=own, models=talk.models)


def _is_step(record: dict[str, Any]) -> bool:
    origin = record.get("source")
    if not (isinstance(record.get("step_index"), int) and isinstance(record.get("type"), str)):
        return False
    return isinstance(origin, str) and origin.startswith(_SOURCES)


@dataclass(slots=True)
class _Conversation:
    report: Report
    messages: list[Message] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    _waiting: int = 0
    """Calls that have no answer yet: answers come in their order, without an id."""
    _last: tuple[object, ...] = ()
    _begun: int = 0

    def take(self, step: dict[str, Any], line: int) -> None:
        key = (step["step_index"], step["source"], step["type"])
        if key == self._last[:3] and self._last[3] not in ("DONE", None):  # a step is told again as it goes on
            self.report.leave_out("earlier state of a step", max(1, len(self.messages) - self._begun))
            del self.messages[self._begun :]
        self._last, self._begun = (*key, step.get("status")), len(self.messages)
        if step.get("truncated_fields"):
            self.report.warn("cut_by_recorder", line=line)
        kind, origin, content = step["type"], step["source"], step.get("content")
        said: dict[str, Any] = {"time": step.get("created_at")}
        if kind == "PLANNER_RESPONSE":
            self._answer(step, line, said)
        elif not (isinstance(content, str) and content.strip()):
            self.report.leave_out(kind)
        elif origin.startswith("USER"):
            flags = () if origin == "USER_EXPLICIT" else ("meta",)
            self.messages.append(turn("user", content_blocks(content, "user", self.report), flags=flags, **said))
        elif origin == "MODEL":
            status = step.get("status")
            failed = None if status is None or status in _WELL else str(status).lower()
            name = None if self._waiting else kind.lower()
            self._waiting = max(0, self._waiting - 1)
            self.messages.append(turn("tool", result_block(content, self.report, name=name, error=failed), **said))
        elif kind == "CHECKPOINT":
            blocks = content_blocks(content, "user", self.report)
            self.messages.append(turn("user", blocks, flags=("summary",), **said))
        else:
            blocks = content_blocks(content, "system", self.report)
            self.messages.append(turn("system", blocks, flags=("meta",), **said))

    def _answer(self, step: dict[str, Any], line: int, said: dict[str, Any]) -> None:
        usage = step["usage"] if isinstance(step.get("usage"), dict) else {}
        self.models += [usage["model"]] if isinstance(usage.get("model"), str) else []
        thought = reasoning_block(step.get("thinking"))
        blocks = [thought] if thought else []
        blocks += content_blocks(step.get("content"), "assistant", self.report, line=line)
        calls = step.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict):
                blocks.append(tool_call(call.get("name"), _plain(call.get("args"))))
                self._waiting += 1
        if blocks:
            self.messages.append(turn("assistant", blocks, **said))
        else:
            self.report.leave_out("PLANNER_RESPONSE without content")


def _plain(args: object) -> object:
    """Arguments whose strings are JSON strings once more."""
    if not isinstance(args, dict):
        return args
    return {key: _unquoted(value) for key, value in args.items()}


def _unquoted(value: object) -> object:
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return decode_json(value)
        except ValueError:
            return value
    return value
