"""What a sample will be worth, before anybody reads it: hours a person, and the interval each cell and label can expect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from grader.agreement.planner import items_for_half_width
from grader.agreement.proportions import upper_bound, wilson
from grader.labelling.assignment import Handout, Stratum, asked_labels
from grader.reports.numbers import percent
from grader.reports.terminal import console, plain, table
from grader.rubric import Label, Rubric
from grader.store import Store
from grader.store import measured as stored
from grader.store.rollup import roll_up, standings

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["AssignmentDocument", "assignment_document", "print_assignment"]

_WORDS_A_MINUTE = 200
"""Where no pace was measured: careful reading with labelling in between."""
_KAPPA = 0.6
"""What the sample size for kappa assumes where nothing was measured."""
_MOST_CELLS = 40


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """What falls to one person."""

    rater: str
    transcripts: int
    words: int
    hours: float


class CellForecast(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the sample."""

    key: dict[str, str]
    transcripts: int
    read: int
    double: int
    rates: list[Stratum]
    zero_upper: float
    """What no positive among those read would still allow."""


class LabelForecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the sample says of one label, were the machine right about how often it occurs."""

    label: str
    machine: str | None
    cells: list[dict[str, Any]]
    """key, read, expected (a share), low, high: the expected interval of what people find."""
    positives: float
    """Among the transcripts read, by the machine."""
    doubles: int
    doubles_needed: int | None
    """For kappa within .10 at the machine's share, assuming kappa .6."""


class AssignmentDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What `assign --json` prints."""

    schema: str = "grader/assign/1"
    round: str
    seed: int
    labels: tuple[str, ...]
    by: tuple[str, ...]
    transcripts: int
    drawn: int
    new: int
    double: int
    outside: int
    hours_assumed: bool
    """Whether hours rest on an assumed reading speed because none was measured."""
    raters: list[Reader]
    cells: list[CellForecast]
    forecasts: list[LabelForecast]
    written: bool


def assignment_document(
    store: Store, rubric: Rubric, handout: Handout, by: Sequence[str], *, written: bool
) -> AssignmentDocument:
    """`handout` in numbers; reads what the machine found for the forecasts."""
    cells = list(dict.fromkeys(stratum.cell for stratum in handout.strata))
    names = {cell: dict(zip(by, cell, strict=True)) or {"all": "(all)"} for cell in cells}
    labels = [label for label in rubric.labels if label.id in asked_labels(rubric, handout.labels)]
    readers, assumed = _readers(store, rubric, handout)
    return AssignmentDocument(
        round=handout.round,
        seed=handout.seed,
        labels=tuple(label.id for label in labels),
        by=tuple(by),
        transcripts=sum(stratum.size for stratum in handout.strata),
        drawn=len(handout.drawn),
        new=sum(bool(one.added) for one in handout.drawn),
        double=sum(len(one.raters) > 1 for one in handout.drawn),
        outside=handout.outside,
        hours_assumed=assumed,
        raters=readers,
        cells=[_cell(handout, cell, names[cell]) for cell in cells],
        forecasts=_forecasts(store, rubric, handout, labels, names),
        written=written,
    )


def _readers(store: Store, rubric: Rubric, handout: Handout) -> tuple[list[Reader], bool]:
    pace = stored.active_seconds(store, rubric).get("transcript")
    found = []
    for rater in handout.raters:
        words = [one.words for one in handout.drawn if rater in one.added or rater in one.updated]
        seconds = sum(words) * 60 / _WORDS_A_MINUTE if pace is None else len(words) * pace
        found.append(Reader(rater=rater, transcripts=len(words), words=sum(words), hours=seconds / 3600))
    return found, pace is None


def _cell(handout: Handout, cell: tuple[str, ...], name: dict[str, str]) -> CellForecast:
    strata = [stratum for stratum in handout.strata if stratum.cell == cell]
    size = sum(stratum.size for stratum in strata)
    drawn = [one for one in handout.drawn if one.cell == cell]
    read = {part: sum(one.chosen is part for one in drawn) for part in (False, True)}
    # each part bounds its own share of the cell
    bound = sum(stratum.size / size * upper_bound(read[stratum.chosen]) for stratum in strata)
    return CellForecast(
        key=name,
        transcripts=size,
        read=len(drawn),
        double=sum(len(one.raters) > 1 for one in drawn),
        rates=strata,
        zero_upper=bound,
    )


def _forecasts(
    store: Store,
    rubric: Rubric,
    handout: Handout,
    labels: Sequence[Label],
    names: Mapping[tuple[str, ...], dict[str, str]],
) -> list[LabelForecast]:
    machine, values = _machine_values(store, rubric, labels, list(handout.cells))
    read = Counter(one.cell for one in handout.drawn)
    doubles = sum(len(one.raters) > 1 for one in handout.drawn)
    found = []
    for label in labels:
        said = values.get(label.id, {})
        cells = []
        for cell, name in names.items():
            answered = [said[key] for key, of in handout.cells.items() if of == cell and key in said]
            rate = sum(answered) / len(answered) if answered else None
            low, high = wilson(rate, read[cell]) if rate is not None and read[cell] else (None, None)
            cells.append({"key": name, "read": read[cell], "expected": rate, "low": low, "high": high})
        positives = float(sum(said.get(one.key, False) for one in handout.drawn))
        overall = sum(said.values()) / len(said) if said else 0.0
        needed = items_for_half_width(0.1, overall, _KAPPA) if doubles and 0 < overall < 1 else None
        found.append(
            LabelForecast(
                label=label.id, machine=machine.get(label.id), cells=cells, positives=positives, doubles=doubles,
                doubles_needed=needed,
            )
        )  # fmt: skip
    return found


def _machine_values(
    store: Store, rubric: Rubric, labels: Sequence[Label], keys: Sequence[int]
) -> tuple[dict[str, str], dict[str, dict[int, bool]]]:
    """By label the machine with the most answers, a judge before rules; and whether it found the label, by transcript."""
    by_rater: dict[str, dict[str, dict[int, bool]]] = {}
    known = {label.id: label for label in labels}
    for standing in standings(store, rubric, keys, kinds=("rules", "judge")):
        label = known.get(standing.label)
        value = None if label is None else roll_up(label, standing)
        if label is not None and value is not None and value != "unsure":
            of = by_rater.setdefault(label.id, {}).setdefault(standing.rater, {})
            of[standing.transcript_key] = value != label.neutral
    machine = {
        name: max(raters, key=lambda rater, raters=raters: (rater.startswith("judge:"), len(raters[rater]), rater))  # type: ignore[misc]
        for name, raters in by_rater.items()
    }
    return machine, {name: by_rater[name][rater] for name, rater in machine.items()}


def print_assignment(document: AssignmentDocument) -> None:
    """Who reads how much, what each cell can show, what each label can expect."""
    out = console()
    verb = "handed out" if document.written else "would hand out"
    out.print(
        plain(
            f"{verb} {document.drawn} of {document.transcripts} transcripts in round {document.round}"
            f" ({document.new} new, {document.double} read twice), seed {document.seed}",
            style="bold",
        )
    )
    rows = table("rater", "transcripts", "words", "hours", numbers=("transcripts", "words", "hours"))
    for reader in document.raters:
        rows.add_row(
            plain(reader.rater.partition(":")[2]),
            str(reader.transcripts),
            f"{reader.words:,}",
            f"{reader.hours:.1f}",
        )
    out.print(rows)
    if document.hours_assumed:
        out.print(plain(f"hours at {_WORDS_A_MINUTE} words a minute: no pace has been measured yet", style="dim"))
    _print_cells(out, document)
    _print_forecasts(out, document)
    if document.outside:
        out.print(
            plain(
                f"{document.outside} transcripts were read in this round without having been drawn: nobody knows with what"
                " probability, and their cells will have no rate but this sample's. A --round of its own keeps them apart.",
                style="yellow",
            )
        )


def _print_cells(out: Console, document: AssignmentDocument) -> None:
    out.print()
    rows = table("cell", "N", "read", "twice", "drawn with", "none found still allows", numbers=("N", "read", "twice"))
    for cell in document.cells[:_MOST_CELLS]:
        rates = [f"{percent(stratum.rate)} %" + (" (all of)" if stratum.chosen else "") for stratum in cell.rates]
        rows.add_row(
            plain(", ".join(cell.key.values()) or "(none)", limit=50),
            str(cell.transcripts),
            str(cell.read),
            str(cell.double),
            plain(" + ".join(rates)),
            plain(f"up to {percent(cell.zero_upper)} %"),
        )
    out.print(rows)
    if len(document.cells) > _MOST_CELLS:
        out.print(plain(f"{len(document.cells) - _MOST_CELLS} more cells with --json", style="dim"))


def _print_forecasts(out: Console, document: AssignmentDocument) -> None:
    told = [label for label in document.forecasts if label.machine is not None]
    if not told:
        out.print(plain("no machine has answered these labels yet: no rate to expect", style="dim"))
        return
    out.print()
    rows = table("label", "machine finds", "widest interval to expect", "positives", numbers=("positives",))
    for label in told:
        cells = [cell for cell in label.cells if cell["low"] is not None]
        if not cells:
            continue
        widest = max(cells, key=lambda cell: cell["high"] - cell["low"])
        name = "" if len(label.cells) == 1 else f" ({', '.join(widest['key'].values())})"
        shares = sorted(cell["expected"] for cell in cells)
        spread = percent(shares[0]) if shares[0] == shares[-1] else f"{percent(shares[0])}-{percent(shares[-1])}"
        rows.add_row(
            plain(label.label),
            plain(f"{spread} %"),
            plain(f"{percent(widest['low'])} to {percent(widest['high'])} %{name}", limit=60),
            plain(f"{label.positives:.0f}"),
        )
    out.print(rows)
    for label in told:
        if label.doubles_needed is not None:
            more = max(0, label.doubles_needed - label.doubles)
            out.print(
                plain(
                    f"kappa of {label.label} within 0.1 takes about {label.doubles_needed} read twice (kappa {_KAPPA} assumed):"
                    + (f" {more} more" if more else " enough"),
                    style="dim",
                )
            )
