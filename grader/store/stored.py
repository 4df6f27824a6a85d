"""A transcript too long to hold: its text is read from the store where it is looked at, a slice at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, final, overload

from grader.store.database import Store, open_store, read_all
from grader.store.outline import Outline
from grader.store.slices import load_slice
from grader.store.transcripts import Entry, load
from grader.transcript import Message, Transcript, kind_of_thread

__all__ = ["Readable", "StoredMessages", "StoredTranscript", "in_another_thread", "read_as_needed"]

_WHOLE = 2_000_000
"""Characters up to which a transcript is loaded whole: some 10 ms."""

_KEPT_CHARS = 8_000_000
"""Text that stays in memory: some thirty slices, so that paging about loads nothing twice."""


@final
class StoredMessages(Sequence[Message]):
    """The messages of one transcript; what was looked at last stays in memory. For the thread that opened the store.

    A slice takes a millisecond or two to read; a message of megabytes is one slice. Raises StoreError where it cannot be read.
    """

    def __init__(self, store: Store, key: int, count: int) -> None:
        self._store = store
        self._key = key
        self._count = count
        self._firsts = [
            int(row[0])
            for row in read_all(store, "SELECT first FROM slices WHERE transcript = ? ORDER BY first", (key,))
        ]
        self._slices: OrderedDict[int, tuple[int, tuple[Message, ...]]] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Message: ...
    @overload
    def __getitem__(self, at: slice) -> list[Message]: ...
    def __getitem__(self, at: int | slice) -> Message | list[Message]:
        if isinstance(at, slice):
            return [self[position] for position in range(*at.indices(self._count))]
        index = at + 1 if at >= 0 else self._count + at + 1
        if not 1 <= index <= self._count:
            raise IndexError(f"no message M{index}: the transcript has {self._count}")
        first = self._firsts[bisect_right(self._firsts, index) - 1]
        held = self._slices.get(first)
        if held is None:
            messages = load_slice(self._store, self._key, first)
            self._keep(first, messages)
        else:
            self._slices.move_to_end(first)
            messages = held[1]
        return messages[index - first]

    def __iter__(self) -> Iterator[Message]:
        for first in self._firsts:  # a walk through everything leaves alone what is kept
            yield from load_slice(self._store, self._key, first)

    def _keep(self, first: int, messages: tuple[Message, ...]) -> None:
        size = sum(len(block.text) for message in messages for block in message.blocks)
        self._slices[first] = (size, messages)
        self._held += size
        while self._held > _KEPT_CHARS and len(self._slices) > 1:
            self._held -= self._slices.popitem(last=False)[1][0]

    @contextmanager
    def elsewhere(self) -> Iterator[StoredMessages]:
        """The same messages for another thread, through a connection of its own."""
        assert self._store.path is not None
        with open_store(self._store.path, create=False, busy_timeout=2) as store:
            yield StoredMessages(store, self._key, self._count)


class Readable(Protocol):
    """What a reader needs of a transcript: a `Transcript` has it, and so has a `StoredTranscript`."""

    @property
    def id(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def messages(self) -> Sequence[Message]: ...
    def thread_kind(self, thread: str) -> str:
        """main, subagent, branch or discarded."""


@final
class StoredTranscript:
    """What a reader needs of a transcript, its text read as needed."""

    def __init__(self, store: Store, entry: Entry, outline: Outline) -> None:
        self.id = entry.id
        self.metadata: Mapping[str, Any] = entry.metadata
        self.outline = outline
        self.messages: Sequence[Message] = StoredMessages(store, entry.key, len(outline))

    def thread_kind(self, thread: str) -> str:
        """main, subagent, branch or discarded."""
        return kind_of_thread(self.metadata, thread)


def read_as_needed(store: Store, entry: Entry, outline: Outline) -> Transcript | StoredTranscript:
    """The transcript: whole where it is short or the store has no file, else with its text read as needed."""
    if entry.n_chars <= _WHOLE or store.path is None:
        return load(store, entry)
    return StoredTranscript(store, entry, outline)


@contextmanager
def in_another_thread(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """`messages` as another thread may read them."""
    if isinstance(messages, StoredMessages):
        with messages.elsewhere() as others:
            yield others
    else:
        yield messages
