"""The open item on the screen: opening it, acting on it, showing what changed. The actions stand on it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

from grader.errors import GraderError
from grader.labelling import CellKey, Change, QueueEntry, Refused, Unfinished, ValueNeeded, needs_hint
from grader.transcript import Span
from grader.tui.folds import Folds
from grader.tui.keys import named
from grader.tui.label_panel import note_of, visible_labels
from grader.tui.message_filter import ALL, accepts
from grader.tui.row_scroll import ReadingPlace
from grader.tui.screens.around import AroundText
from grader.tui.value_strip import Choice, ValueStrip, value_choices

__all__ = ["ItemScreen"]

_REMEMBER_AFTER = 2.0
"""Seconds after the last key at which the place is written, so that a killed terminal resumes there too."""


class ItemScreen(AroundText):
    """Reads the session's open item, sends every act to the session, and shows exactly what changed."""

    # -- what the actions add

    def go_to_gap(self, message: int, label_id: str) -> None:
        """Focus the label and message where something lacks; (0, ""): the first undecided or missing there is."""
        raise NotImplementedError

    def first_gap(self) -> CellKey | None:
        """Where to begin: the label to decide first, or the first that lacks an answer."""
        raise NotImplementedError

    def evidence_of(self, key: CellKey) -> Span | None:
        """What a machine label rests on."""
        raise NotImplementedError

    def forget_search(self) -> None:
        """No hits any more."""
        raise NotImplementedError

    # -- opening

    def open(self, which: QueueEntry | int | str, place: dict[str, Any] | None = None) -> None:
        """Open a transcript, at a place or where this rater last left it, and show it."""
        self.leave_item()
        self.session.open(which)
        self._first_place = place
        if self.is_mounted:
            self.show_item(place)

    def leave_item(self, mode: str = "annotate") -> None:
        """Close the open item with its place; `mode`: the screen that follows."""
        if self.session.item is not None and self.is_mounted and self.view.document.transcript.id == self.item.id:
            self.flush_seen()
            self.session.close(self.place(mode))

    def show_item(self, place: dict[str, Any] | None = None) -> None:
        """Show the session's open item from scratch."""
        item = self.item
        place = place if place is not None else (item.state.place or {})
        view = self.view
        view.header_note = lambda index: note_of(item, self.shown_keys, index)
        begins = None if place or item.access.locked or not item.n_undecided else self.first_gap()
        if begins is not None:
            # known before anything is laid out, so that no key can come between and speak of another label
            span = self.evidence_of(begins)
            at = begins[0] or (span.message if span else 1)
            place = {"focus": at, "top": at, "label": begins[1], "chosen": ""}
        start = ReadingPlace(*(int(place.get(key, default)) for key, default in (("focus", 1), ("top", 1), ("row", 0))))
        view.show(item.reading, start, Folds.load(place.get("folds", ())), item.outline)
        self.forget_search()
        self.label, self.chosen = str(place.get("label", "")), str(place.get("chosen", place.get("label", "")))
        self._pace = self.session.pace()
        view.set_open(item.open_messages())
        self._remembered = {}
        self.session.focus(view.focus_index)
        self.show_marks()
        here, run = visible_labels(item, view.focus_index)
        if self.label not in {label.id for label in (*here, *run)}:
            self.choose_label()
        self.filtered = ALL
        if place.get("filter", ALL) != ALL:
            self.filter_messages(str(place["filter"]))
            view.go_to_place(start)
        if begins is not None and view.size.height:
            self._show_evidence(begins)
        elif begins is not None:  # not laid out yet: nothing can be scrolled to
            self.call_after_refresh(self._show_evidence, begins)
        self.refresh_all()
        self.remind()
        if needs_hint(self.session.store, self.session.rater):
            self.say(named(self.first_steps(), self.on), "strong")
        if item.access.locked and item.access.exposed:
            self.say(
                "you have had this one's machine labels on screen: what you say here is kept as revealed", "strong"
            )

    def _show_evidence(self, key: CellKey) -> None:
        """Bring what a machine label rests on into view, while that label is the one in focus."""
        if self.session.item is None or self.label != key[1] or (self._target(key[1]) or 0) != key[0]:
            return
        span = self.evidence_of(key)
        if span is not None:
            before = self.message
            self.view.reveal(span.message, span.block, span.start)
            self.held = (self.message, key[1]) if self.message != before else None

    def filter_messages(self, chosen: str) -> None:
        """Show the messages of one kind only; all of them where none is of that kind."""
        view = self.view
        accept = accepts(chosen, view.document.transcript, set(view.marks.messages()), view.open_messages)
        outline = view.document.outline
        if accept is not None and not any(accept(at + 1, outline.shape(at)) for at in range(len(outline))):
            chosen, accept = ALL, None
        self.filtered = chosen
        view.set_filter(accept)

    def place(self, mode: str = "annotate") -> dict[str, Any]:
        """The exact place, as JSON; `mode`: the screen one is on, or goes to."""
        at, folds = self.view.place(), self.view.dump_folds()
        where = {"focus": at.focus, "top": at.top, "row": at.row, "folds": folds}
        return {**where, "label": self.label, "chosen": self.chosen, "filter": self.filtered, "mode": mode}

    # -- acting

    def attempt(
        self,
        act: Callable[[], Change],
        then: Callable[[str], Change] | None = None,
        after: Callable[[], str] | None = None,
    ) -> Change | None:
        """Do something to the item and show it; None, and the reason on screen, where it was refused.

        `then` does it with the value asked for, where the scale has more than two. `after` follows once it is done,
        and may have a word to add.
        """
        self.flush_seen()
        try:
            change = act()
        except ValueNeeded as need:
            if then is None:
                self.say(str(need), "problem")
            else:
                self.ask_value(need, then, after)
            return None
        except Unfinished as gap:
            self.say(str(gap), "strong")
            self.go_to_gap(gap.at or 0, gap.label)
            return None
        except GraderError as error:
            self.say(
                str(error), "strong" if isinstance(error, Refused) else "problem", stays=not isinstance(error, Refused)
            )
            return None
        if change.opened:
            self.show_item()
        else:
            self.show_change(change)
            if change.kind in ("undo", "redo") and change.messages:
                self.view.focus_message(change.messages[0])
        more = "" if after is None else after()
        self.say(f"{change.toast} · {more}" if more else change.toast, "done")
        return change

    def show_change(self, change: Change) -> None:
        """Refresh what an act touched."""
        item = self.item
        messages = change.messages
        for message in messages:
            self.view.set_answered(message, not item.lacks_answer(message))
        self.view.repaint(messages)
        state, machine = self._marked_of
        if state is not item.state or machine is not item.machine:  # revealed, or somebody else has written
            self.show_marks()
        else:
            for key in ((message, label.id) for message in {0, *messages} for label in item.rubric.labels):
                self._put_marks(key)
        if change.kind in ("submit", "reopen", "skip", "reveal") or change.kind in ("undo", "redo"):
            self._pace = self.session.pace()
            self.view.set_open(item.open_messages())
            self.view.repaint_all()
        self.refresh_all()

    def ask_value(
        self, need: ValueNeeded, then: Callable[[str], Change], after: Callable[[], str] | None = None
    ) -> None:
        """Ask for a value by its digit on the label's scale."""
        choices = value_choices(self.item.label(need.label).values, need.values, unsure=need.unsure)
        meaning = f"{self.on['codebook.open']} meaning"
        self.ask(need.label, choices, lambda value: self.attempt(lambda: then(value), after=after), tail=meaning)

    def ask(
        self,
        question: str,
        choices: Sequence[Choice],
        then: Callable[[str], object],
        *,
        optional: bool = False,
        tail: str = "",
    ) -> None:
        """Open the strip; `then` gets what was chosen."""
        self._then = lambda value: (then(value), None)[1]
        self.query_one("#ask", ValueStrip).ask(question, choices, optional=optional, tail=tail)

    # -- the place

    def remind(self) -> None:
        """Write the place soon, unless the reader moves on."""
        if self._reminder is not None:
            self._reminder.stop()
        self._reminder = self.set_timer(_REMEMBER_AFTER, self.remember)

    def remember(self) -> None:
        """Nothing has been typed for a while: collect what is left over, and write the place, if it is another one."""
        gc.collect()
        gc.freeze()
        if self.session.item is None or not self.is_mounted:
            return
        place = self.place()
        if place == self._remembered:
            return
        if not self.session.store.is_free():  # another program writes: no hurry
            self.remind()
            return
        self.flush_seen()
        try:
            self.session.remember(place)
            self._remembered = place
        except GraderError as error:
            self.say(str(error), "problem", stays=True)

    def flush_seen(self) -> None:
        """Tell the session what has been on screen."""
        if self.session.item is not None:
            for index, share in self.view.seen.take():
                self.session.saw(index, share)
