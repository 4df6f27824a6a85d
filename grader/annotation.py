"""The one record: what a rater said about a transcript or one of its messages, with its evidence."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from grader.transcript import Span

__all__ = ["MACHINE_KINDS", "UNSURE", "Annotation", "RaterKind", "View", "rater_kind", "rater_name"]

RaterKind: TypeAlias = Literal["rules", "judge", "human", "adjudicator"]
View: TypeAlias = Literal["blind", "revealed", "assisted"]
MACHINE_KINDS = frozenset({"rules", "judge"})
UNSURE = "unsure"
"""An answer on every scale, never a missing value."""


class Annotation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value of one rater for one item and label. Immutable; a change of mind is another annotation."""

    transcript: str
    """The transcript's id."""
    transcript_digest: str
    """Of the revision that was read."""
    label: str
    value: str | None
    """On the label's menu, or `unsure`; None takes an earlier value back."""
    rater: str
    """`rules:<rubric>`, `judge:<model>@<6 hex>`, `human:<name>`, `adjudicator:<name>`."""
    rubric: str
    rubric_digest: str
    label_digest: str
    message: int | None = None
    """From 1; None when the item is the transcript."""
    severity: int | None = None
    """1-3, or None."""
    spans: tuple[Span, ...] = ()
    confidence: float | None = None
    """0-1: the rules' score, the judge's vote share; a person's 1, 2, 3 as thirds, mostly None."""
    note: str | None = None
    round: str = "main"
    """The piece of work: pilot, main, training, retest, review or the lead's own; machines write `main`."""
    view: View | None = None
    """What a person had seen; None for machines."""
    id: str = ""
    """Time-ordered, given by the store when empty; the later id is the later act."""
    created: str = ""
    """UTC ISO 8601, given by the store when empty."""
    action: str | None = None
    """What a person did: set, clear, confirm, override, adopt, undo, redo."""
    group: str | None = None
    """Acts done by one key press share it; undo works on groups."""
    undoes: str | None = None
    """The group this one takes back or repeats."""
    shown: tuple[str, ...] = ()
    """Ids of the machine annotations visible at that moment."""
    seen: float | None = None
    """Share of the message's rows that had been on screen, 0-1."""
    active_ms: int | None = None
    reason: str | None = None
    """Why unsure, why overridden, `unsupported` where the judge's evidence was not found."""
    claimed: str | None = None
    """The judge's own value where verification changed it."""
    flags: tuple[str, ...] = ()
    """`addresses_judge`, `moved`, …"""

    @property
    def rater_kind(self) -> str:
        return rater_kind(self.rater)


def rater_kind(rater: str) -> str:
    """`human:ana` → `human`."""
    return rater.partition(":")[0]


def rater_name(rater: str, kind: RaterKind = "human") -> str:
    """A rater in full: `ana` → `human:ana`, names with a kind stay. Space around a name is no part of it: a spreadsheet's
    `ana ` agrees with `ana` because they are one."""
    clean = rater.strip()
    return clean if clean.partition(":")[0] in ("rules", "judge", "human", "adjudicator") else f"{kind}:{clean}"
