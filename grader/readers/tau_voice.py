"""Spoken simulations of τ²: what agent and user say in each tick, put together into turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from grader.readers.content import result_block, text_blocks
from grader.readers.report import Report
from grader.readers.shapes import objects_of
from grader.readers.toolcall import tool_call
from grader.readers.turns import turn
from grader.transcript import Block, Message, Role

__all__ = ["tick_messages"]

_SPEAKERS: tuple[tuple[Role, str], ...] = (("assistant", "agent"), ("user", "user"))


def tick_messages(ticks: object, report: Report) -> list[Message]:
    """The turns of a list of ticks. A piece continues its speaker's turn while the other one is silent, or while it
    belongs to the same utterance (both may speak at once); calls and results stand where they were made."""
    turns = _Turns(report)
    for tick in ticks if isinstance(ticks, list) else []:
        if not isinstance(tick, dict):
            report.warn("malformed_tick", detail=f"{type(tick).__name__} instead of an object")
            continue
        for role, side in _SPEAKERS:
            chunk = tick.get(f"{side}_chunk")
            if isinstance(chunk, dict):
                turns.say(role, chunk, tick.get("timestamp"))
            turns.act(role, objects_of(tick.get(f"{side}_tool_calls")), tick.get("timestamp"))
            turns.answer(objects_of(tick.get(f"{side}_tool_results")), tick.get("timestamp"))
    return turns.messages()


@dataclass(slots=True)
class _Turn:
    role: Role
    time: object
    pieces: list[str] = field(default_factory=list)
    utterances: frozenset[str] = frozenset()
    blocks: list[Block] = field(default_factory=list)
    meta: dict[str, Any] | None = None


class _Turns:
    def __init__(self, report: Report) -> None:
        self._report = report
        self._all: list[_Turn] = []
        self._open: dict[Role, _Turn] = {}

    def say(self, role: Role, chunk: dict[str, Any], time: object) -> None:
        said = chunk.get("audio_script_gold") if chunk.get("is_audio") is True else chunk.get("content")
        if isinstance(said, str) and said:
            self._say(role, said, chunk, time)
        self.act(role, objects_of(chunk.get("tool_calls")), time)

    def act(self, role: Role, calls: list[dict[str, Any]], time: object) -> None:
        if calls:
            blocks = [tool_call(call.get("name"), call.get("arguments"), call_id=call.get("id")) for call in calls]
            self._add(_Turn(role, time, blocks=blocks, meta={"requestor": "user"} if role == "user" else None))

    def answer(self, results: list[dict[str, Any]], time: object) -> None:
        for result in results:
            call_id, error = result.get("id") or result.get("tool_call_id"), result.get("error")
            blocks = result_block(result.get("content"), self._report, call_id=call_id, error=error)
            meta = {"requestor": "user"} if result.get("requestor") == "user" else None
            self._add(_Turn("tool", result.get("timestamp") or time, blocks=blocks, meta=meta))

    def messages(self) -> list[Message]:
        found: list[Message] = []
        for part in self._all:
            blocks = part.blocks or text_blocks("".join(part.pieces), part.role)
            if blocks:
                found.append(turn(part.role, blocks, time=part.time, meta=part.meta))
        return found

    def _say(self, role: Role, said: str, chunk: dict[str, Any], time: object) -> None:
        ids = chunk.get("utterance_ids")
        utterances = frozenset(item for item in ids if isinstance(item, str)) if isinstance(ids, list) else frozenset()
        current = self._open.get(role)
        last = self._all[-1] if self._all else None
        if current is None or not (current is last or (utterances & current.utterances)):
            current = _Turn(role, chunk.get("timestamp") or time)
            self._add(current)
            self._open[role] = current
        elif utterances and current.utterances and not utterances & current.utterances:
            current.pieces.append(" ")
        current.pieces.append(said)
        current.utterances = utterances

    def _add(self, part: _Turn) -> None:
        self._all.append(part)
        if part.blocks:  # an act ends what was being said
            self._open.pop(part.role, None)
