"""Transcripts in the store: adding (what is new, unchanged, changed, or a collision), finding, loading whole or in part."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from grader.errors import StoreError
from grader.store.database import Store, now, read_all
from grader.store.look_alikes import look_alikes, speech_hash
from grader.store.outline import Outline, OutlineWriter, read_outline
from grader.store.retelling import retelling
from grader.store.selection import Selection
from grader.store.slices import add_slices, compressed, expanded, load_messages
from grader.text import one_line
from grader.transcript import Message, Transcript, transcript_digest

__all__ = [
    "Added",
    "Entry",
    "add_transcript",
    "current_key",
    "current_revisions",
    "entries",
    "entry",
    "entry_by_key",
    "exclude",
    "is_superseded",
    "iter_transcripts",
    "load",
    "load_outline",
]


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
    replaces: int | None = None
    """changed: the key of the revision before."""
    superseded: bool = False
    """unchanged, but an earlier state: a later revision counts in its place."""


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
        speech = speech_hash(transcript.messages)
        known = connection.execute(
            "SELECT key, id, digest, path, superseded_by, metadata, model, task, condition, format FROM transcripts"
            " WHERE id IN (?, ?) ORDER BY key",
            (transcript.id, collided),
        ).fetchall()
        for row in known:
            if row[2] == transcript.digest:
                return _refresh(store, transcript, row[0], row[1], row[4] is not None, row[5:9])
        latest = next((row for row in known if row[1] == transcript.id and row[4] is None), None)
        if latest is not None:
            follows, told = latest[3] == path, None
            if not follows:
                old = load_messages(store, latest[0])
                follows = _begins_with(transcript.messages, old)
                if not follows and _begins_with(old, transcript.messages):
                    return Added("unchanged", latest[0], transcript.id, superseded=True)
                if not follows and transcript.format in sessions and latest[9] in sessions:
                    told = retelling(old, transcript.messages)
            if told == "less":
                return Added("unchanged", latest[0], transcript.id, same_session=told)
            if follows or told == "more":
                key = _insert(store, transcript, path, transcript.id, speech)
                connection.execute("UPDATE transcripts SET superseded_by = ? WHERE key = ?", (key, latest[0]))
                return Added("changed", key, transcript.id, same_session=told, replaces=latest[0])
        equal, near = look_alikes(store, transcript, speech)
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


def _refresh(
    store: Store, transcript: Transcript, key: int, stored_id: str, superseded: bool, known: Sequence[Any]
) -> Added:
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
    return Added("unchanged", key, stored_id, updated=updated, superseded=superseded)


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
            compressed(writer.packed()),
            speech,
            now(),
        ),
    )
    key = int(cursor.lastrowid or 0)
    add_slices(store, key, transcript.messages, sizes)
    return key


def _begins_with(longer: Sequence[Message], shorter: Sequence[Message]) -> bool:
    return len(shorter) <= len(longer) and transcript_digest(shorter) == transcript_digest(longer[: len(shorter)])


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


def is_superseded(store: Store, key: int) -> bool:
    """Whether a later revision counts in place of the one with `key`."""
    row = store.connection.execute("SELECT superseded_by FROM transcripts WHERE key = ?", (key,)).fetchone()
    return row is not None and row[0] is not None


def current_revisions(store: Store, keys: Iterable[int]) -> list[int]:
    """The keys of the revisions that count in place of those with `keys`, each once, in order."""
    later = dict(store.connection.execute("SELECT key, superseded_by FROM transcripts WHERE superseded_by IS NOT NULL"))
    current: dict[int, None] = {}
    for key in keys:
        while key in later:
            key = later[key]
        current[key] = None
    return list(current)


def load(store: Store, which: Entry | int | str) -> Transcript:
    """A whole transcript, by entry, key, or name as `entry` takes it."""
    found = _resolve(store, which)
    return _transcript(found, load_messages(store, found.key))


def iter_transcripts(store: Store, where: Selection | None = None) -> Iterator[tuple[Entry, Transcript]]:
    """Each selected transcript in full, one at a time, by id."""
    for found in entries(store, where):
        yield found, _transcript(found, load_messages(store, found.key))


def load_outline(store: Store, key: int) -> Outline:
    """Every message's outline, in order; message n is at n - 1."""
    row = store.connection.execute("SELECT outline FROM transcripts WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise StoreError(f"no transcript has the key {key}")
    return read_outline(expanded(row[0]))


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
