"""Agreement of a large project: a million blind ratings in a database, read, sorted out and measured.

    python benchmarks/agreement_store.py [--database FILE]

10,000 transcripts of 20 rated messages, five raters. The database is made first (a minute) and kept where FILE is given.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from grader.agreement import Design, krippendorff_alpha
from grader.reports.agreement import agreement_document
from grader.reports.answers import collect, label_ratings
from grader.rubric import load_rubric
from grader.store import Selection, Store, open_store
from grader.store import measured as stored
from grader.store.annotation_log import _INSERT, _rater_key
from grader.store.database import new_ids, now
from grader.store.transcripts import add_transcript
from grader.transcript import Block, Message, Transcript, renumber, transcript_digest

TRANSCRIPTS, MESSAGES, RATERS = 10_000, 20, 5
LABEL = "threat"


def made(path: Path) -> None:
    """The database. Values as people give them: one in ten present, and one answer in twenty another than the truth."""
    rubric = load_rubric("agentic-misalignment")
    generator = np.random.default_rng(0)
    with open_store(path) as store:
        keys = []
        for number in range(TRANSCRIPTS):
            messages = renumber([Message(0, "assistant", (Block("text", f"run {number}"),))])
            run = Transcript(f"run-{number:05}", transcript_digest(messages), f"run-{number}.json", "chat", messages)
            keys.append(add_transcript(store, run, path=run.source, own_id=True).key)
        label = _label_key(store, rubric)
        raters = [_rater_key(store, f"human:rater{number}") for number in range(RATERS)]
        truth = generator.random((TRANSCRIPTS, MESSAGES)) < 0.1
        for start in range(0, TRANSCRIPTS, 100):
            with store.writing() as connection:
                connection.executemany(
                    _INSERT, _rows(keys[start : start + 100], truth[start : start + 100], raters, label, generator)
                )


def _label_key(store: Store, rubric: Any) -> tuple[int, int]:
    from grader.annotation import Annotation
    from grader.store.annotation_log import _label_keys

    label = rubric.label(LABEL)
    item = Annotation(
        transcript="", transcript_digest="", label=LABEL, value="absent", rater="human:rater0", rubric=rubric.id,
        rubric_digest=rubric.digest, label_digest=label.digest,
    )  # fmt: skip
    with store.writing():
        return _label_keys(store, item)


def _rows(
    keys: list[int], truth: Any, raters: list[int], label: tuple[int, int], generator: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    created = now()
    ids = iter(new_ids(len(keys) * MESSAGES * len(raters)))
    # a person reads transcript by transcript, so their rows lie together
    for rater in raters:
        other = generator.random((len(keys), MESSAGES)) < 0.05
        for place, key in enumerate(keys):
            for message in range(MESSAGES):
                value = "present" if truth[place, message] != other[place, message] else "absent"
                yield (
                    next(ids), key, label[1], message + 1, rater, "main", label[0], value, None, None, "blind", None,
                    created, None, None, '{"action":"set","active_ms":2000}',
                )  # fmt: skip


def seconds(work: Callable[[], Any], runs: int) -> float:
    """Median CPU seconds."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def main(path: Path, runs: int) -> None:
    if not path.exists():
        made(path)
    rubric = load_rubric("agentic-misalignment")
    with open_store(path) as store:
        ratings = TRANSCRIPTS * MESSAGES * RATERS
        query = seconds(lambda: list(stored.people_codes(store, rubric, Selection()).rows), runs)
        answers = collect(store, rubric, Selection())
        reading = seconds(lambda: collect(store, rubric, Selection()), runs)
        label = rubric.label(LABEL)
        table, _ = label_ratings(answers, label)
        assert len(table.item) == ratings, len(table.item)
        sorting = seconds(lambda: label_ratings(answers, label), runs)
        alpha = seconds(lambda: krippendorff_alpha(table, Design()), runs)

        whole = seconds(lambda: agreement_document(store, rubric, labels=[LABEL]), max(1, runs // 2))
    print(f"{ratings:,} ratings in the database, medians of {runs}, CPU seconds")
    print(f"  the query alone {query:.2f}, collected {reading:.2f} (goal < 1.5), as ratings of the label {sorting:.2f}")
    print(f"  alpha with 1000 clustered replicates {alpha:.2f} (goal < 1)")
    print(f"  the whole document, every coefficient, pair and interval {whole:.2f}")
    print(f"  peak of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        main(arguments.database or Path(folder) / "large.db", arguments.runs)
