"""Transcripts in the store: adding (what is new, unchanged, changed, or a collision), finding, loading whole or in part."""

from __future__ import annotations

import json
import re
import sys
import threading
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

import msgspec

from grader.errors import StoreError
from grader.store.database import Store, now, read_all
from grader.store.outline import Outline, OutlineWriter, read_outline
from grader.store.retelling import retelling
from grader.store.selection import Selection
from grader.text import one_line
from grader.transcript import Message, Transcript, transcript_digest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = [
    "Added",
    "Entry",
    "add_transcript",
    "current_key",
    "entries",
    "entry",
    "entry_by_key",
    "exclude",
    "iter_transcripts",
    "load",
    "load_messages",
    "load_outline",
]

_SLICE_CHARS = 256_000
"""Text of one compressed slice: small enough to open in a few milliseconds, large enough to compress well."""

_WORTH_COMPRESSING = 512
_LEVEL = 1
"""Half again as fast as the usual 3 for 5 % more on disk."""

_THREAD = threading.local()
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_NEAR_EQUAL = 0.9
_SPEECH_WORTH_COMPARING = 120


class Added(msgspec.Struct, frozen=True):
    """What became of one transcript on import."""

    outcome: Literal["new", "unchanged", "changed"]
    key: int
    id: str
    """The id it has in the store: `id~<digest[:8]>` after a collision."""
    updated: bool = False
    """unchanged, but with new scores or metadata, which were stored."""
    collision: bool = False
    row_changed: bool = False
    """The same place of the same file held another transcript, one without an id of its own."""
    equal_to: str | None = None
    """Another id with the very same digest."""
    near: str | None = None
    """Another id whose target says nearly the same."""
    same_session: Literal["less", "more"] | None = None
    """Another record of a session that is known: it says less and was left out, or more and took its place."""


class Entry(msgspec.Struct, frozen=True):
    """A transcript without its messages."""

    key: int
    """Of this revision, in this database only."""
    id: str
    digest: str
    source: str
    format: str
    model: str | None
    task: str | None
    condition: str | None
    epoch: int | None
    metadata: dict[str, Any]
    n_messages: int
    n_chars: int
    n_words: int
    created: str
    superseded: bool = False
    excluded: str | None = None
    """The reason it was taken out, None when it counts."""


def add_transcript(
    store: Store, transcript: Transcript, *, path: str, own_id: bool, sessions: Collection[str] = ()
) -> Added:
    """Store `transcript` by the rules of identity: known, a new revision, a collision, or new.

    `path`: the file on disk. `own_id`: the log itself names the id. `sessions`: formats of which two with one id may be
    records of one session, so that the fuller one is kept. Call it inside `store.writing()` to add many at once.
    Labels never move: a changed transcript is a new revision and the old one stays with its labels.
    """
    with store.writing() as connection:
        collided = _collided(transcript)
        speech = _speech_hash(transcript.messages)
        related = connection.execute(
            "SELECT key, id, digest, path, superseded_by, speech, metadata, model, task, condition, format FROM transcripts"
            " WHERE digest = ? OR id = ? OR speech = ? ORDER BY key",
            (transcript.digest, transcript.id, speech),
        ).fetchall()
        for row in related:
            if row[2] == transcript.digest and row[1] in (transcript.id, collided):
                return _refresh(store, transcript, row[0], row[1], row[6:10])
        latest = next((row for row in related if row[1] == transcript.id and row[4] is None), None)
        if latest is not None:
            follows = latest[3] == path or _extends(store, latest[0], transcript)
            told = None
            if not follows and transcript.format in sessions and latest[10] in sessions:
                told = retelling(_messages(store, latest[0]), transcript.messages)
            if told == "less":
                return Added("unchanged", latest[0], transcript.id, same_session=told)
            if follows or told == "more":
                key = _insert(store, transcript, path, transcript.id, speech)
                connection.execute("UPDATE transcripts SET superseded_by = ? WHERE key = ?", (key, latest[0]))
                return Added("changed", key, transcript.id, same_session=told)
        equal, near = _look_alikes(store, transcript, related, speech)
        stored_id = transcript.id if latest is None else collided
        row_changed = latest is None and not own_id and _place_is_taken(store, transcript)
        key = _insert(store, transcript, path, stored_id, speech)
        return Added("new", key, stored_id, False, latest is not None, row_changed, equal, near)


def _place_is_taken(store: Store, transcript: Transcript) -> bool:
    row = store.connection.execute(
        "SELECT 1 FROM transcripts WHERE source = ? AND id LIKE 'h-%' AND format = ?",
        (transcript.source, transcript.format),
    ).fetchone()
    return row is not None


def _collided(transcript: Transcript) -> str:
    return f"{transcript.id}~{transcript.digest[:8]}"


def _refresh(store: Store, transcript: Transcript, key: int, stored_id: str, known: Sequence[Any]) -> Added:
    metadata = _json(transcript.metadata)
    # what the log says now counts, but what was given from outside (--set) is not lost by a plain second import
    given = [
        new if new is not None else old
        for new, old in zip((transcript.model, transcript.task, transcript.condition), known[1:], strict=True)
    ]
    updated = metadata != known[0] or given != list(known[1:])
    if updated:
        store.connection.execute(
            "UPDATE transcripts SET metadata = ?, model = ?, task = ?, condition = ? WHERE key = ?",
            (metadata, *given, key),
        )
    return Added("unchanged", key, stored_id, updated=updated)


def _insert(store: Store, transcript: Transcript, path: str, stored_id: str, speech: int | None) -> int:
    writer = OutlineWriter()
    sizes, n_words = writer.extend(transcript.messages)
    cursor = store.connection.execute(
        "INSERT INTO transcripts (id, digest, source, path, format, model, task, condition, epoch, metadata, n_messages,"
        " n_chars, n_words, outline, speech, created) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            stored_id,
            transcript.digest,
            transcript.source,
            path,
            transcript.format,
            transcript.model,
            transcript.task,
            transcript.condition,
            transcript.epoch,
            _json(transcript.metadata),
            len(transcript.messages),
            sum(sizes),
            n_words,
            _squeezed(writer.packed()),
            speech,
            now(),
        ),
    )
    key = int(cursor.lastrowid or 0)
    pieces = ((key, *piece) for piece in _slices(transcript.messages, sizes))  # never all of a huge transcript at once
    store.connection.executemany("INSERT INTO slices (transcript, first, last, data) VALUES (?,?,?,?)", pieces)
    return key


def _slices(messages: Sequence[Message], sizes: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    """(first, last, data) of messages that are stored together, of about as many characters each."""
    start = held = 0
    for position, size in enumerate(sizes):
        held += size + 64
        if held >= _SLICE_CHARS:
            yield start + 1, position + 1, _compress(messages[start : position + 1])
            start, held = position + 1, 0
    if start < len(messages):
        yield start + 1, len(messages), _compress(messages[start:])


def _compress(messages: Sequence[Message]) -> bytes:
    return _squeezed(_PACK.encode(messages))


def _squeezed(data: bytes) -> bytes:
    if len(data) < _WORTH_COMPRESSING:
        return data
    # a compressor's tables are as large as most of what is compressed: one is used for frame after frame
    compressor = getattr(_THREAD, "compressor", None) or zstd.ZstdCompressor(level=_LEVEL)
    _THREAD.compressor = None  # not after a frame that failed
    frame = bytes(compressor.compress(data, zstd.ZstdCompressor.FLUSH_FRAME))
    _THREAD.compressor = compressor
    return frame


def _expanded(data: bytes) -> bytes:
    # MessagePack of a list never begins like a zstd frame
    return bytes(zstd.decompress(data)) if data[:4] == _ZSTD_MAGIC else data


# --- look-alikes ------------------------------------------------------------------------------------------------------


def _look_alikes(
    store: Store, transcript: Transcript, related: Sequence[Sequence[Any]], speech: int | None
) -> tuple[str | None, str | None]:
    """Ids of an equal and of a nearly equal transcript: in the latter the target says the same in ≥ 90 % of its characters.

    Only the target's speech is compared: runs of one task share the long prompt and are no look-alikes for that.
    """
    for row in related:
        if row[2] == transcript.digest:
            return row[1], None
    candidates = [
        row for row in related if speech is not None and row[5] == speech and row[4] is None and row[1] != transcript.id
    ]
    if not candidates:
        return None, None
    ours = _speech(transcript.messages)
    for row in candidates[:3]:
        theirs = _speech(_messages(store, row[0]))
        shared = sum(min(size, theirs.get(text, 0)) for text, size in ours.items())
        if shared >= _NEAR_EQUAL * max(sum(ours.values()), sum(theirs.values())):
            return None, str(row[1])
    return None, None


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


def _speech_hash(messages: Sequence[Message]) -> int | None:
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


def _extends(store: Store, key: int, transcript: Transcript) -> bool:
    old = _messages(store, key)
    return len(old) <= len(transcript.messages) and transcript_digest(old) == transcript_digest(
        transcript.messages[: len(old)]
    )


# --- reading ----------------------------------------------------------------------------------------------------------

_ENTRY = (
    "SELECT t.key, t.id, t.digest, t.source, t.format, t.model, t.task, t.condition, t.epoch, t.metadata, t.n_messages,"
    " t.n_chars, t.n_words, t.created, t.superseded_by IS NOT NULL,"
    " (SELECT CASE WHEN x.excluded THEN x.reason END FROM exclusions x WHERE x.transcript = t.key ORDER BY x.key DESC LIMIT 1)"
    " FROM transcripts t"
)


def entries(store: Store, where: Selection | None = None) -> Iterator[Entry]:
    """The current revisions that `where` selects (default: all that are not excluded), by id."""
    chosen = where if where is not None else Selection()
    sql, parameters = chosen.transcript_sql()
    for row in read_all(store, f"{_ENTRY} WHERE {sql} ORDER BY t.id, t.key", parameters):
        yield _entry(row)


def entry(store: Store, name: str) -> Entry:
    """The transcript called `name`: its id, or an unambiguous beginning of id or digest. Raises StoreError naming candidates."""
    for condition, value in (
        ("t.id = ?", name),
        ("t.id LIKE ? ESCAPE '\\'", _prefix(name)),
        ("t.digest LIKE ? ESCAPE '\\'", _prefix(name)),
    ):
        rows = read_all(
            store, f"{_ENTRY} WHERE {condition} AND t.superseded_by IS NULL ORDER BY t.id LIMIT 6", (value,)
        )
        if len(rows) == 1:
            return _entry(rows[0])
        if rows:
            some = ", ".join(one_line(row[1], 60) for row in rows[:5])
            raise StoreError(
                f"{one_line(name)}: several transcripts begin so ({some}{', …' if len(rows) > 5 else ''}); give more of the id"
            )
    raise StoreError(f"{one_line(name)}: no such transcript; `grader list` shows the ids")


def entry_by_key(store: Store, key: int) -> Entry:
    """The revision with that key, superseded or not. Raises StoreError where there is none."""
    return _resolve(store, key)


def current_key(store: Store, transcript_id: str) -> int | None:
    """The key of the newest revision of `transcript_id`, None where there is none."""
    row = store.connection.execute(
        "SELECT key FROM transcripts WHERE id = ? AND superseded_by IS NULL", (transcript_id,)
    ).fetchone()
    return None if row is None else int(row[0])


def load(store: Store, which: Entry | int | str) -> Transcript:
    """A whole transcript, by entry, key, or name as `entry` takes it."""
    found = _resolve(store, which)
    return _transcript(found, _messages(store, found.key))


def iter_transcripts(store: Store, where: Selection | None = None) -> Iterator[tuple[Entry, Transcript]]:
    """Each selected transcript in full, one at a time, by id."""
    for found in entries(store, where):
        yield found, _transcript(found, _messages(store, found.key))


def load_messages(store: Store, key: int, first: int = 1, last: int | None = None) -> tuple[Message, ...]:
    """Messages `first` to `last` (both included, from 1) of the transcript with that key, and those that share their slices."""
    rows = read_all(
        store,
        "SELECT data FROM slices WHERE transcript = ? AND last >= ? AND first <= ? ORDER BY first",
        (key, first, last if last is not None else 1 << 60),
    )
    return tuple(message for row in rows for message in _MESSAGES.decode(_expanded(row[0])))


def load_slice(store: Store, key: int, first: int) -> tuple[Message, ...]:
    """The messages stored together with message `first`, which begins their slice; empty where none begins there."""
    rows = read_all(store, "SELECT data FROM slices WHERE transcript = ? AND first = ?", (key, first))
    return tuple(_MESSAGES.decode(_expanded(rows[0][0]))) if rows else ()


def load_outline(store: Store, key: int) -> Outline:
    """Every message's outline, in order; message n is at n - 1."""
    row = store.connection.execute("SELECT outline FROM transcripts WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise StoreError(f"no transcript has the key {key}")
    return read_outline(_expanded(row[0]))


def exclude(store: Store, where: Selection, reason: str, *, undo: bool = False) -> list[Entry]:
    """Take the selected transcripts out of all work and numbers, or with `undo` back in; nothing is deleted."""
    with store.writing() as connection:
        chosen = [found for found in entries(store, where) if (found.excluded is not None) == undo]
        connection.executemany(
            "INSERT INTO exclusions (transcript, excluded, reason, created) VALUES (?,?,?,?)",
            [(found.key, int(not undo), reason, now()) for found in chosen],
        )
    return chosen


def _resolve(store: Store, which: Entry | int | str) -> Entry:
    if isinstance(which, Entry):
        return which
    if isinstance(which, str):
        return entry(store, which)
    rows = read_all(store, f"{_ENTRY} WHERE t.key = ?", (which,))
    if not rows:
        raise StoreError(f"no transcript has the key {which}")
    return _entry(rows[0])


def _messages(store: Store, key: int) -> tuple[Message, ...]:
    return load_messages(store, key)


def _transcript(found: Entry, messages: tuple[Message, ...]) -> Transcript:
    return Transcript(
        id=found.id,
        digest=found.digest,
        source=found.source,
        format=found.format,
        messages=messages,
        model=found.model,
        task=found.task,
        condition=found.condition,
        epoch=found.epoch,
        metadata=found.metadata,
    )


def _entry(row: Sequence[Any]) -> Entry:
    key, name, digest, source, kind, model, task, condition, epoch, metadata, *counts = row
    n_messages, n_chars, n_words, created, superseded, excluded = counts
    return Entry(
        key, name, digest, source, kind, model, task, condition, epoch, json.loads(metadata),
        n_messages, n_chars, n_words, created, bool(superseded), excluded,
    )  # fmt: skip


def _prefix(name: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", name) + "%"


def _json(value: Any) -> str:
    return _JSON.encode(value)


_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
_PACK = msgspec.msgpack.Encoder()
_MESSAGES = msgspec.msgpack.Decoder(tuple[Message, ...])
