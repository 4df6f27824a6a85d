"""Opening a queue: it is brought up to date with transcripts, exclusions, assignments, the rubric and the log."""

from __future__ import annotations

from grader.rubric.model import Rubric
from grader.store.annotation_log import _rater_key, stored_rubric
from grader.store.database import Store
from grader.store.queue import SLICE, TO_DO, Queue, find
from grader.store.selection import Selection

__all__ = ["open_queue", "rubric_before"]


def open_queue(
    store: Store,
    rater: str,
    round: str,
    rubric: Rubric,
    chosen: Selection,
    *,
    ranked: bool = False,
) -> Queue:
    """The queue, brought up to date with transcripts, exclusions, assignments and the log.

    `ranked`: the caller gives ranks with `set_ranks` (new transcripts start at 0); else rank is the transcript's digest,
    a hash that nobody's labels have a part in. With `chosen` conditions the queue is a part of the one without.
    """
    base = _queue(store, rater, round, rubric.id, "", rubric.digest)
    _insert_new(store, base, ranked=ranked)
    _take_out_and_back(store, base)
    _catch_up(store, base)
    if not ranked:
        _serve_stale_again(store, base, rubric)
    if not chosen.terms:
        return base
    part = _queue(store, rater, round, rubric.id, chosen.text, rubric.digest)
    sql, parameters = chosen.transcript_sql()
    with store.writing() as connection:
        connection.execute("DELETE FROM queue_items WHERE queue = ?", (part.key,))
        connection.execute(
            "INSERT INTO queue_items (queue, rank, transcript, state, todo, filled, total, flagged, words)"
            " SELECT ?, b.rank, b.transcript, b.state, b.todo, b.filled, b.total, b.flagged, b.words"
            f" FROM queue_items b JOIN transcripts t ON t.key = b.transcript WHERE b.queue = ? AND {sql}",
            (part.key, base.key, *parameters),
        )
    return part


def rubric_before(store: Store, rater: str, round: str, rubric: str) -> str:
    """Digest of the rubric this queue was last opened with, empty the first time."""
    row = store.connection.execute(
        "SELECT q.rubric_digest FROM queues q JOIN raters r ON r.key = q.rater"
        " WHERE r.name = ? AND q.round = ? AND q.rubric = ? AND q.selection = ''",
        (rater, round, rubric),
    ).fetchone()
    return "" if row is None else str(row[0])


def _queue(store: Store, rater: str, round: str, rubric: str, selection: str, digest: str) -> Queue:
    with store.writing() as connection:
        key = _rater_key(store, rater)
        name = (key, round, rubric, selection)
        connection.execute(
            "INSERT OR IGNORE INTO queues (rater, round, rubric, selection, rubric_digest) VALUES (?,?,?,?,?)",
            (*name, digest),
        )
        row = connection.execute(
            "SELECT key FROM queues WHERE rater = ? AND round = ? AND rubric = ? AND selection = ?", name
        ).fetchone()
    return Queue(int(row[0]), *name)


def _insert_new(store: Store, queue: Queue, *, ranked: bool) -> None:
    """Take in the transcripts that have come since; the first time all of them, in the order of their ranks.

    In any other order a million rows would dirty every page of the queue in every slice.
    """
    [[known], [last]] = store.connection.execute(
        "SELECT transcripts_to FROM queues WHERE key = ? UNION ALL SELECT max(key) FROM transcripts", (queue.key,)
    ).fetchall()
    if last is None or known == last:
        return
    rank = "0.0" if ranked else "substr(t.digest, 1, 16)"
    # read in the order of the file and sorted once: following the index would read a row here and a row there
    rows = store.connection.execute(
        f"SELECT ?, {rank}, t.key, t.n_words FROM transcripts t NOT INDEXED WHERE t.key > ? AND t.key <= ?"
        " AND t.key NOT IN (SELECT key FROM transcripts WHERE superseded_by IS NOT NULL) ORDER BY 2, t.key",
        (queue.key, known, last),
    )
    [[cache]] = store.connection.execute("PRAGMA cache_size").fetchall()
    # keys come in the order of digests, all over their index: with the usual 2 MB each row would fetch and write a page,
    # and looking up whether the transcript just read exists would read it again
    store.connection.execute("PRAGMA cache_size = -65536")
    store.connection.execute("PRAGMA foreign_keys = OFF")
    try:
        while some := rows.fetchmany(SLICE):
            with store.writing() as connection:
                connection.executemany(
                    "INSERT OR IGNORE INTO queue_items (queue, rank, transcript, state, todo, words) VALUES (?,?,?,'new',1,?)",
                    some,
                )
    finally:
        store.connection.execute(f"PRAGMA cache_size = {int(cache)}")
        store.connection.execute("PRAGMA foreign_keys = ON")
    with store.writing() as connection:
        connection.execute("UPDATE queues SET transcripts_to = ? WHERE key = ?", (last, queue.key))


_ASSIGNED = (
    "SELECT e.transcript FROM events e WHERE e.rater = :rater AND e.kind = 'assign' AND e.round = :round AND NOT EXISTS"
    " (SELECT 1 FROM events r WHERE r.rater = e.rater AND r.kind = 'release' AND r.round = e.round"
    " AND r.transcript = e.transcript AND r.id > e.id)"
)
_GONE = (
    "SELECT key FROM transcripts WHERE superseded_by IS NOT NULL UNION SELECT x.transcript FROM exclusions x WHERE"
    " x.excluded AND x.key = (SELECT max(y.key) FROM exclusions y WHERE y.transcript = x.transcript)"
)


def _take_out_and_back(store: Store, queue: Queue) -> None:
    names = {"queue": queue.key, "rater": queue.rater, "round": queue.round}
    with store.writing() as connection:
        # who was ever handed work of the round gets nothing but that, even after all of it was released
        assigned = connection.execute(
            "SELECT 1 FROM events WHERE rater = :rater AND kind = 'assign' AND round = :round LIMIT 1", names
        ).fetchone()
        gone = f"transcript IN ({_GONE})" + (f" OR transcript NOT IN ({_ASSIGNED})" if assigned else "")
        connection.execute(
            f"UPDATE queue_items SET state = 'out', todo = 0 WHERE queue = :queue AND state <> 'out' AND ({gone})",
            names,
        )
        back = connection.execute(
            f"SELECT transcript FROM queue_items WHERE queue = :queue AND state = 'out' AND NOT ({gone})", names
        ).fetchall()
        for (key,) in back:
            _derive(store, queue, key)


def _catch_up(store: Store, queue: Queue) -> None:
    """States of transcripts whose log grew otherwise than through this queue: merged databases, imported labels."""
    with store.writing() as connection:
        [[log_to, events_to]] = connection.execute(
            "SELECT log_to, events_to FROM queues WHERE key = ?", (queue.key,)
        ).fetchall()
        [[log_end, events_end]] = connection.execute(
            "SELECT (SELECT max(rowid) FROM annotations), (SELECT max(rowid) FROM events)"
        ).fetchall()
        touched = connection.execute(
            "SELECT DISTINCT transcript FROM annotations NOT INDEXED WHERE rowid > ? AND rater = ? AND round = ? UNION"
            " SELECT DISTINCT transcript FROM events NOT INDEXED WHERE rowid > ? AND rater = ? AND round = ? AND transcript IS NOT NULL",
            (log_to, queue.rater, queue.round, events_to, queue.rater, queue.round),
        ).fetchall()
        for (key,) in touched:
            line = find(store, queue, key)
            if line is not None and line.state != "out":
                _derive(store, queue, key)
        connection.execute(
            "UPDATE queues SET log_to = ?, events_to = ? WHERE key = ?", (log_end or 0, events_end or 0, queue.key)
        )


def _serve_stale_again(store: Store, queue: Queue, rubric: Rubric) -> None:
    """After an edit of the rubric: what was submitted with an answer to an older definition, or before a label existed."""
    with store.writing() as connection:
        [[digest]] = connection.execute("SELECT rubric_digest FROM queues WHERE key = ?", (queue.key,)).fetchall()
        if digest == rubric.digest:
            return
        old = stored_rubric(store, digest)
        known = None if old is None else {label.id: label.digest for label in old.labels}
        for label in rubric.labels:
            if not label.required or (known is not None and known.get(label.id) == label.digest):
                continue
            only = "" if known is not None and label.id not in known else f" AND transcript IN ({_ANSWERED_OTHERWISE})"
            connection.execute(
                f"UPDATE queue_items SET state = 'stale', todo = 1 WHERE queue = :queue AND state = 'done'{only}",
                {
                    "queue": queue.key,
                    "rater": queue.rater,
                    "round": queue.round,
                    "rubric": queue.rubric,
                    "label": label.id,
                    "digest": label.digest,
                },
            )
        connection.execute("UPDATE queues SET rubric_digest = ? WHERE key = ?", (rubric.digest, queue.key))


_ANSWERED_OTHERWISE = (
    "SELECT a.transcript FROM annotations a JOIN labels l ON l.key = a.label WHERE a.view IS NOT NULL AND a.rater = :rater"
    " AND a.round = :round AND l.rubric = :rubric AND l.label = :label AND l.label_digest <> :digest AND NOT EXISTS"
    " (SELECT 1 FROM annotations n WHERE n.transcript = a.transcript AND n.question = a.question AND n.message = a.message"
    " AND n.rater = a.rater AND n.round = a.round AND n.id > a.id)"
)


def _derive(store: Store, queue: Queue, transcript: int) -> None:
    """How a transcript stands, from the log. `stale` is kept until it is submitted again."""
    connection = store.connection
    last = connection.execute(
        "SELECT kind FROM events WHERE transcript = ? AND rater = ? AND round = ? AND kind IN ('submit', 'reopen', 'skip')"
        " AND json_extract(data, '$.rubric') = ? ORDER BY id DESC LIMIT 1",
        (transcript, queue.rater, queue.round, queue.rubric),
    ).fetchone()
    flag = connection.execute(
        "SELECT kind FROM events WHERE transcript = ? AND rater = ? AND round = ? AND kind IN ('flag', 'unflag')"
        " AND json_extract(data, '$.rubric') = ? ORDER BY id DESC LIMIT 1",
        (transcript, queue.rater, queue.round, queue.rubric),
    ).fetchone()
    said = connection.execute(
        "SELECT 1 FROM annotations a JOIN labels l ON l.key = a.label WHERE a.transcript = :transcript AND a.rater = :rater"
        " AND a.round = :round AND l.rubric = :rubric UNION ALL SELECT 1 FROM events WHERE transcript = :transcript"
        " AND rater = :rater AND round = :round AND kind IN ('submit', 'reopen', 'skip', 'flag', 'unflag', 'note')"
        " AND json_extract(data, '$.rubric') = :rubric LIMIT 1",
        {"transcript": transcript, "rater": queue.rater, "round": queue.round, "rubric": queue.rubric},
    ).fetchone()
    state = {"submit": "done", "skip": "skipped"}.get(last[0] if last else "", "open" if said else "new")
    connection.execute(
        "UPDATE queue_items SET state = CASE WHEN state = 'stale' THEN state ELSE ? END,"
        " todo = CASE WHEN state = 'stale' THEN 1 ELSE ? END, flagged = ? WHERE queue = ? AND transcript = ?",
        (state, int(state in TO_DO), int(bool(flag) and flag[0] == "flag"), queue.key, transcript),
    )
