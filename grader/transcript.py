"""Transcript, Message, Block, Span: plain data, immutable, the same whatever the log was written by.

`formats.md` §1 of the design is the definition; the text of a block is *canonical*: what rules match, the judge reads,
people see and spans count in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

__all__ = [
    "BLOCK_KINDS",
    "ROLES",
    "Block",
    "BlockKind",
    "Message",
    "Role",
    "Scope",
    "Scoped",
    "Span",
    "Threaded",
    "Transcript",
    "in_scope",
    "is_target_speech",
    "kind_of_thread",
    "renumber",
    "scoped_positions",
    "transcript_digest",
]

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
BlockKind: TypeAlias = Literal["text", "reasoning", "tool_call", "tool_result", "media"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
BLOCK_KINDS: tuple[BlockKind, ...] = ("text", "reasoning", "tool_call", "tool_result", "media")


class Block(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A piece of a message of one kind."""

    kind: BlockKind
    text: str
    """Canonical text, NUL and lone surrogates already replaced."""
    name: str | None = None
    """The tool's name, for calls and, where the log says it, results."""
    call_id: str | None = None
    """What pairs a call with its result; as logged, or None."""
    error: str | None = None
    """What went wrong, on a result or an unparsable call."""
    meta: dict[str, Any] | None = None
    """Extras: `tag`, `unclosed`, `redacted`, `summary`, `sha256`, `unparsed_arguments`, …"""


class Message(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One turn. `index` counts from 1 over all messages of the transcript, main thread first, and is cited as `[M12]`."""

    index: int
    role: Role
    blocks: tuple[Block, ...] = ()
    name: str | None = None
    """Speaker's name, or the raw role where it is unknown."""
    thread: str = "main"
    timestamp: str | None = None
    """UTC ISO 8601; naive stays naive."""
    source_id: str | None = None
    flags: tuple[str, ...] = ()
    """Sorted, of: input, copied, demo, summary, partial, meta."""
    meta: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The blocks' texts, one after the other, a line break between."""
        return "\n".join(block.text for block in self.blocks)


class Span(msgspec.Struct, frozen=True, gc=False):
    """A place in a transcript: code points `start` to `end` (exclusive) of a block's canonical text."""

    message: int
    """From 1."""
    block: int
    """From 0, within the message."""
    start: int
    end: int
    quote: str
    """`text[start:end]`, kept so that a span can be read and checked without its transcript."""


class Transcript(msgspec.Struct, frozen=True):
    """One run of an agent."""

    id: str
    digest: str
    """`transcript_digest(messages)`: changes when what was said changes, and only then. Given as "", it is worked out when it
    is asked for: that takes as long as all the rest of reading a log, and not all who read one need it."""
    source: str
    """The file it came from, and the member or row where the file holds several."""
    format: str
    messages: tuple[Message, ...]
    model: str | None = None
    task: str | None = None
    condition: str | None = None
    epoch: int | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    """`threads` {key: {kind, parent, actor}}, `scores` [{name, value, answer, explanation}], `models`, `condition_parts`, …"""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Transcript):
            return NotImplemented
        return self.digest == other.digest and bool(super().__eq__(other))

    def message(self, index: int) -> Message:
        """The message cited as `[M<index>]`; raises IndexError outside 1..len(messages)."""
        if not 1 <= index <= len(self.messages):
            raise IndexError(f"no message M{index}: the transcript has {len(self.messages)}")
        return self.messages[index - 1]

    def thread_kind(self, thread: str) -> str:
        """main, subagent, branch or discarded."""
        return kind_of_thread(self.metadata, thread)


_DIGEST = Transcript.__dict__["digest"]


def _digest(transcript: Transcript) -> str:
    known: str = _DIGEST.__get__(transcript)
    if not known:
        known = transcript_digest(transcript.messages)
        _DIGEST.__set__(transcript, known)
    return known


setattr(Transcript, "digest", property(_digest))  # noqa: B010  (to a type checker it stays the field it is)


def kind_of_thread(metadata: Mapping[str, Any], thread: str) -> str:
    """main, subagent, branch or discarded, as the metadata of a transcript say it."""
    if thread == "main":
        return "main"
    threads = metadata.get("threads")
    entry = threads.get(thread) if isinstance(threads, Mapping) else None
    return str(entry.get("kind", "subagent")) if isinstance(entry, Mapping) else "subagent"


class Scope(msgspec.Struct, frozen=True):
    """Where a label's evidence may lie."""

    roles: tuple[Role, ...] = ("assistant",)
    blocks: tuple[BlockKind, ...] = ("text", "tool_call")


_NOT_THE_TARGETS_OWN = frozenset({"copied", "demo", "summary"})
_FOLDED_THREADS = frozenset({"branch", "discarded"})


def is_target_speech(transcript: Threaded, message: Scoped) -> bool:
    """Whether the target itself says this, in a thread that counts: assistant, main or subagent, no copy, demonstration or summary."""
    return (
        message.role == "assistant"
        and not _NOT_THE_TARGETS_OWN.intersection(message.flags)
        and (message.thread == "main" or transcript.thread_kind(message.thread) not in _FOLDED_THREADS)
    )


def in_scope(transcript: Transcript, scope: Scope) -> Iterator[tuple[Message, list[int]]]:
    """Each message of `scope` with the positions of its blocks that are in scope, in order; messages without such blocks are left out.

    Assistant messages must be target speech; other roles must be in a thread that counts and no copy, demonstration or summary.
    """
    messages = transcript.messages
    for position, blocks in scoped_positions(messages, transcript.thread_kind, scope):
        yield messages[position], blocks


class Threaded(Protocol):
    """What deciding on target speech needs to know of a transcript."""

    def thread_kind(self, thread: str) -> str:
        """main, subagent, branch or discarded."""


class Scoped(Protocol):
    """What deciding on a scope needs to know of a message: a `Message` has it, and so has its outline."""

    @property
    def role(self) -> str: ...
    @property
    def thread(self) -> str: ...
    @property
    def flags(self) -> tuple[str, ...]: ...
    @property
    def blocks(self) -> Sequence[Any]: ...


def scoped_positions(
    messages: Iterable[Scoped], thread_kind: Callable[[str], str], scope: Scope
) -> Iterator[tuple[int, list[int]]]:
    """As `in_scope`, over messages or their outlines, with each message's position from 0 in its place."""
    roles, kinds = frozenset(scope.roles), frozenset(scope.blocks)
    threads: dict[str, bool] = {"main": True}
    for position, message in enumerate(messages):
        if message.role not in roles or (message.flags and _NOT_THE_TARGETS_OWN.intersection(message.flags)):
            continue
        counts = threads.get(message.thread)
        if counts is None:
            counts = threads[message.thread] = thread_kind(message.thread) not in _FOLDED_THREADS
        if not counts:
            continue
        blocks = [number for number, block in enumerate(message.blocks) if block.kind in kinds]
        if blocks:
            yield position, blocks


def transcript_digest(messages: Iterable[Message]) -> str:
    """SHA-256 (hex) of the canonical JSON of `[thread, role, name, flags, [[kind, name, text], …]]` per message.

    No ids (recorders rewrite call ids), times, scores, metadata or path.
    """
    hasher = hashlib.sha256(b"[")
    comma = b""
    for rows in _digest_rows(messages):  # one call of the encoder a batch, and never a second copy of a huge transcript
        hasher.update(comma)
        hasher.update(memoryview(_ENCODER.encode(rows))[1:-1])
        comma = b","
    hasher.update(b"]")
    return hasher.hexdigest()


def _digest_rows(messages: Iterable[Message], size: int = 256, length: int = 1 << 20) -> Iterator[list[object]]:
    """What is digested of at most `size` messages and, beyond the first of a batch, about `length` code points."""
    rows: list[object] = []
    room = length
    for message in messages:
        blocks = message.blocks
        told: Sequence[tuple[str, str | None, str]]
        if len(blocks) == 1:  # as most have, and a comprehension for one block takes as long as all of the rest
            block = blocks[0]
            text = block.text
            room -= len(text)
            told = ((block.kind, block.name, text),)
        else:
            told = [(block.kind, block.name, block.text) for block in blocks]
            room -= sum([len(text) for _, _, text in told])
        flags = message.flags
        rows.append((message.thread, message.role, message.name, sorted(flags) if flags else flags, told))
        if room < 0 or len(rows) == size:
            yield rows
            rows, room = [], length
    if rows:
        yield rows


def renumber(messages: Sequence[Message]) -> tuple[Message, ...]:
    """`messages` thread after thread, main first and the others by first appearance, with `index` from 1."""
    order: dict[str, int] = {"main": -1}
    for thread in dict.fromkeys([message.thread for message in messages]):
        order.setdefault(thread, len(order))
    ranked = sorted(messages, key=lambda message: order[message.thread]) if len(order) > 1 else messages
    replace = msgspec.structs.replace
    return tuple(
        [
            message if message.index == index else replace(message, index=index)
            for index, message in enumerate(ranked, 1)
        ]
    )


_ENCODER = msgspec.json.Encoder()
