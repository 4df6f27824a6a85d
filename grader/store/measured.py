"""What agreement and rates are computed from, as plain rows: people's first values, machines' values, votes, samples drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any, NamedTuple

from grader.annotation import UNSURE
from grader.errors import StoreError
from grader.rubric.model import Rubric
from grader.store.database import Store, read_all
from grader.store.selection import Selection

__all__ = [
    "PeopleCodes", "JudgeVote", "MachineValue", "Place", "active_seconds", "active_span", "assignments", "blind_days", "blind_rounds", "people_codes", "blind_spans", "asked_of_judges", "final_values", "judge_vote_values",
    "label_versions", "machine_values", "people_now", "places", "policies", "rater_names", "reveals", "row_created", "row_ids", "scanned_labels", "seen_counts", "skips", "tuned",    "pace_by_week",
]  # fmt: skip


MESSAGE_BITS = 21
TAKEN_BACK = 255
_MOST_ROUNDS = 1000


class Place(NamedTuple):
    """A transcript, as far as numbers are broken down by it."""

    key: int
    id: str
    model: str | None
    task: str | None
    condition: str | None
    epoch: int | None
    metadata: str
    """JSON."""


class PeopleCodes(NamedTuple):
    """What people said, as integers; of several values for one item, label and round the one with the greatest id counts."""

    rows: Iterator[int]
    """Read while the store is open; raises sqlite3.Error. Three for each value, in no order: transcript << 21 | message
    (0: the transcript as a whole); row << 2 | (it has spans) << 1 | (it was given with machine labels in view); and label version << 36 | rater << 18 | round << 8 | value."""
    rounds: tuple[str, ...]
    """What a round's number stands for."""
    values: tuple[str, ...]
    """What a value's number stands for; len(values): another one; 255: taken back."""


class MachineValue(NamedTuple):
    """What rules or a judge say now; an adjudicator's row has the same shape."""

    transcript: int
    message: int
    label: int
    rater: int
    value: str
    confidence: float | None
    flags: str | None
    """JSON list."""
    created: str


class JudgeVote(NamedTuple):
    """One vote of a judge."""

    transcript: int
    rater: str
    label: str
    message: int
    """0: the transcript as a whole."""
    vote: int
    value: str | None
    confidence: str | None
    """In its own words."""


def places(store: Store, where: Selection) -> dict[int, Place]:
    """The selected transcripts by key."""
    sql, parameters = where.transcript_sql()
    rows = read_all(
        store,
        f"SELECT t.key, t.id, t.model, t.task, t.condition, t.epoch, t.metadata FROM transcripts t WHERE {sql} ORDER BY t.id",
        parameters,
    )
    return {row[0]: Place(*row) for row in rows}


def rater_names(store: Store) -> dict[int, str]:
    """Names by key."""
    return dict(read_all(store, "SELECT key, name FROM raters"))


def label_versions(store: Store, rubric: Rubric) -> dict[int, tuple[str, bool]]:
    """Of the rubric's labels every version answered here: key → (label, whether it is the rubric's present wording)."""
    present = {label.id: label.digest for label in rubric.labels}
    rows = read_all(store, "SELECT key, label, label_digest FROM labels WHERE rubric = ?", (rubric.id,))
    return {key: (label, present[label] == digest) for key, label, digest in rows if label in present}


def people_codes(store: Store, rubric: Rubric, where: Selection) -> PeopleCodes:
    """People's values in every round and under every view; `where` says which raters and labels, not which transcripts.

    A million rows of seven columns with text in them take 2 s to read, of three integers .5 s; sorting them in SQL would
    cost twice that again, so the caller finds the last of each item.
    """
    fitting, parameters = _without(where, "round", "view").annotation_sql()
    joined = " JOIN raters r ON r.key = a.rater JOIN labels l ON l.key = a.label" if parameters else ""
    rounds = tuple(
        str(row[0]) for row in read_all(store, "SELECT DISTINCT round FROM annotations WHERE view IS NOT NULL")
    )
    # in the order of the rubric: SQLite compares from the first, and the usual answers are the rubric's own
    values = tuple(dict.fromkeys([*(value for label in rubric.labels for value in label.values), UNSURE]))
    if len(rounds) > _MOST_ROUNDS or len(values) >= TAKEN_BACK:
        raise StoreError(f"{len(rounds)} rounds and {len(values)} values are more than can be measured at once")
    cursor = store.connection.execute(
        # SQLite gives << and | one precedence.
        f"SELECT (a.transcript << {MESSAGE_BITS}) | a.message,"
        " (a.rowid << 2) | ((a.spans IS NOT NULL) << 1) | (a.view <> 'blind'),"
        f" (a.label << 36) | (a.rater << 18) | ({_coded('a.round', rounds[1:], -1)} + 1 << 8) |"
        f" CASE WHEN a.value IS NULL THEN {TAKEN_BACK} ELSE {_coded('a.value', values, len(values))} END"
        f" FROM annotations a{joined} WHERE a.view IS NOT NULL AND {fitting if parameters else '1'}",
        [*rounds[1:], *values, *parameters],
    )
    # no generator around it: three million turns of one cost a seventh of the time
    return PeopleCodes(chain.from_iterable(cursor), rounds, values)


def _coded(column: str, known: Sequence[str], other: int) -> str:
    """SQL of a column's position among known texts."""
    cases = " ".join(f"WHEN ? THEN {place}" for place in range(len(known)))
    return f"(CASE {column} {cases} ELSE {other} END)" if known else str(other)


def blind_rounds(store: Store, rubric: Rubric) -> list[str]:
    """The rounds in which people answered this rubric blind."""
    rows = read_all(
        store,
        "SELECT DISTINCT round FROM annotations WHERE view = 'blind' AND label IN (SELECT key FROM labels WHERE rubric = ?) ORDER BY 1",
        (rubric.id,),
    )
    return [str(row[0]) for row in rows]


def row_ids(store: Store, rows: Sequence[int]) -> dict[int, str]:
    """The time-ordered ids of rows."""
    found: dict[int, str] = {}
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        found.update(read_all(store, f"SELECT rowid, id FROM annotations WHERE rowid IN ({_marks(part)})", part))
    return found


def row_created(store: Store, rows: Sequence[int]) -> dict[int, str]:
    """When rows were written."""
    found: dict[int, str] = {}
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        found.update(read_all(store, f"SELECT rowid, created FROM annotations WHERE rowid IN ({_marks(part)})", part))
    return found


def blind_days(store: Store, raters: Mapping[str, tuple[str, str]]) -> dict[int, str]:
    """Row → the day it was written, of all blind rows; empty where the raters' spans of activity lie within one week."""
    if len({_week(day) for span in raters.values() for day in span}) < 2:
        return {}
    return dict(read_all(store, "SELECT rowid, substr(created, 1, 10) FROM annotations WHERE view = 'blind'"))


def blind_spans(store: Store) -> dict[int, str]:
    """Row → its spans as JSON, of all blind rows that have any."""
    return dict(read_all(store, "SELECT rowid, spans FROM annotations WHERE view = 'blind' AND spans IS NOT NULL"))


def active_span(store: Store, rubric: Rubric) -> dict[str, tuple[str, str]]:
    """Rater → when they first and last said something about the rubric."""
    rows = read_all(
        store,
        "SELECT r.name, min(a.created), max(a.created) FROM annotations a JOIN raters r ON r.key = a.rater"
        " WHERE a.view IS NOT NULL AND a.label IN (SELECT key FROM labels WHERE rubric = ?) GROUP BY a.rater",
        (rubric.id,),
    )
    return {name: (first, last) for name, first, last in rows}


def final_values(store: Store, rubric: Rubric, where: Selection) -> dict[tuple[int, int, str, int, str], str | None]:
    """(transcript, message, label, rater, round) → the last value of any view, for items that were looked at again."""
    inside, parameters = where.transcript_sql()
    rows = read_all(
        store,
        "SELECT a.transcript, a.message, l.label, a.rater, a.round, a.value, max(a.id) FROM annotations a"
        " JOIN raters r ON r.key = a.rater JOIN labels l ON l.key = a.label"
        f" WHERE a.view IS NOT NULL AND r.kind = 'human' AND l.rubric = ? AND a.transcript IN (SELECT t.key FROM transcripts t WHERE {inside})"
        " GROUP BY a.transcript, a.question, a.message, a.rater, a.round HAVING max(a.view = 'revealed') = 1",
        [rubric.id, *parameters],
    )
    return {(key, message, label, rater, round): value for key, message, label, rater, round, value, _ in rows}


def seen_counts(store: Store, rubric: Rubric, where: Selection) -> list[tuple[str, str, str, int]]:
    """(rater, round, view, values that hold) of people's current values given with machine labels in view."""
    inside, parameters = where.transcript_sql()
    rows = read_all(
        store,
        "SELECT r.name, a.round, a.view, count(*) FROM current_annotations a JOIN raters r ON r.key = a.rater"
        " JOIN labels l ON l.key = a.label WHERE a.view IN ('revealed', 'assisted') AND r.kind = 'human' AND l.rubric = ?"
        f" AND a.transcript IN (SELECT t.key FROM transcripts t WHERE {inside}) GROUP BY r.name, a.round, a.view ORDER BY 1, 2, 3",
        [rubric.id, *parameters],
    )
    return [tuple(row) for row in rows]


def machine_values(store: Store, rubric: Rubric, where: Selection, kinds: Sequence[str]) -> list[MachineValue]:
    """What raters of these kinds (rules, judge, adjudicator) say now."""
    if not read_all(store, f"SELECT 1 FROM raters WHERE kind IN ({_marks(kinds)}) LIMIT 1", kinds):
        return []
    inside, parameters = where.transcript_sql()
    rows = read_all(
        store,
        "SELECT a.transcript, a.message, a.label, a.rater, a.value, a.confidence, json_extract(a.more, '$.flags'), a.created"
        " FROM current_annotations a JOIN raters r ON r.key = a.rater JOIN labels l ON l.key = a.label"
        f" WHERE a.value IS NOT NULL AND r.kind IN ({_marks(kinds)}) AND l.rubric = ?"
        f" AND a.transcript IN (SELECT t.key FROM transcripts t WHERE {inside}) ORDER BY a.id",
        [*kinds, rubric.id, *parameters],
    )
    return list(map(MachineValue._make, rows))


def scanned_labels(store: Store, rubric: Rubric, where: Selection) -> dict[int, frozenset[str]]:
    """By transcript the labels its newest scan by this rubric's rules can answer: scanned without a hit is the neutral value."""
    inside, parameters = where.transcript_sql()
    rows = read_all(
        store,
        "SELECT p.transcript, p.answers FROM passes p JOIN raters r ON r.key = p.rater"
        f" WHERE r.name = ? AND p.transcript IN (SELECT t.key FROM transcripts t WHERE {inside}) ORDER BY p.key",
        [f"rules:{rubric.id}", *parameters],
    )
    return {key: frozenset(answers.split()) for key, answers in rows}


def asked_of_judges(store: Store, rubric: Rubric, where: Selection) -> dict[tuple[str, str], dict[int, str]]:
    """(rater, label) → transcript → how the question ended, for the rubric's present wording."""
    inside, parameters = where.transcript_sql()
    present = {label.id: label.digest for label in rubric.labels}
    rows = read_all(
        store,
        "SELECT o.rater, o.label, o.label_digest, o.transcript, o.status FROM judge_outcomes o"
        f" WHERE o.transcript IN (SELECT t.key FROM transcripts t WHERE {inside})",
        parameters,
    )
    found: dict[tuple[str, str], dict[int, str]] = {}
    for rater, label, digest, key, status in rows:
        if present.get(label) == digest:
            found.setdefault((rater, label), {})[key] = status
    return found


def judge_vote_values(store: Store, rubric: Rubric, where: Selection) -> list[JudgeVote]:
    """Every vote on every item, chunks merged, answering the present wording."""
    inside, parameters = where.transcript_sql()
    present = {label.id: label.digest for label in rubric.labels}
    rows = read_all(
        store,
        "SELECT s.transcript, s.rater, s.label, s.message, s.vote, s.value, s.confidence, s.label_digest FROM judge_sheets s"
        f" WHERE s.transcript IN (SELECT t.key FROM transcripts t WHERE {inside})",
        parameters,
    )
    return [JudgeVote(*row[:7]) for row in rows if row[7] == present.get(row[2])]


def assignments(store: Store, where: Selection) -> list[tuple[int, int, str, Mapping[str, Any]]]:
    """(transcript, rater, round, data) of every assignment; `inclusion` in data is the probability it was drawn with."""
    inside, parameters = where.transcript_sql()
    rows = read_all(
        store,
        "SELECT e.transcript, e.rater, e.round, e.data FROM events e WHERE e.kind = 'assign' AND e.transcript IS NOT NULL"
        f" AND e.transcript IN (SELECT t.key FROM transcripts t WHERE {inside}) ORDER BY e.id",
        parameters,
    )
    return [(key, rater, round, json.loads(data)) for key, rater, round, data in rows]


def policies(store: Store, where: Selection, rounds: Sequence[str]) -> dict[int, str]:
    """Transcript → the policy it was given in these rounds, where one was set for it."""
    inside, parameters = where.transcript_sql()
    return dict(
        read_all(
            store,
            f"SELECT transcript, policy FROM policies WHERE round IN ({_marks(rounds)})"
            f" AND transcript IN (SELECT t.key FROM transcripts t WHERE {inside})",
            [*rounds, *parameters],
        )
    )


def people_now(
    store: Store, rubric: Rubric, where: Selection, rounds: Sequence[str]
) -> list[tuple[int, int, int, int, str, float | None]]:
    """(transcript, message, label key, rater, value, active seconds) of what people say now in these rounds, under any view."""
    inside, parameters = where.transcript_sql()
    rows = read_all(
        store,
        "SELECT a.transcript, a.message, a.label, a.rater, a.value, (SELECT sum(json_extract(b.more, '$.active_ms')) / 1000.0"
        " FROM annotations b WHERE b.transcript = a.transcript AND b.question = a.question AND b.message = a.message"
        " AND b.rater = a.rater AND b.round = a.round) FROM current_annotations a JOIN raters r ON r.key = a.rater"
        f" JOIN labels l ON l.key = a.label WHERE r.kind = 'human' AND l.rubric = ? AND a.round IN ({_marks(rounds)})"
        f" AND a.transcript IN (SELECT t.key FROM transcripts t WHERE {inside})",
        [rubric.id, *rounds, *parameters],
    )
    return [tuple(row) for row in rows]


def reveals(store: Store) -> set[tuple[int, int]]:
    """(transcript, rater) of every transcript whose machine labels a person unlocked."""
    rows = read_all(
        store,
        "SELECT DISTINCT transcript, rater FROM events WHERE kind = 'reveal' AND transcript IS NOT NULL AND rater IS NOT NULL",
    )
    return {(row[0], row[1]) for row in rows}


def tuned(store: Store) -> set[int]:
    """Transcripts that served as examples or for tuning a judge: by a `tune` event, or `tune` in their metadata."""
    rows = read_all(
        store,
        "SELECT transcript FROM events WHERE kind = 'tune' AND transcript IS NOT NULL"
        " UNION SELECT key FROM transcripts WHERE json_extract(metadata, '$.tune')",
    )
    return {row[0] for row in rows}


def skips(store: Store, where: Selection) -> int:
    """How often a person skipped a selected transcript and did not come back to it."""
    inside, parameters = where.transcript_sql()
    rows = read_all(
        store,
        "SELECT kind, max(id) FROM events WHERE kind IN ('skip', 'submit', 'reopen') AND transcript IN"
        f" (SELECT t.key FROM transcripts t WHERE {inside}) GROUP BY transcript, rater, round",
        parameters,
    )
    return sum(kind == "skip" for kind, _ in rows)


def active_seconds(store: Store, rubric: Rubric) -> dict[str, float]:
    """Mean active seconds of a person on a `transcript` and on a `message` of one, where the clock ran."""
    [(seconds, messages, transcripts)] = read_all(
        store,
        "SELECT sum(json_extract(a.more, '$.active_ms')) / 1000.0,"
        f" count(DISTINCT (a.rater << 45) | (a.transcript << {MESSAGE_BITS}) | a.message),"
        f" count(DISTINCT (a.rater << 45) | (a.transcript << {MESSAGE_BITS})) FROM annotations a"
        " WHERE a.view IS NOT NULL AND a.rater IN (SELECT key FROM raters WHERE kind = 'human')"
        " AND a.label IN (SELECT key FROM labels WHERE rubric = ?) AND json_extract(a.more, '$.active_ms') IS NOT NULL",
        (rubric.id,),
    )
    if not messages:
        return {}
    return {"transcript": float(seconds) / transcripts, "message": float(seconds) / messages}


def pace_by_week(store: Store, rubric: Rubric) -> list[tuple[str, str, int, float]]:
    """(rater, ISO week, items answered, active seconds) of people, where the clock ran."""
    rows = read_all(
        store,
        "SELECT r.name, substr(a.created, 1, 10), count(DISTINCT a.transcript || ' ' || a.message),"
        " sum(json_extract(a.more, '$.active_ms')) / 1000.0 FROM annotations a JOIN raters r ON r.key = a.rater"
        " JOIN labels l ON l.key = a.label WHERE r.kind = 'human' AND l.rubric = ?"
        " AND json_extract(a.more, '$.active_ms') IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",
        (rubric.id,),
    )
    weeks: dict[tuple[str, str], tuple[int, float]] = {}
    for rater, day, items, seconds in rows:
        year, week = _week(day)
        place = (rater, f"{year}-W{week:02}")
        known = weeks.get(place, (0, 0.0))
        weeks[place] = (known[0] + items, known[1] + seconds)
    return [(rater, week, items, seconds) for (rater, week), (items, seconds) in weeks.items()]


def _week(created: str) -> tuple[int, int]:
    year, week, _ = date.fromisoformat(created[:10]).isocalendar()
    return year, week


def _without(where: Selection, *fields: str) -> Selection:
    return Selection(tuple(term for term in where.terms if term.field not in fields), where.text)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
