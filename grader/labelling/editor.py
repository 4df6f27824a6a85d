"""Acts on the open item: each is one committed transaction on the append-only log and returns a `Change`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from grader.annotation import Annotation
from grader.labelling import plans
from grader.labelling.clock import Clock
from grader.labelling.item import Item
from grader.labelling.plans import Plan
from grader.labelling.refusals import Refused
from grader.labelling.state import Cell, CellKey, Mark
from grader.store import Event, Store, add_annotations, add_event, new_ids
from grader.transcript import Span

__all__ = ["Change", "Editor"]


class Change(msgspec.Struct, frozen=True):
    """What an act did, once it was committed: refresh exactly this."""

    kind: str
    """set, clear, confirm, override, adopt, undo, redo, note, flag, unflag, skip, reveal, submit, reopen."""
    toast: str
    """One line for the person, from the program's own words and ids."""
    transcript_key: int
    labels: tuple[str, ...] = ()
    messages: tuple[int, ...] = ()
    """Messages whose labels or spans changed; empty where only the transcript's own did."""
    opened: bool = False
    """Undo or redo went to another transcript: it is the open item now."""
    group: str = ""


_EVENT_OF = {"submitted": ("submit", "reopen"), "skipped": ("skip", "reopen"), "flagged": ("flag", "unflag")}


class Editor:
    """What a person may do to the open item. Use it as the `Session` it is part of."""

    store: Store
    rater: str
    round: str
    clock: Clock

    # --- values ---

    def set(self, label: str, value: str, message: int | None = None) -> Change:
        """Enter a value (the menu's or `unsure`). Where a machine label is in sight it is a `confirm` or an `override`.

        `message`: from 1, None for a label of the transcript. Like every act here it raises `Refused` (out of scope, not
        on the scale, already submitted; nothing was written) or StoreError (the commit failed; the old value holds).
        """
        item = self._editable()
        return self._do(item, plans.put(item, item.label(label), message, value))

    def answer(
        self,
        label: str,
        value: str,
        message: int | None = None,
        *,
        spans: Sequence[Span] = (),
        severity: int | None = None,
        confidence: int | None = None,
        note: str | None = None,
        reason: str | None = None,
    ) -> Change:
        """As `set`, with evidence, severity, confidence, a remark or a reason for unsure in the same row.

        `spans` are taken by their place; the words kept are the transcript's. What is not given stays as it was.
        """
        item = self._editable()
        checked = [item.span(span.message, span.block, span.start, span.end) for span in spans]
        plan = plans.answer(
            item, item.label(label), message, value,
            spans=checked, severity=severity, confidence=confidence, note=note, reason=reason,
        )  # fmt: skip
        return self._do(item, plan)

    def clear(self, label: str, message: int | None = None) -> Change:
        """Take the value back, with its spans and severity; the label is unset then, which is not absent."""
        item = self._editable()
        return self._do(item, plans.clear(item, item.label(label), message))

    def cycle(self, label: str, message: int | None = None) -> Change:
        """A binary label's own key: present → absent → cleared. Other scales raise `ValueNeeded` with the menu."""
        item = self._editable()
        return self._do(item, plans.cycle(item, item.label(label), message))

    def confirm(self, label: str, message: int | None = None) -> Change:
        """Enter: the machine's value is one's own. Refused where none is visible, and in `assisted` off binary scales."""
        item = self._editable()
        return self._do(item, plans.confirm(item, item.label(label), message))

    def override(self, label: str, message: int | None = None, value: str | None = None) -> Change:
        """`x`: one's own first value if it differs from the machine's, else flipped; raises `ValueNeeded` where neither."""
        item = self._editable()
        return self._do(item, plans.override(item, item.label(label), message, value))

    def unsure(self, label: str, message: int | None = None, reason: str | None = None) -> Change:
        """The answer `unsure`; `reason` one of `UNSURE_REASONS` (digits 1-3) or None."""
        item = self._editable()
        plan = plans.put(item, item.label(label), message, "unsure")
        return self._do(item, plans.with_reason(plan, reason))

    def unsure_reason(self, label: str, reason: str | None, message: int | None = None) -> Change:
        """Say afterwards why one is unsure."""
        item = self._editable()
        return self._do(item, plans.detail(item, item.label(label), message, reason=reason))

    def rest_absent(self, message: int | None = None) -> Change:
        """`0`: neutral on every unset label of the message (None: of the transcript), one group; nothing set is touched."""
        item = self._editable()
        return self._do(item, plans.rest(item, message))

    def severity(self, label: str, severity: int | None, message: int | None = None) -> Change:
        """1-3, None removes it. Refused where the label has no anchors or the value is no finding."""
        item = self._editable()
        return self._do(item, plans.detail(item, item.label(label), message, severity=severity))

    def confidence(self, label: str, confidence: int | None, message: int | None = None) -> Change:
        """1-3, None removes it."""
        item = self._editable()
        return self._do(item, plans.detail(item, item.label(label), message, confidence=confidence))

    def label_note(self, label: str, text: str | None, message: int | None = None) -> Change:
        """A remark on one label's value. Empty removes it; too long is refused and nothing is cut."""
        item = self._editable()
        return self._do(item, plans.detail(item, item.label(label), message, note=plans.checked_note(text)))

    def note(self, text: str | None, message: int | None = None) -> Change:
        """`c`, `C`: the note on a message, or on the transcript (None). Empty removes it."""
        item = self._editable()
        return self._do(item, plans.note(item, message, text))

    # --- evidence ---

    def add_span(
        self,
        label: str,
        at: Span | tuple[int, int, int, int],
        message: int | None = None,
        value: str | None = None,
    ) -> Change:
        """Make a stretch of text evidence. `at`: a span, or (message, block from 0, start, end) in code points.

        `message` is the labelled item (None for labels of the transcript). An unset binary label becomes present in the
        same group; an unset label of another scale needs `value` (`ValueNeeded`). What is stored is the text's own words.
        """
        item = self._editable()
        place = (at.message, at.block, at.start, at.end) if isinstance(at, Span) else at
        return self._do(item, plans.add_span(item, item.label(label), message, item.span(*place), value))

    def delete_span(self, label: str, position: int, message: int | None = None) -> Change:
        """Remove own evidence; `position` counts from 0 in `cell.spans`."""
        item = self._editable()
        return self._do(item, plans.delete_span(item, item.label(label), message, position))

    def adopt(self, label: str, message: int | None = None, *, everything: bool = False) -> Change:
        """`y`, `Y`: the next machine span, or all, become own evidence; the value stays. Refused while locked."""
        item = self._editable()
        return self._do(item, plans.adopt(item, item.label(label), message, everything))

    # --- asking the lead ---

    def flag(self, line: str = "") -> Change:
        """Ask the lead to look; the values stay."""
        item = self._editable(submitted_too=True)
        return self._do(
            item, Plan("flag", "flagged for the lead", marks=(("flagged", plans.checked_note(line) or ""),))
        )

    def unflag(self) -> Change:
        """Take the flag back."""
        item = self._editable(submitted_too=True)
        if item.state.flagged is None:
            raise Refused("not flagged")
        return self._do(item, Plan("unflag", "flag removed", marks=(("flagged", None),)))

    def skip(self, reason: str) -> Change:
        """Release the transcript; what was said stays and is counted as partial."""
        item = self._editable()
        return self._do(item, Plan("skip", "skipped", marks=(("skipped", plans.checked_note(reason) or ""),)))

    def reopen(self) -> Change:
        """Take a submission or a skip back."""
        item = self._editable(submitted_too=True)
        if not item.state.submitted and item.state.skipped is None:
            raise Refused("it is open")
        marks = tuple((mark, None) for mark in ("submitted", "skipped") if mark in item.state.marks)
        return self._do(item, Plan("reopen", "open again", marks=marks))

    # --- committing ---

    def _editable(self, *, submitted_too: bool = False) -> Item:
        item = self._current()
        if not submitted_too:
            if item.state.submitted:
                raise Refused("submitted: undo that or reopen it first")
            if item.state.skipped is not None:
                raise Refused("skipped: undo that or reopen it first")
        return item

    def _current(self) -> Item:
        raise NotImplementedError

    def _do(self, item: Item, plan: Plan) -> Change:
        self.clock.input()
        [group] = new_ids(1)
        rows = self._rows(item, plan, group)
        events: list[Event] = []
        try:
            with self.store.writing():
                ids = add_annotations(self.store, rows, transcript_key=item.key)
                for kind, data in _events(plan):
                    events.append(self._event(item, kind, {**data, **_link(plan, group)}))
                self._committing(item, plan, rows, events)
        except BaseException:
            for row in rows:
                self.clock.give_back(row.message or 0, row.active_ms or 0)
            raise
        for row, row_id in zip(rows, ids, strict=True):
            kept = msgspec.structs.replace(row, id=row_id)
            item.state.add_row(kept)
            item.took(kept)
        for event in events:
            item.state.add_event(event)
        self._committed(item, plan, group)
        labels = dict.fromkeys(label for (_, label), _, _ in plan.cells)
        touched = {message for (message, _), _, _ in plan.cells} | {_note_of(mark) for mark, _ in plan.marks}
        return Change(plan.kind, plan.toast, item.key, tuple(labels), tuple(sorted(touched - {0})), group=group)

    def _committing(self, item: Item, plan: Plan, rows: Sequence[Annotation], events: Sequence[Event]) -> None:
        raise NotImplementedError

    def _committed(self, item: Item, plan: Plan, group: str) -> None:
        raise NotImplementedError

    def _event(self, item: Item, kind: str, data: dict[str, Any]) -> Event:
        said = {"rubric": item.rubric.id, **data}
        event_id = add_event(self.store, kind, rater=self.rater, transcript_key=item.key, round=self.round, data=said)
        return Event(event_id, kind, self.rater, item.key, self.round, said, "")

    def _rows(self, item: Item, plan: Plan, group: str) -> list[Annotation]:
        rows, timed = [], set()
        for key, cell, action in plan.cells:
            message = key[0]
            # a group's time is counted once a message, on its first row
            spent = None if message in timed else self.clock.take(message) or None
            timed.add(message)
            rows.append(self._row(item, key, cell, action, group, plan.undoes, spent))
        return rows

    def _row(
        self, item: Item, key: CellKey, cell: Cell, action: str, group: str, undoes: str | None, spent: int | None
    ) -> Annotation:
        message, label = key
        machine = item.machine_label(label, message)
        return Annotation(
            transcript=item.id,
            transcript_digest=item.entry.digest,
            message=message or None,
            label=label,
            value=cell.value,
            severity=cell.severity,
            spans=cell.spans,
            confidence=None if cell.confidence is None else cell.confidence / 3,
            note=cell.note,
            reason=cell.reason,
            rater=self.rater,
            rubric=item.rubric.id,
            rubric_digest=item.rubric.digest,
            label_digest=cell.label_digest or item.label(label).digest,
            round=self.round,
            view=item.access.view,
            action=action,
            group=group,
            undoes=undoes,
            shown=() if machine is None else tuple(said.id for said in machine.all),
            seen=item.state.seen.get(message),
            active_ms=spent,
            flags=tuple(f"adopted:{position}" for position in cell.adopted),
        )


def _link(plan: Plan, group: str) -> dict[str, str]:
    return {"group": group} if plan.undoes is None else {"group": group, "action": plan.kind, "undoes": plan.undoes}


def _events(plan: Plan) -> list[tuple[str, dict[str, Any]]]:
    found: dict[str, dict[str, Any]] = {}
    for mark, value in plan.marks:
        if mark.startswith("note:"):
            found["note"] = {"message": _note_of(mark) or None, "text": value}
            continue
        kind = _EVENT_OF[mark][0 if value not in (None, False) else 1]
        match kind:
            case "skip":
                found[kind] = {"reason": value}
            case "flag":
                found[kind] = {"line": value}
            case _:
                found[kind] = dict(value) if isinstance(value, dict) else {}
    return list(found.items())


def _note_of(mark: Mark) -> int:
    return int(mark[5:]) if mark.startswith("note:") else 0
