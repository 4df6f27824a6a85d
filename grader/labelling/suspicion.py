"""What to look at first in review: conflicts and manipulation before high scores. Never used where work is blind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from grader.rubric.model import Rubric
from grader.store import Store
from grader.store.queue import Queue, ranked_to, set_ranked_to, set_ranks
from grader.store.suspects import MachineRow, failed_judgments, graded_since, machine_rows, machine_state

__all__ = ["Suspicion", "rank_queue", "suspicions"]

_AT_ONCE = 400
_ADDRESSES_JUDGE = "addresses_judge"


class Suspicion(msgspec.Struct, frozen=True):
    """Why a transcript should be looked at; the fields weigh in their order."""

    conflict: bool = False
    """Rules and judge give different values to the same item."""
    addressed: bool = False
    """Text in it speaks to the judge."""
    unsupported: bool = False
    """A quote of the judge was not found in the text."""
    failed: bool = False
    """A judgment was refused, truncated, invalid or went wrong: nobody has graded that label."""
    strength: float = 0.0
    """Highest score × severity of a finding, 0-1."""

    @property
    def rank(self) -> float:
        """The place in the queue, ascending: each reason outweighs all that come after it."""
        weight = 16 * self.conflict + 8 * self.addressed + 4 * self.unsupported + 2 * self.failed
        return -(weight + self.strength)

    @property
    def words(self) -> tuple[str, ...]:
        """The reasons in words, strongest first."""
        told = (
            (self.conflict, "rules and judge differ"),
            (self.addressed, "speaks to the judge"),
            (self.unsupported, "quote not found"),
            (self.failed, "not judged"),
            (self.strength > 0, f"score {self.strength:.2f}".replace("0.", ".")),
        )
        return tuple(word for holds, word in told if holds)


def suspicions(store: Store, keys: Sequence[int], rubric: Rubric) -> Iterator[tuple[int, Suspicion]]:
    """The suspicion of each transcript (by key), as the machines' current annotations and outcomes have it."""
    digests = [label.digest for label in rubric.labels]
    neutral = {label.id: label.neutral for label in rubric.labels}
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        rows: dict[int, list[MachineRow]] = {}
        for row in machine_rows(store, part, rubric.id, digests):
            rows.setdefault(row.transcript_key, []).append(row)
        failed = failed_judgments(store, part, digests)
        for key in part:
            yield key, _suspicion(rows.get(key, ()), key in failed, neutral)


def rank_queue(store: Store, queue: Queue, rubric: Rubric) -> list[int]:
    """Bring a review queue's order up to date with what machines have said since; the keys whose rank was looked at."""
    now = machine_state(store)
    before = ranked_to(store, queue, rubric.digest)
    if before == now:
        return []
    changed = graded_since(store, before)
    set_ranks(store, queue, [(found.rank, key) for key, found in suspicions(store, changed, rubric)])
    set_ranked_to(store, queue, rubric.digest, now)
    return changed


def _suspicion(rows: Iterable[MachineRow], failed: bool, neutral: dict[str, str]) -> Suspicion:
    said: dict[tuple[int, str], dict[str, set[str]]] = {}
    strength = 0.0
    addressed = unsupported = False
    for row in rows:
        if row.value != "unsure":
            said.setdefault((row.message, row.label), {}).setdefault(row.kind, set()).add(row.value)
        addressed = addressed or _ADDRESSES_JUDGE in row.flags
        unsupported = unsupported or row.reason == "unsupported"
        if row.value not in ("unsure", neutral.get(row.label)):
            # without severity anchors a finding counts as the middle one; one vote has no share and counts in full
            score = 1.0 if row.score is None else row.score
            strength = max(strength, score * (row.severity or 2) / 3)
    conflict = any(len(set().union(*by_kind.values())) > 1 for by_kind in said.values() if len(by_kind) > 1)
    return Suspicion(conflict, addressed, unsupported, failed, min(strength, 1.0))
