"""Entries that name the one before them: where a session went back and on from there, what it left is a branch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from grader.readers.threads import MAIN, in_thread, thread_entry
from grader.transcript import Block, Message

__all__ = ["EntryTree"]


@dataclass(slots=True)
class _Entry:
    parent: str | None
    message: Message | None
    beside: bool = False
    thread: str | None = None


@dataclass(slots=True)
class EntryTree:
    """Entries in file order, each with a message or none. Where none names a parent, that order is the conversation."""

    last: str | None = None
    """The entry at which the conversation stands."""
    _entries: dict[str, _Entry] = field(default_factory=dict)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def add(
        self, key: object, parent: object, message: Message | None, *, names_parent: bool, beside: bool = False
    ) -> str:
        """Takes the next entry and returns its key; one without a key of its own, or with one that is known, gets another.

        `names_parent`: whether the log says what it follows (None: a beginning); else it follows the last one.
        `beside`: nobody went back for it, so that it is no branch where nothing follows it.
        """
        if not isinstance(key, str) or key in self._entries:
            key, parent = f"\x00{len(self._entries)}", self.last
        elif not names_parent:
            parent = self.last
        if not beside or parent == self.last:
            self.last = key
        self._entries[key] = _Entry(parent if isinstance(parent, str) else None, message, beside)
        return key

    def exchange(self, key: str, block: Block) -> None:
        """Puts `block` in the place of what the message of an entry says: a later entry tells it better."""
        message = self._entries[key].message
        if message is not None:
            self._entries[key].message = msgspec.structs.replace(message, blocks=(block,))

    def threads(self) -> tuple[list[Message], dict[str, dict[str, Any]]]:
        """The messages, and `metadata.threads`: the way from the last entry up is main; what hangs beside it are branches."""
        key = self.last
        while key is not None and key in self._entries and self._entries[key].thread is None:
            self._entries[key].thread = MAIN
            key = self._entries[key].parent
        messages: list[Message] = []
        threads: dict[str, dict[str, Any]] = {}
        continued: set[str] = set()
        followed = {entry.parent for entry in self._entries.values()}
        for name, entry in self._entries.items():
            above = self._entries.get(entry.parent) if entry.parent is not None else None
            if entry.thread is None:
                if entry.beside and above is not None and above.thread is not None and name not in followed:
                    entry.thread = above.thread
                elif above is not None and above.thread not in (None, MAIN) and entry.parent not in continued:
                    entry.thread = above.thread
                    continued.add(str(entry.parent))
                else:
                    entry.thread = f"branch-{len(threads) + 1}"
                    beside = above.thread if above is not None and above.thread else MAIN
                    threads[entry.thread] = thread_entry("branch", parent=beside)
            if entry.message is not None and entry.thread is not None:
                messages += in_thread([entry.message], entry.thread)
        spoken = {message.thread for message in messages}
        threads = {name: entry for name, entry in threads.items() if name in spoken}
        return messages, {MAIN: thread_entry("main", parent=None), **threads} if threads else {}
