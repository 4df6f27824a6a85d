"""The rules rater: a compiled rubric that reads transcripts and says what its patterns see in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from grader.annotation import Annotation
from grader.raters.rules.budget import OutOfTime, TimeBudget
from grader.raters.rules.matcher import Backend, Sifted
from grader.raters.rules.plan import Plan, Rule, plans
from grader.raters.rules.verdict import Found, judge
from grader.rubric.hits import Extent, Hit, Part, Passage, pattern_hits
from grader.rubric.model import Label, Pattern, Rubric, Signal
from grader.transcript import BLOCK_KINDS, ROLES, Scope, Transcript, in_scope

__all__ = ["Engine"]

_PIECE = 400_000
_OVERLAP = 4_000
"""Characters read at once of a very long block, and how far its windows may reach into the next piece."""

_KEPT = 5_000
"""Hits kept per item and label: more do not change its score, unless they are better."""


class Engine:
    """A rubric's rules, compiled once and used for any number of transcripts.

    `backend` chooses how candidates are found (`auto`: the fastest there is); it never changes an answer. An engine can be
    pickled: it is compiled anew from its rubric. Not for use by several threads at once.
    """

    def __init__(self, rubric: Rubric, backend: Backend = "auto", budget: TimeBudget | None = None) -> None:
        self.rubric = rubric
        self._asked = backend
        self._plans = plans(rubric, backend)
        self._scope = Scope(
            roles=tuple(role for role in ROLES if any(key[0] == role for key in self._plans)),
            blocks=tuple(kind for kind in BLOCK_KINDS if any(key[1] == kind for key in self._plans)),
        )
        """Where some plan reads."""
        self._budget = budget or TimeBudget()

    def __reduce__(self) -> tuple[Any, ...]:
        return (Engine, (self.rubric, self._asked))

    @property
    def rater(self) -> str:
        return f"rules:{self.rubric.id}"

    @property
    def backend(self) -> str:
        """The back end in use: re2, literal or re."""
        return next((plan.matcher.backend for plan in self._plans.values()), "re")

    def prepare(self) -> None:
        """Make now what else is made when first needed: for processes that are about to be forked."""
        for plan in self._plans.values():
            plan.matcher.prepare()

    def scan(self, transcript: Transcript) -> list[Annotation]:
        """The annotations of this transcript: one per item and label whose score reaches 0.25, in the order of the rubric.

        Ids and times are left to the store. An item a pattern had no time for is `unsure`, reason `timed_out`.
        """
        with self._budget.watching():
            found, late = self._search(transcript)
        annotations = []
        for label in self.rubric.labels:
            items = {item for name, item in found if name == label.id} | {
                item for name, item in late if name == label.id
            }
            for item in sorted(items, key=lambda item: item or 0):
                if annotation := self._annotation(
                    transcript, label, item, found.get((label.id, item), ()), (label.id, item) in late
                ):
                    annotations.append(annotation)
        return annotations

    def found(self, transcript: Transcript) -> list[Found]:
        """Every hit of every pattern, before scores: for measuring patterns one by one."""
        with self._budget.watching():
            found, _ = self._search(transcript)
        return [one for hits in found.values() for one in hits]

    def _search(
        self, transcript: Transcript
    ) -> tuple[dict[tuple[str, int | None], list[Found]], set[tuple[str, int | None]]]:
        """Hits by (label, item), and the items some pattern had no time for."""
        work: dict[int, tuple[Plan, list[_Piece]]] = {}
        for message, blocks in in_scope(transcript, self._scope):
            for number in blocks:
                block = message.blocks[number]
                plan = self._plans.get((message.role, block.kind))
                if plan is not None and block.text:
                    work.setdefault(id(plan), (plan, []))[1].extend(_pieces(message.index, number, block.text))
        found: dict[tuple[str, int | None], list[Found]] = {}
        late: set[tuple[str, int | None]] = set()
        best: dict[tuple[int, int | None], float] = {}
        for plan, pieces in work.values():
            for piece, sifted in zip(pieces, plan.matcher.sift([piece.text for piece in pieces]), strict=True):
                if sifted is not None or plan.always:
                    self._read(plan, sifted, piece, found, best, late)
        return found, late

    def _read(
        self,
        plan: Plan,
        sifted: Sifted | None,
        piece: _Piece,
        found: dict[tuple[str, int | None], list[Found]],
        best: dict[tuple[int, int | None], float],
        late: set[tuple[str, int | None]],
    ) -> None:
        """Add the hits in one piece to `found`."""
        rules = plan.feasible(sifted, self._budget)
        if not rules:
            return
        for rule, hit in self._hits(plan, rules, sifted, piece, late):
            item = piece.message if rule.label.unit == "message" else None
            hits = found.setdefault((rule.label.id, item), [])
            weight = hit.weight(rule.pattern)
            if len(hits) < _KEPT or weight > best.get((id(rule), item), 0.0):
                best[id(rule), item] = weight
                hits.append(Found(rule.pattern, _moved(hit, piece.begin), piece.message, piece.block, piece.whole))

    def _hits(
        self,
        plan: Plan,
        rules: Sequence[Rule],
        sifted: Sifted | None,
        piece: _Piece,
        late: set[tuple[str, int | None]],
    ) -> Iterator[tuple[Rule, Hit]]:
        """The hits of each rule that begin before the next piece; a rule without time left is noted in `late`."""
        passage = Passage(piece.text)
        known: dict[int, list[Extent]] = {}

        def find(source: Pattern | Signal) -> Sequence[Extent]:
            extents = known.get(id(source))
            if extents is None:
                extents = known[id(source)] = plan.extents(source, sifted, passage)
            return extents

        for rule in rules:
            self._budget.start(len(piece.text))
            try:
                hits = pattern_hits(rule.pattern, plan.signals, passage, find)
            except OutOfTime:
                late.add((rule.label.id, piece.message if rule.label.unit == "message" else None))
                continue
            finally:
                self._budget.stop()
            yield from ((rule, hit) for hit in hits if hit.start < piece.end)

    def _annotation(
        self, transcript: Transcript, label: Label, item: int | None, found: Sequence[Found], late: bool
    ) -> Annotation | None:
        verdict = judge(label, found)
        if verdict is None and not late:
            return None
        unfinished = late and (verdict is None or verdict.value == "unsure")
        return Annotation(
            transcript=transcript.id,
            transcript_digest=transcript.digest,
            label=label.id,
            value="unsure" if unfinished or verdict is None else verdict.value,
            rater=self.rater,
            rubric=self.rubric.id,
            rubric_digest=self.rubric.digest,
            label_digest=label.digest,
            message=item,
            spans=verdict.spans if verdict else (),
            confidence=verdict.score if verdict else None,
            note=verdict.note if verdict else f"{label.id}: a pattern ran out of time here",
            reason="timed_out" if unfinished else None,
        )


class _Piece(NamedTuple):
    """What is read at once of a block: all of it, unless it is so long that its signs would fill the memory."""

    message: int
    block: int
    whole: str
    """The block's text."""
    begin: int
    end: int
    """Hits that begin before here, counted from `begin`, belong to this piece."""
    text: str


def _pieces(message: int, block: int, text: str) -> Iterator[_Piece]:
    """The pieces a text is read in; cuts are made at line breaks or blanks."""
    begin = 0
    while begin < len(text):
        end = len(text)
        if end - begin > _PIECE + _OVERLAP:
            end = begin + _PIECE
            cut = max(text.rfind("\n", end - 2000, end), 0) or max(text.rfind(" ", end - 2000, end), 0)
            end = cut + 1 if cut else end
        part = text if end - begin == len(text) else text[begin : end + _OVERLAP]
        yield _Piece(message, block, text, begin, end - begin, part)
        begin = end


def _moved(hit: Hit, offset: int) -> Hit:
    if not offset:
        return hit
    parts = tuple(Part(part.signal, part.start + offset, part.end + offset) for part in hit.parts)
    return Hit(hit.start + offset, hit.end + offset, parts, hit.guards)
