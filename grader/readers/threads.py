"""Threads of a transcript, and the merge of calls that each repeat the history before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from grader.transcript import Message

__all__ = ["MAIN", "PrefixMerge", "in_thread", "message_key", "thread_entry"]

MAIN = "main"


def thread_entry(kind: str, *, parent: str | None = MAIN, actor: str | None = None) -> dict[str, Any]:
    """An entry of `metadata.threads`; `kind` is main, subagent, branch or discarded."""
    return {"kind": kind, "parent": parent, "actor": actor}


def in_thread(messages: Iterable[Message], thread: str) -> list[Message]:
    """`messages` moved to `thread`."""
    return [
        message if message.thread == thread else msgspec.structs.replace(message, thread=thread) for message in messages
    ]


class PrefixMerge:
    """Merges calls that repeat the history, in the order they were made.

    A call extends the thread with which it shares the longest prefix of messages. Where it departs from that thread, the
    thread's old tail moves to a thread `discarded-n`; a tail that comes again in another order does not. A call that
    shares nothing beyond system messages is a sub-agent. Messages are equal as `message_key` says.
    """

    def __init__(self) -> None:
        self._threads: dict[str, list[Message]] = {}
        self._keys: dict[str, list[object]] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._starts: dict[tuple[object, ...], list[str]] = {}
        """Keys up to the first message that is not the system's → threads that begin so: only those can share anything."""
        self._discarded = 0
        self._subagents = 0
        self.grew = False
        """Whether the last call that was taken in said anything new."""

    def add(
        self,
        call: Sequence[Message],
        *,
        actor: str | None = None,
        thread: str | None = None,
        keys: list[object] | None = None,
    ) -> str:
        """Takes in one call (history and what was answered) and returns the key of its thread. `thread` forces a name.

        `keys`: the message_key of each message, where the caller has them already.
        """
        keys = [message_key(message) for message in call] if keys is None else keys
        self.grew = True
        name, shared = self._longest(call, keys) if thread is None or thread in self._threads else (None, 0)
        if thread is not None and thread in self._threads and name != thread:
            name, shared = thread, _common(self._keys[thread], keys)
        if name is None:
            return self._begin(call, keys, actor, thread)
        known = self._keys[name]
        if shared == len(keys):
            self.grew = False
            return name
        if shared < len(known):
            self._discard(name, shared, keys[shared:])
        self._threads[name] += in_thread(call[shared:], name)
        self._keys[name] += keys[shared:]
        return name

    def extend(self, thread: str, messages: Sequence[Message]) -> None:
        """Appends to a thread what a call said that did not repeat its history."""
        self._threads[thread] += in_thread(messages, thread)
        self._keys[thread] += [message_key(message) for message in messages]

    def thread(self, name: str) -> Sequence[Message]:
        """The messages of one thread so far."""
        return tuple(self._threads[name])

    def messages(self) -> list[Message]:
        """All messages, thread after thread, the first one main."""
        return [message for thread in self._threads.values() for message in thread]

    def threads(self) -> dict[str, dict[str, Any]]:
        """For `metadata.threads`."""
        return dict(self._entries)

    def _longest(self, call: Sequence[Message], keys: list[object]) -> tuple[str | None, int]:
        best, longest = None, 0
        start = _start(call, keys)
        for name in self._starts.get(start, ()) if start else ():
            shared = _common(self._keys[name], keys)
            if shared > longest and shared >= len(start):
                best, longest = name, shared
        return best, longest

    def _begin(self, call: Sequence[Message], keys: list[object], actor: str | None, thread: str | None) -> str:
        if not self._threads:
            name, entry = (
                thread or MAIN,
                thread_entry("main" if thread in (None, MAIN) else "subagent", parent=None, actor=actor),
            )
        else:
            self._subagents += 1
            name, entry = thread or f"agent-{self._subagents}", thread_entry("subagent", actor=actor)
        self._threads[name] = in_thread(call, name)
        self._keys[name] = keys
        self._starts.setdefault(_start(call, keys), []).append(name)
        self._entries[name] = entry
        return name

    def _discard(self, name: str, shared: int, fresh: Sequence[object]) -> None:
        """Takes the tail off; it is kept as discarded unless all of it comes again (parallel calls, told one by one)."""
        if not Counter(self._keys[name][shared:]) - Counter(fresh):
            del self._threads[name][shared:]
            del self._keys[name][shared:]
            return
        self._discarded += 1
        key = f"discarded-{self._discarded}"
        self._threads[key] = in_thread(self._threads[name][shared:], key)
        self._keys[key] = []
        self._entries[key] = thread_entry("discarded", parent=name)
        del self._threads[name][shared:]
        del self._keys[name][shared:]


def _start(call: Sequence[Message], keys: Sequence[object]) -> tuple[object, ...]:
    """The keys up to and with the first message that is not the system's; () where all are."""
    first = next((position for position, message in enumerate(call) if message.role != "system"), None)
    return () if first is None else tuple(keys[: first + 1])


def _common(left: Sequence[object], right: Sequence[object]) -> int:
    if right[: len(left)] == left:  # the common case, and the long one
        return len(left)
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def message_key(message: Message) -> object:
    """What makes two messages the same turn: role, kinds and texts, and the tools that calls name; no ids.

    Reasoning counts only where there is nothing else, for few recorders send it back; nor does white space at the ends.
    """
    said = [block for block in message.blocks if block.kind != "reasoning"] or message.blocks
    blocks = tuple(
        (block.kind, block.name if block.kind == "tool_call" else None, block.text.strip()) for block in said
    )
    return hash((message.role, blocks))
