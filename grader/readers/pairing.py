"""Which result answers which call."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable

import msgspec

from grader.readers.report import Report
from grader.transcript import Block, Message

__all__ = ["ended_by_call", "pair_results"]

_UNANSWERED = frozenset(["tag", "server", "ends_run"])


def pair_results(messages: list[Message], report: Report) -> list[Message]:
    """`messages`, changed in place: each result is named after the call it answers.

    By call id, the first unanswered first (recorders repeat ids); where call or result has no id, by order. Calls without
    a result and results without a call stay and are counted: `unanswered_call`, `orphan_result`.
    """
    threads: defaultdict[str, _Waiting] = defaultdict(_Waiting)
    orphans = 0
    for position, message in enumerate(messages):
        blocks: list[Block] | None = None
        for place, block in enumerate(message.blocks):
            if block.kind == "tool_call":
                threads[message.thread].ask(block)
            elif block.kind == "tool_result":
                call = threads[message.thread].answer(block.call_id)
                if call is None:
                    orphans += 1
                elif block.name is None and call.name is not None:
                    blocks = list(message.blocks) if blocks is None else blocks
                    blocks[place] = msgspec.structs.replace(block, name=call.name)
        if blocks is not None:
            messages[position] = msgspec.structs.replace(message, blocks=tuple(blocks))
    open_calls = sum(waiting.open_calls() for waiting in threads.values())
    if open_calls:
        report.warn("unanswered_call", count=open_calls)
    if orphans:
        report.warn("orphan_result", count=orphans)
    return messages


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
        self._by_id: defaultdict[str | None, deque[int]] = defaultdict(deque)
        self._calls: dict[int, Block] = {}
        self._count = 0

    def ask(self, call: Block) -> None:
        self._calls[self._count] = call
        self._by_id[call.call_id].append(self._count)
        self._count += 1

    def answer(self, call_id: str | None) -> Block | None:
        for key in (call_id, None):
            if queue := self._by_id.get(key):
                number = queue.popleft()
                if not queue:  # an empty one takes as much memory as a short message
                    del self._by_id[key]
                return self._calls.pop(number)
        if call_id is not None or not self._calls:
            return None
        number = next(iter(self._calls))
        call = self._calls.pop(number)
        self._by_id[call.call_id].remove(number)
        return call

    def open_calls(self) -> int:
        """Those in pseudo-markup, those a server ran and one that ended the run are left out: no result of their own is to be expected."""
        return sum(1 for call in self._calls.values() if not (call.meta and _UNANSWERED & call.meta.keys()))
