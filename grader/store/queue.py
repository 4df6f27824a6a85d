"""Queues: which transcripts a rater works through, in which order, and how far; cheap to advance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from grader.store.database import Store, read_all

__all__ = [
    "SLICE",
    "TO_DO",
    "Queue",
    "QueueEntry",
    "counts",
    "find",
    "mark_item",
    "neighbour",
    "next_to_do",
    "page",
    "ranked_to",
    "set_ranked_to",
    "set_ranks",
    "words_to_do",
]

SLICE = 8_000
"""Rows a transaction writes: a key press elsewhere waits for one of them, well under its 2 s."""

TO_DO = frozenset({"new", "open", "stale"})
"""States with work left."""


class QueueEntry(msgspec.Struct, frozen=True):
    """A transcript in a rater's queue."""

    transcript_key: int
    id: str
    state: str
    """new, open (something is said), stale (a definition was edited since), done, skipped, or out (excluded, superseded, released)."""
    filled: int | None
    """Answers given of those asked for; None until it was first opened."""
    total: int | None
    flagged: bool
    words: int
    rank: Any
    """Its place: entries ascend by (rank, transcript_key)."""
    n_messages: int


class Queue(msgspec.Struct, frozen=True):
    """A rater's queue of one round, rubric and selection."""

    key: int
    rater: int
    round: str
    rubric: str
    selection: str


_ENTRY = (
    "SELECT q.transcript, t.id, q.state, q.filled, q.total, q.flagged, q.words, q.rank, t.n_messages"
    " FROM queue_items q{index} JOIN transcripts t ON t.key = q.transcript"
)
_ANY = _ENTRY.format(index="")
# named, because the planner prefers the primary key and then steps over everything that is done
_LEFT = _ENTRY.format(index=" INDEXED BY queue_items_to_do")


def next_to_do(store: Store, queue: Queue, after: tuple[Any, int] | None = None) -> QueueEntry | None:
    """The first entry with work left after (rank, key), else from the beginning; None when all is done."""
    if after is not None:
        row = store.connection.execute(
            f"{_LEFT} WHERE q.queue = ? AND q.todo = 1 AND (q.rank, q.transcript) > (?, ?)"
            " ORDER BY q.rank, q.transcript LIMIT 1",
            (queue.key, *after),
        ).fetchone()
        if row is not None:
            return _entry(row)
    row = store.connection.execute(
        f"{_LEFT} WHERE q.queue = ? AND q.todo = 1 ORDER BY q.rank, q.transcript LIMIT 1", (queue.key,)
    ).fetchone()
    return None if row is None else _entry(row)


def neighbour(store: Store, queue: Queue, of: tuple[Any, int], step: int) -> QueueEntry | None:
    """The entry after (`step` 1) or before (-1) another, done or not; None at the end."""
    sign, order = (">", "") if step > 0 else ("<", " DESC")
    row = store.connection.execute(
        f"{_ANY} WHERE q.queue = ? AND q.state <> 'out' AND (q.rank, q.transcript) {sign} (?, ?)"
        f" ORDER BY q.rank{order}, q.transcript{order} LIMIT 1",
        (queue.key, *of),
    ).fetchone()
    return None if row is None else _entry(row)


def find(store: Store, queue: Queue, transcript_key: int) -> QueueEntry | None:
    """The entry of a transcript, None where the queue does not hold it."""
    row = store.connection.execute(
        f"{_ANY} WHERE q.queue = ? AND q.transcript = ?", (queue.key, transcript_key)
    ).fetchone()
    return None if row is None else _entry(row)


def page(
    store: Store,
    queue: Queue,
    *,
    after: tuple[Any, int] | None = None,
    limit: int = 200,
    text: str = "",
    states: Iterable[str] = (),
    flagged: bool = False,
) -> list[QueueEntry]:
    """Up to `limit` entries in order after (rank, key), of those whose id contains `text`, in `states` (default: all but out)."""
    parts, parameters = ["q.queue = ?"], [queue.key]  # type: tuple[list[str], list[Any]]
    if after is not None:
        parts.append("(q.rank, q.transcript) > (?, ?)")
        parameters += after
    wanted = tuple(states)
    parts.append(f"q.state IN ({', '.join('?' * len(wanted))})" if wanted else "q.state <> 'out'")
    parameters += wanted
    if flagged:
        parts.append("q.flagged")
    if text:
        parts.append("instr(lower(t.id), lower(?)) > 0")
        parameters.append(text)
    rows = read_all(
        store,
        f"{_ANY} WHERE {' AND '.join(parts)} ORDER BY q.rank, q.transcript LIMIT ?",
        (*parameters, limit),
    )
    return [_entry(row) for row in rows]


def counts(store: Store, queue: Queue) -> dict[str, int]:
    """Entries by state, `out` left out; and `flagged`."""
    found: dict[str, int] = {"flagged": 0}
    for state, number, flagged in read_all(
        store, "SELECT state, count(*), sum(flagged) FROM queue_items WHERE queue = ? GROUP BY state", (queue.key,)
    ):
        if state != "out":
            found[state] = number
            found["flagged"] += flagged
    return found


def words_to_do(store: Store, queue: Queue) -> int:
    """Words of the transcripts with work left."""
    row = store.connection.execute(
        "SELECT sum(words) FROM queue_items WHERE queue = ? AND todo = 1", (queue.key,)
    ).fetchone()
    return int(row[0] or 0)


def mark_item(
    store: Store, queue: Queue, transcript_key: int, state: str, filled: int | None, total: int | None, flagged: bool
) -> None:
    """Say how a transcript stands, in this queue and in every part of it; inside the transaction of the act itself."""
    with store.writing() as connection:
        connection.execute(
            "UPDATE queue_items SET state = ?, todo = ?, filled = ?, total = ?, flagged = ?"
            " WHERE transcript = ? AND state <> 'out' AND queue IN"
            " (SELECT key FROM queues WHERE rater = ? AND round = ? AND rubric = ?)",
            (state, int(state in TO_DO), filled, total, int(flagged), transcript_key, queue.rater, queue.round, queue.rubric),
        )  # fmt: skip


def set_ranks(store: Store, queue: Queue, ranks: Sequence[tuple[float, int]]) -> None:
    """Give (rank, transcript key) pairs to the whole queue and its parts, in slices."""
    for start in range(0, len(ranks), SLICE):
        with store.writing() as connection:
            connection.executemany(
                "UPDATE queue_items SET rank = ? WHERE transcript = ? AND queue IN"
                " (SELECT key FROM queues WHERE rater = ? AND round = ? AND rubric = ?)",
                [(rank, key, queue.rater, queue.round, queue.rubric) for rank, key in ranks[start : start + SLICE]],
            )


def ranked_to(store: Store, queue: Queue, rubric_digest: str) -> str:
    """What `set_ranked_to` was last told for this rubric, empty if nothing."""
    row = store.connection.execute(f"SELECT ranked_to FROM queues {_BASE}", _base(queue)).fetchone()
    digest, _, state = str(row[0]).partition(":")
    return state if digest == rubric_digest else ""


def set_ranked_to(store: Store, queue: Queue, rubric_digest: str, state: str) -> None:
    """Remember up to what the ranks are right."""
    with store.writing() as connection:
        connection.execute(f"UPDATE queues SET ranked_to = :state {_BASE}", {**_base(queue), "state": f"{rubric_digest}:{state}"})  # fmt: skip


_BASE = "WHERE rater = :rater AND round = :round AND rubric = :rubric AND selection = ''"


def _base(queue: Queue) -> dict[str, Any]:
    return {"rater": queue.rater, "round": queue.round, "rubric": queue.rubric}


def _entry(row: Sequence[Any]) -> QueueEntry:
    key, name, state, filled, total, flagged, words, rank, n_messages = row
    return QueueEntry(key, name, state, filled, total, bool(flagged), words, rank, n_messages)
