"""People's first values as arrays: the last blind row of each item, label and round, a million of them in seconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grader.agreement.weights import Ints
from grader.annotation import UNSURE
from grader.rubric import Label, Rubric
from grader.store import Selection, Store
from grader.store import measured as stored
from grader.store.measured import MESSAGE_BITS

__all__ = ["Firsts", "Item", "People", "read_firsts"]

Item = tuple[int, int]
"""Transcript key and message, 0 for the transcript as a whole."""
TAKEN_BACK = -1
_RATER, _ROUND = (1 << 18) - 1, (1 << 10) - 1
_OTHER = ""
"""Stands for every value that is on no menu."""


@dataclass(frozen=True, slots=True)
class People:
    """First values of one label, ordered by item and rater. Parallel arrays."""

    label: Label
    keys: Ints
    """The item as one number."""
    raters: Ints
    """Keys of raters in the store."""
    codes: Ints
    """Position in the label's values; unsure is one past them."""
    rows: Ints
    """Row of the log."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def transcripts(self) -> Ints:
        return self.keys >> MESSAGE_BITS

    @property
    def values(self) -> tuple[str, ...]:
        """What `codes` count in."""
        return (*self.label.values, UNSURE)

    @property
    def unsure(self) -> int:
        """How many answered so."""
        return int((self.codes == len(self.label.values)).sum())

    def each(self) -> Iterator[tuple[Item, int, str, int]]:
        """(item, rater, value, row), one after the other."""
        values = self.values
        for item, rater, code, row in zip(
            items_of(self.keys), self.raters.tolist(), self.codes.tolist(), self.rows.tolist(), strict=True
        ):
            yield item, rater, values[code], row


@dataclass(frozen=True, slots=True)
class Firsts:
    """First values of all labels and rounds. Parallel arrays, one row an item, label, rater and round."""

    keys: Ints
    label: Ints
    """Position in the rubric; of any version of the label."""
    present: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    """Whether it answers the present wording."""
    rater: Ints
    round: Ints
    """Position in `rounds`."""
    value: Ints
    """Position in `values`, or `TAKEN_BACK`."""
    row: Ints
    rounds: tuple[str, ...]
    values: tuple[str, ...]
    shown: bool
    """Whether people gave values with machine labels in view, too; they are not in here."""
    marked: bool
    """Whether any value has spans."""

    def people(self, label: Label, position: int, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> People:
        """The chosen rows of one label, whose values are all on its menu or unsure."""
        menu = {value: code for code, value in enumerate((*label.values, UNSURE))}
        code = np.array([menu.get(value, TAKEN_BACK) for value in self.values], dtype=np.int64)
        kept = np.flatnonzero(chosen & (self.label == position))
        order = kept[_ordered((self.keys[kept], self.rater[kept]))]
        return People(label, self.keys[order], self.rater[order], code[self.value[order]], self.row[order])


def items_of(keys: Ints) -> list[Item]:
    """The items numbers stand for."""
    return list(zip((keys >> MESSAGE_BITS).tolist(), (keys & ((1 << MESSAGE_BITS) - 1)).tolist(), strict=True))


def key_of(item: Item) -> int:
    """The number of an item; order is kept."""
    return item[0] << MESSAGE_BITS | item[1]


def read_firsts(
    store: Store, rubric: Rubric, where: Selection, versions: Mapping[int, tuple[str, bool]], transcripts: Sequence[int]
) -> Firsts:
    """The first values of people in these transcripts."""
    position = {label.id: index for index, label in enumerate(rubric.labels)}
    read = stored.people_codes(store, rubric, where)
    try:
        keys, rows, coded = np.fromiter(read.rows, dtype=np.int64).reshape(-1, 3).T
    except sqlite3.Error as error:
        raise store.explain(error) from error
    blind = rows & 1 == 0
    shown, marked, rows = not bool(blind.all()), bool((rows & 2).any()), rows >> 2
    people = [key for key, name in stored.rater_names(store).items() if name.startswith("human:")]
    top = max(versions, default=0) + 1
    of_label, current = np.full(top, -1, dtype=np.int64), np.zeros(top, dtype=bool)
    for key, (name, present) in versions.items():
        of_label[key], current[key] = position[name], present
    version, rater = coded >> 36, coded >> 18 & _RATER
    kept = blind & _among(transcripts, keys >> MESSAGE_BITS) & _among(list(versions), version) & _among(people, rater)
    if not kept.all():
        keys, rows, coded, version, rater = (part[kept] for part in (keys, rows, coded, version, rater))
    value = coded & 255
    value[value == stored.TAKEN_BACK] = TAKEN_BACK
    last = _last(store, rows, (keys, of_label[version], rater, coded >> 8 & _ROUND))
    return Firsts(
        keys=keys[last],
        label=of_label[version[last]],
        present=current[version[last]],
        rater=rater[last],
        round=coded[last] >> 8 & _ROUND,
        value=value[last],
        row=rows[last],
        rounds=read.rounds,
        values=(*read.values, _OTHER),
        shown=shown,
        marked=marked,
    )


def _among(wanted: Sequence[int], found: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which of `found` are wanted: keys are small, so a table answers."""
    table = np.zeros(1 + max(int(found.max(initial=0)), max(wanted, default=0)), dtype=bool)
    table[list(wanted)] = True
    chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = table[found]
    return chosen


def _last(store: Store, rows: Ints, columns: tuple[Ints, ...]) -> Ints:
    """Where the rows to keep are, ordered by `columns`: of several equal in all of them the one with the greatest id.

    The greatest row will not do: rows may come from merged databases.
    """
    order = _ordered(columns)
    same = np.ones(max(0, len(order) - 1), dtype=bool)
    for column in columns:
        ordered = column[order]
        same &= ordered[1:] == ordered[:-1]
    if not same.any():
        return order
    starts = np.flatnonzero(np.concatenate([[True], ~same]))
    ends = np.append(starts[1:], len(order))
    several = np.flatnonzero(ends - starts > 1)
    groups = [(int(starts[place]), int(ends[place])) for place in several]
    ids = stored.row_ids(store, [int(row) for low, high in groups for row in rows[order[low:high]]])
    kept = order[starts]
    for place, (low, high) in zip(several.tolist(), groups, strict=True):
        kept[place] = max(order[low:high].tolist(), key=lambda at: ids[int(rows[at])])
    return kept


def _ordered(columns: tuple[Ints, ...]) -> Ints:
    """Their lexical order; as one number a row where that has room, which sorts five times faster."""
    widths = [int(column.max(initial=0)).bit_length() for column in columns]
    if sum(widths) > 62:
        return np.lexsort(columns[::-1])
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column, width in zip(columns, widths, strict=True):
        key = key << width | column
    return np.argsort(key, kind="stable")
