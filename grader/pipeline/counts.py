"""How many items have which value: by the judge where it answered, else by the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

import msgspec

from grader.rubric import Rubric
from grader.store import Store
from grader.store.rollup import latest_judge, standings

__all__ = ["LabelCount", "count_values"]


class LabelCount(msgspec.Struct):
    """The items of one label, as one kind of rater (or the judge, else the rules) sees them."""

    items: int = 0
    """In-scope messages, or transcripts."""
    values: dict[str, int] = msgspec.field(default_factory=dict)
    """Value → items; unsure included, unanswered items left out."""

    @property
    def answered(self) -> int:
        return sum(self.values.values())


def count_values(
    store: Store, rubric: Rubric, keys: Sequence[int], kind: str | None = None, *, judge: str | None = None
) -> dict[str, LabelCount]:
    """Counts per label over the transcripts with `keys`, every declared value listed (0 where nobody gave it).

    `kind`: only raters of that kind (rules, judge, human, adjudicator); None: each item by the judge's value, else the
    rules'. Of several judges `judge`, else the one that answered last; of several people the latest answer.
    """
    order = ("rules", "judge") if kind is None else (kind,)
    counts = {label.id: LabelCount(values=dict.fromkeys(label.values, 0)) for label in rubric.labels}
    judge = judge or (latest_judge(store, rubric) if "judge" in order else None)
    found = (one for one in standings(store, rubric, keys, kinds=order) if one.kind != "judge" or one.rater == judge)
    for _, of_transcript in groupby(found, key=attrgetter("transcript_key")):
        merged: dict[str, tuple[int, dict[int, str]]] = {}
        for standing in sorted(of_transcript, key=lambda one: order.index(one.kind)):
            items, values = merged.get(standing.label, (0, {}))
            merged[standing.label] = (max(items, standing.items), values | standing.values)
        for label, (items, values) in merged.items():
            count = counts[label]
            count.items += items
            for value, number in Counter(values.values()).items():
                count.values[value] = count.values.get(value, 0) + number
    return counts
