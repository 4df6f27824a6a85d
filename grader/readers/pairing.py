"""Which result answers which call."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from grader.readers.report import Report
from grader.transcript import Block, Message

__all__ = ["ended_by_call", "note_unpaired", "pair_results"]

_UNANSWERED = frozenset(["tag", "server", "ends_run"])


def pair_results(messages: list[Message], report: Report) -> list[Message]:
    """`messages`, changed in place: each result is named after the call it answers.

    By call id, the first unanswered first (recorders repeat ids); where call or result has no id, by order. Calls without
    a result and results without a call stay and are counted: `unanswered_call`, `orphan_result`.
    """
    replace = msgspec.structs.replace
    threads: dict[str, _Waiting] = {}
    orphans = 0
    for position, message in enumerate(messages):
        for place, block in enumerate(message.blocks):
            kind = block.kind
            if kind != "tool_call" and kind != "tool_result":
                continue
            waiting = threads.get(message.thread)
            if waiting is None:
                waiting = threads[message.thread] = _Waiting()
            if kind == "tool_call":
                waiting.ask(block)
                continue
            call = waiting.answer(block.call_id)
            if call is None:
                orphans += 1
            elif block.name is None and call.name is not None:
                blocks = messages[position].blocks
                named = replace(block, name=call.name)
                messages[position] = replace(message, blocks=(*blocks[:place], named, *blocks[place + 1 :]))
    open_calls = sum(waiting.open_calls() for waiting in threads.values())
    note_unpaired(report, open_calls, orphans)
    return messages


def note_unpaired(report: Report, open_calls: int, orphans: int) -> None:
    """Counts calls without a result and results without a call."""
    if open_calls:
        report.warn("unanswered_call", count=open_calls)
    if orphans:
        report.warn("orphan_result", count=orphans)


def ended_by_call(messages: list[Message], ends: Callable[[Block], bool]) -> list[Message]:
    """`messages`, in each thread the last call that nothing answers marked where, as `ends` says of it, it ended the run."""
    last = {message.thread: at for at, message in enumerate(messages) if message.role in ("assistant", "tool")}
    marked = list(messages)
    for at in last.values():
        blocks = tuple(
            msgspec.structs.replace(block, meta={**(block.meta or {}), "ends_run": True})
            if block.kind == "tool_call" and ends(block)
            else block
            for block in messages[at].blocks
        )
        marked[at] = msgspec.structs.replace(messages[at], blocks=blocks)
    return marked


class _Waiting:
    """The calls of a thread that have no answer yet, in order."""

    def __init__(self) -> None:
        self._calls: dict[object, Block] = {}
        """By call id; what has none, or one that another open call has, by id and a number."""
        self._repeated: dict[str | None, deque[object]] = {}
        self._count = 0

    def ask(self, call: Block) -> None:
        key: object = call.call_id
        if key is None or key in self._calls or key in self._repeated:
            self._count += 1
            key = call.call_id, self._count
            self._repeated.setdefault(call.call_id, deque()).append(key)
        self._calls[key] = call

    def answer(self, call_id: str | None) -> Block | None:
        if call_id is not None and (call := self._calls.pop(call_id, None)) is not None:
            return call
        if self._repeated:
            for asked in (call_id, None):
                if asked in self._repeated:
                    return self._calls.pop(self._next(asked))
        if call_id is not None or not self._calls:
            return None
        key = next(iter(self._calls))
        if isinstance(key, tuple):
            self._next(key[0])
        return self._calls.pop(key)

    def _next(self, call_id: str | None) -> object:
        queue = self._repeated[call_id]
        key = queue.popleft()
        if not queue:
            del self._repeated[call_id]
        return key

    def open_calls(self) -> int:
        """Those in pseudo-markup, those a server ran and one that ended the run are left out: no result of their own is to be expected."""
        return sum(1 for call in self._calls.values() if not (call.meta and _UNANSWERED & call.meta.keys()))
