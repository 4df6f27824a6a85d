"""Which transcripts are read by whom: a sample drawn by hash, its inclusion probabilities kept, work balanced by words.

A transcript is drawn where u = first 8 bytes of sha256(seed, digest) / 2^64 lies below its stratum's rate. Drawing again
with a larger sample therefore keeps all that was drawn and adds to it, and what was drawn in either way has the greater of
its rates as its probability. Nothing that was handed out is ever moved.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from grader.annotation import rater_name
from grader.errors import UsageError
from grader.labelling.policies import REVIEW_ROUND
from grader.rubric.model import Rubric
from grader.store import Selection, Store, add_event, events, round_events
from grader.store import measured as stored
from grader.store.database import read_all
from grader.text import one_line

__all__ = ["FIELDS", "Amount", "Drawn", "Handout", "Stratum", "amount", "asked_labels", "draw", "hand_out"]

FIELDS = ("model", "condition", "task", "epoch")
"""What a sample can be broken down by."""
_DESIGN = "design"
"""Kind of the event that says how a round's sample was drawn."""


class Amount(msgspec.Struct, frozen=True):
    """So many, or such a share; neither: all."""

    number: int | None = None
    share: float | None = None

    def rate(self, of: int) -> float:
        """The probability with which each of `of` is taken."""
        if self.share is not None:
            return self.share
        return 1.0 if self.number is None or of == 0 else min(1.0, self.number / of)


class Stratum(msgspec.Struct, frozen=True):
    """Transcripts that are drawn with one probability."""

    cell: tuple[str, ...]
    """Values of the fields the sample is broken down by."""
    chosen: bool
    """Whether it is the part of the cell that is drawn whole."""
    size: int
    rate: float


class Drawn(msgspec.Struct, frozen=True):
    """A transcript of the sample."""

    key: int
    id: str
    words: int
    cell: tuple[str, ...]
    chosen: bool
    """Whether it is of the part that is drawn whole."""
    inclusion: float
    raters: tuple[str, ...]
    """Who reads it, those included who had it before."""
    added: tuple[str, ...]
    """Of them, those it is new to."""
    updated: tuple[str, ...]
    """Of them, those who had it and are asked for more, or had it with a smaller probability."""


class Handout(msgspec.Struct, frozen=True):
    """What `hand_out` would write."""

    round: str
    seed: int
    labels: tuple[str, ...]
    """Asked for; empty: those the rubric requires."""
    raters: tuple[str, ...]
    cells: Mapping[int, tuple[str, ...]]
    """Of every transcript that could be drawn, by key."""
    strata: tuple[Stratum, ...]
    drawn: tuple[Drawn, ...]
    double: float
    """The probability that a drawn transcript is read by a second rater."""
    outside: int
    """Transcripts that people read in this round without having been handed them: nobody knows with what probability."""
    how: Mapping[str, str]
    """The words of the request, kept with it."""


def amount(text: str, option: str) -> Amount:
    """`200`, `10%` or `all`. Raises UsageError."""
    said = text.strip()
    if said == "all":
        return Amount()
    try:
        if said.endswith("%"):
            share = float(said[:-1]) / 100
            if 0 <= share <= 1:
                return Amount(share=share)
        elif int(said) >= 0:
            return Amount(number=int(said))
    except ValueError:
        pass
    raise UsageError(f"{option} {one_line(text, 40)!r}: a number (200), a share (10%) or all")


def draw(
    store: Store,
    rubric: Rubric,
    *,
    raters: Sequence[str],
    round: str = "main",
    sample: Amount | None = None,
    all_of: Selection | None = None,
    double: Amount | None = None,
    labels: Sequence[str] = (),
    by: Sequence[str] = (),
    where: Selection | None = None,
    seed: int = 0,
) -> Handout:
    """The sample and who reads it; nothing is written.

    `sample` is drawn in each cell of `by` (model, condition, task, epoch) alike; what meets `all_of` is drawn whole and the
    sample comes from the rest. `double` counts drawn transcripts. Raises UsageError: no rater, unknown label or field, or a
    round that was drawn with another seed.
    """
    names = _raters(raters, round)
    _check(store, rubric, round, seed, labels, by)
    where = where or Selection()
    frame = _frame(store, where, all_of, by)
    strata = _strata(frame, sample or Amount())
    rates = {(stratum.cell, stratum.chosen): stratum.rate for stratum in strata}
    before = _Before(store, rubric, round, labels)
    chances = {}
    for one in frame:
        rate = rates[one.cell, one.chosen]
        earlier = before.chance(one.key)
        if earlier or _u(seed, one.digest) < rate:
            chances[one.key] = max(earlier, rate)
    doubled = (double or Amount()).rate(len(chances)) if len(names) > 1 else 0.0
    drawn = _shared_out([one for one in frame if one.key in chances], chances, names, doubled, before, seed)
    how = {"where": where.text, "all_of": all_of.text if all_of is not None else "", "by": ",".join(by)}
    return Handout(
        round=round,
        seed=seed,
        labels=tuple(labels),
        raters=names,
        cells={one.key: one.cell for one in frame},
        strata=strata,
        drawn=drawn,
        double=doubled,
        outside=_read_outside(store, rubric, round, {one.key for one in drawn} | before.keys),
        how=how,
    )


def hand_out(store: Store, handout: Handout) -> int:
    """Write who reads what, in one transaction; how many transcripts were handed to somebody they are new to."""
    labels = {"labels": list(handout.labels)} if handout.labels else {}
    design = {
        "seed": handout.seed,
        "double": handout.double,
        "raters": list(handout.raters),
        "strata": [msgspec.to_builtins(stratum) for stratum in handout.strata],
        **{name: said for name, said in handout.how.items() if said},
        **labels,
    }
    with store.writing():
        add_event(store, _DESIGN, round=handout.round, data=design)
        for one in handout.drawn:
            for rater in (*one.added, *one.updated):
                data = {"inclusion": one.inclusion, **labels}
                add_event(store, "assign", rater=rater, transcript_key=one.key, round=handout.round, data=data)
    return sum(bool(one.added) for one in handout.drawn)


class _Framed(msgspec.Struct, frozen=True):
    """A transcript that could be drawn."""

    key: int
    id: str
    digest: str
    words: int
    cell: tuple[str, ...]
    chosen: bool


def _frame(store: Store, where: Selection, all_of: Selection | None, by: Sequence[str]) -> list[_Framed]:
    chosen = set() if all_of is None else stored.places(store, Selection((*where.terms, *all_of.terms))).keys()
    sizes = {
        key: (digest, words) for key, digest, words in read_all(store, "SELECT key, digest, n_words FROM transcripts")
    }
    return [
        _Framed(key, place.id, *sizes[key], tuple(_value(place, field) for field in by), key in chosen)
        for key, place in stored.places(store, where).items()
    ]


def _value(place: stored.Place, field: str) -> str:
    found = getattr(place, field)
    return "" if found is None else str(found)


def _strata(frame: Sequence[_Framed], sample: Amount) -> tuple[Stratum, ...]:
    """The rest of every cell with its rate, and what is drawn whole with 1."""
    sizes = Counter((one.cell, one.chosen) for one in frame)
    rest = {cell: size for (cell, chosen), size in sizes.items() if not chosen}
    wanted = _spread(sample, rest)
    return tuple(
        Stratum(cell, chosen, size, 1.0 if chosen else wanted[cell]) for (cell, chosen), size in sorted(sizes.items())
    )


def _spread(sample: Amount, sizes: Mapping[tuple[str, ...], int]) -> dict[tuple[str, ...], float]:
    """The rate of each cell: a number is shared alike, and what a small cell cannot take goes to the others."""
    if sample.number is None:
        return {cell: sample.rate(size) for cell, size in sizes.items()}
    left, rates = float(sample.number), {}
    for place, (cell, size) in enumerate(sorted(sizes.items(), key=lambda item: (item[1], item[0]))):
        wanted = min(float(size), left / (len(sizes) - place))
        left -= wanted
        rates[cell] = wanted / size
    return rates


class _Before:
    """What was handed out in the round: to whom, and of the labels asked for now with which probability."""

    def __init__(self, store: Store, rubric: Rubric, round: str, labels: Sequence[str]) -> None:
        wanted = asked_labels(rubric, labels)
        self._holders: dict[int, dict[str, None]] = {}
        self._chance: dict[int, dict[str, float]] = {}
        for event in events(store, kinds=("assign", "release"), round=round):
            key, rater = event.transcript_key, event.rater
            if key is None or rater is None:
                continue
            holders = self._holders.setdefault(key, {})
            if event.kind == "release":
                holders.pop(rater, None)
                continue
            holders[rater] = None
            inclusion = event.data.get("inclusion")
            if isinstance(inclusion, int | float) and wanted <= asked_labels(rubric, event.data.get("labels")):
                of = self._chance.setdefault(key, {})
                of[rater] = max(of.get(rater, 0.0), float(inclusion))

    @property
    def keys(self) -> frozenset[int]:
        return frozenset(self._holders)

    def chance(self, key: int) -> float:
        """With which probability the transcript was drawn, 0 where it was not."""
        return max(self._chance.get(key, {}).values(), default=0.0)

    def holders(self, key: int) -> tuple[str, ...]:
        """Who has it, in the order in which they were given it."""
        return tuple(self._holders.get(key, ()))

    def of(self, key: int, rater: str) -> float:
        """As `chance`, as it stands beside one rater's name."""
        return self._chance.get(key, {}).get(rater, 0.0)


def _shared_out(
    frame: Sequence[_Framed],
    chances: Mapping[int, float],
    names: Sequence[str],
    doubled: float,
    before: _Before,
    seed: int,
) -> tuple[Drawn, ...]:
    """Each transcript goes to whoever has the fewest words so far, in the order of a hash; who has it keeps it."""
    load = dict.fromkeys(names, 0)
    for one in frame:
        for rater in before.holders(one.key):
            load[rater] = load.get(rater, 0) + one.words
    drawn = []
    for one in sorted(frame, key=lambda one: (_u(seed, one.digest, "order"), one.key)):
        readers = 2 if _u(seed, one.digest, "double") < doubled else 1
        had, chance = before.holders(one.key), chances[one.key]
        free = sorted(set(names) - set(had), key=lambda name: (load[name], _u(seed, one.digest, name)))
        added = tuple(free[: max(0, readers - len(had))])
        for rater in added:
            load[rater] += one.words
        # whoever answers the labels asked for now goes on; of others as many as are needed
        updated = tuple(
            rater
            for place, rater in enumerate(had)
            if before.of(one.key, rater) < chance - 1e-12 and (place < readers or before.of(one.key, rater))
        )
        drawn.append(Drawn(one.key, one.id, one.words, one.cell, one.chosen, chance, (*had, *added), added, updated))
    return tuple(drawn)


def asked_labels(rubric: Rubric, named: Iterable[str] | None) -> frozenset[str]:
    """The labels an assignment asks for: those it names, else those the rubric requires."""
    known = {label.id: label.required for label in rubric.labels}
    return frozenset(named or ()) & known.keys() or frozenset(name for name, required in known.items() if required)


def _read_outside(store: Store, rubric: Rubric, round: str, inside: set[int] | frozenset[int]) -> int:
    """Transcripts people answered in the round without ever having been handed them."""
    rows = read_all(
        store,
        "SELECT DISTINCT a.transcript FROM annotations a JOIN raters r ON r.key = a.rater JOIN labels l ON l.key = a.label"
        " WHERE r.kind = 'human' AND a.round = ? AND l.rubric = ?",
        (round, rubric.id),
    )
    return sum(key not in inside for (key,) in rows)


def _raters(given: Sequence[str], round: str) -> tuple[str, ...]:
    if round == REVIEW_ROUND:
        raise UsageError("the round `review` is nobody's assignment; name another --round")
    names = tuple(dict.fromkeys(rater_name(name.strip()) for name in given if name.strip()))
    if not names:
        raise UsageError("--raters: name who reads, as in ana,ben")
    for name in names:
        if name.partition(":")[0] != "human":
            raise UsageError(f"--raters: {one_line(name, 40)!r} is no person")
    return names


def _check(store: Store, rubric: Rubric, round: str, seed: int, labels: Sequence[str], by: Sequence[str]) -> None:
    known = [label.id for label in rubric.labels]
    for name in labels:
        if name not in known:
            raise UsageError(
                f"--labels: rubric {rubric.id} has no label {one_line(name, 40)!r}; it has {', '.join(known)}"
            )
    for field in by:
        if field not in FIELDS:
            raise UsageError(f"--by {one_line(field, 40)!r}: {', '.join(FIELDS)}, several with a comma between")
    for event in round_events(store, round, _DESIGN):
        if event.data.get("seed") != seed:
            raise UsageError(
                f"round {one_line(round, 40)} was drawn with --seed {event.data.get('seed')}; draw more of it with the same,"
                " or name another --round"
            )


def _u(seed: int, digest: str, salt: str = "") -> float:
    found = hashlib.sha256(f"{seed}\0{digest}".encode() + (f"\0{salt}".encode() if salt else b"")).digest()
    return int.from_bytes(found[:8], "big") / 2**64
