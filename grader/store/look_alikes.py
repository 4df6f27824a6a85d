"""Transcripts that are equal to a new one, or in which the target says nearly the same."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from grader.store.database import Store
from grader.store.slices import load_messages
from grader.transcript import Message, Transcript

__all__ = ["look_alikes", "speech_hash"]

_NEAR_EQUAL = 0.9
_SPEECH_WORTH_COMPARING = 120


def look_alikes(store: Store, transcript: Transcript, speech: int | None) -> tuple[str | None, str | None]:
    """Ids of an equal and of a nearly equal transcript: in the latter the target says the same in ≥ 90 % of its characters.

    Only the target's speech is compared: runs of one task share the long prompt and are no look-alikes for that.
    """
    connection = store.connection
    equal = connection.execute(
        "SELECT id FROM transcripts WHERE digest = ? ORDER BY key LIMIT 1", (transcript.digest,)
    ).fetchone()
    if equal is not None:
        return str(equal[0]), None
    if speech is None:
        return None, None
    # a few are enough: of a thousand runs that say the same, each would read all before it
    candidates = connection.execute(
        "SELECT key, id FROM transcripts WHERE speech = ? AND superseded_by IS NULL AND id != ? ORDER BY key LIMIT 3",
        (speech, transcript.id),
    ).fetchall()
    if not candidates:
        return None, None
    ours = _speech(transcript.messages)
    for row in candidates:
        theirs = _speech(load_messages(store, row[0]))
        shared = sum(min(size, theirs.get(text, 0)) for text, size in ours.items())
        if shared >= _NEAR_EQUAL * max(sum(ours.values()), sum(theirs.values())):
            return None, str(row[1])
    return None, None


def speech_hash(messages: Sequence[Message]) -> int | None:
    """What look-alikes share: a hash of the longest message of the target; None where it says too little to compare."""
    longest, most = None, -1
    for message in messages:
        if message.role == "assistant":
            blocks = message.blocks
            size = len(blocks[0].text) if len(blocks) == 1 else sum([len(block.text) for block in blocks])
            if size > most:
                longest, most = message, size
    if longest is None:
        return None
    folded = _fold(longest)
    return zlib.crc32(folded.encode()) if len(folded) >= _SPEECH_WORTH_COMPARING else None


def _fold(message: Message) -> str:
    text = message.text
    return " ".join((text.lower() if text.isascii() else text.casefold()).split())


def _speech(messages: Sequence[Message]) -> dict[int, int]:
    found: dict[int, int] = {}
    for message in messages:
        if message.role == "assistant":
            folded = _fold(message)
            crc = zlib.crc32(folded.encode())
            found[crc] = found.get(crc, 0) + len(folded)
    return found
