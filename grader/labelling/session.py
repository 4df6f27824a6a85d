"""A rater at work in one round through one door: the queue, the open item, reveal, submit, undo and redo."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, final

import msgspec

from grader.annotation import Annotation, rater_name
from grader.errors import StoreError
from grader.labelling import plans
from grader.labelling.clock import PACE_WINDOW, Clock, Pace, pace
from grader.labelling.doors import Emptiness, check_door, why_empty
from grader.labelling.editor import Change, Editor
from grader.labelling.history import History, Step
from grader.labelling.item import Item
from grader.labelling.opening import ask_again, fold_log, load_item, show_machine, standing
from grader.labelling.plans import Plan
from grader.labelling.policies import REVIEW_ROUND, Door
from grader.labelling.refusals import Locked, Refused, Unfinished
from grader.labelling.reversal import restore
from grader.labelling.suspicion import Suspicion, rank_queue, suspicions
from grader.labelling.welcome import edited_labels
from grader.rubric.model import Rubric
from grader.store import (
    Entry,
    Event,
    Selection,
    Store,
    add_event,
    entry,
    entry_by_key,
    register_rubric,
    stored_rubric,
)
from grader.store import queue as queues
from grader.store.database import ids_follow
from grader.store.person_log import latest_id, latest_place, rater_key, submissions
from grader.store.queue import TO_DO, QueueEntry
from grader.store.queue_opening import open_queue, rubric_before
from grader.store.transcripts import is_superseded
from grader.text import one_line

__all__ = ["Session"]


@final
class Session(Editor):
    """Everything a person may do, one rater, one round, one rubric. Not thread-safe: the thread that opened the store.

    `door`: `annotate` (policy of the round, queue by hash) or `review` (assisted, round `review`, most suspicious first).
    `policy`: decides the round's policy where nobody has (default blind); the first decision of a round stays.
    `where`: only these transcripts; blind work refuses conditions on labels. `now` is for tests.
    Raises UsageError (a round of another policy, `review` through the wrong door), StoreError.
    """

    def __init__(
        self,
        store: Store,
        rubric: Rubric,
        rater: str,
        *,
        door: Door = "annotate",
        round: str | None = None,
        policy: str | None = None,
        where: Selection | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.rubric = rubric
        self.rater = rater_name(rater)
        self.door: Door = door
        self.round = round or (REVIEW_ROUND if door == "review" else "main")
        self.clock = Clock(now)
        self.item: Item | None = None
        """What is open; None on the queue."""
        self.last_closed: int | None = None
        """Key of the transcript that was open before."""
        self._where = chosen = where if where is not None else Selection()
        self.policy = check_door(store, self.rater, door, self.round, policy, chosen)
        """Of the round, where a transcript has none of its own."""
        register_rubric(store, rubric)
        before = rubric_before(store, self.rater, self.round, rubric.id)
        self.rubric_before = stored_rubric(store, before) if before not in ("", rubric.digest) else None
        """The rubric this rater last worked with in the round, where it was another one: show `rubric_news`, once."""
        self.edited = edited_labels(self.rubric_before, rubric)
        """Labels whose definition changed since: they are asked again."""
        self.queue = self._up_to_date_queue()
        self._rater_key = rater_key(store, self.rater) or 0
        self._last_id = latest_id(store, self._rater_key, self.round)
        ids_follow(self._last_id)
        self._history = History(store, self.rater, self.round, rubric.id)
        self._data_version = self._other_writers()
        self._unsaved_seen: set[int] = set()
        self._counts: dict[str, int] | None = None
        self._words_left = 0

    # --- the queue ---

    def _up_to_date_queue(self) -> queues.Queue:
        ranked = self.door == "review"
        queue = open_queue(self.store, self.rater, self.round, self.rubric, self._where, ranked=ranked)
        if ranked:
            changed = rank_queue(self.store, queue, self.rubric)
            ask_again(self.store, queue, self.rubric, self.rater, changed)
        return queue

    def entries(
        self,
        *,
        after: QueueEntry | None = None,
        limit: int = 200,
        text: str = "",
        states: Iterable[str] = (),
        flagged: bool = False,
    ) -> list[QueueEntry]:
        """A page of the queue in its order, after an entry; `text` is searched in ids, `states` as in `QueueEntry`."""
        place = None if after is None else (after.rank, after.transcript_key)
        return queues.page(self.store, self.queue, after=place, limit=limit, text=text, states=states, flagged=flagged)

    def why_empty(self) -> Emptiness:
        """Why there is nothing in the queue: nothing was read in yet, nothing meets the selection, nothing waits here."""
        return why_empty(self.store, self._where)

    def entry_of(self, transcript_key: int) -> QueueEntry | None:
        """The queue's line for a transcript, None where it is not in this queue."""
        return queues.find(self.store, self.queue, transcript_key)

    def suspicions(self, transcript_keys: Sequence[int]) -> dict[int, Suspicion]:
        """By key, why transcripts stand where they do in review. Raises `Locked` through any other door."""
        if self.door != "review":
            raise Locked("the order of this queue knows nothing of the machine's labels")
        return dict(suspicions(self.store, transcript_keys, self.rubric))

    def next_entry(self) -> QueueEntry | None:
        """The next transcript with work left, after the open one, then from the top; None when all is done."""
        if self.item is None:
            return queues.next_to_do(self.store, self.queue)
        here = self.entry_of(self.item.key)
        return queues.next_to_do(self.store, self.queue, None if here is None else (here.rank, here.transcript_key))

    def neighbour(self, step: int) -> QueueEntry | None:
        """The entry next to the open one, done or not; None at the ends."""
        here = None if self.item is None else self.entry_of(self.item.key)
        if here is None:
            return self.next_entry()
        return queues.neighbour(self.store, self.queue, (here.rank, here.transcript_key), step)

    def counts(self) -> dict[str, int]:
        """Transcripts by state (new, open, stale, done, skipped) and `flagged`; kept up to date without counting again."""
        if self._counts is None:
            self._counts = queues.counts(self.store, self.queue)
            self._words_left = queues.words_to_do(self.store, self.queue)
        return dict(self._counts)

    def progress(self) -> tuple[int, int]:
        """(done, total) transcripts; skipped ones count as dealt with."""
        found = self.counts()
        total = sum(number for state, number in found.items() if state != "flagged")
        return found.get("done", 0) + found.get("skipped", 0), total

    def pace(self) -> Pace:
        """Own median time over the last 20 submitted transcripts, and what is left at that pace."""
        self.counts()
        return pace(submissions(self.store, self._rater_key, self.round, PACE_WINDOW), self._words_left)

    # --- opening ---

    def open(self, which: QueueEntry | Entry | int | str) -> Item:
        """Open a transcript: by entry, key, or id (or an unambiguous beginning of one). The item open before is closed.

        Machine labels are read only if the policy shows them. Raises StoreError where there is no such transcript.
        """
        found = self._entry(which)
        item = load_item(self.store, self.rubric, self.rater, self.round, found)
        line = self.entry_of(found.key)
        asked_again = line is not None and line.state == "stale" and item.state.submitted
        shown = sum(len(label.all) for label in item.machine.values())
        said = {"view": item.access.view, "policy": item.access.policy, "shown": shown}
        with self.store.writing():
            left = self._write_leave(None)
            begun = [self._event(item, "open", said)]
            if asked_again and (item.n_missing or item.n_undecided):
                begun.append(self._event(item, "reopen", {"why": "a definition or a machine's label is new"}))
            for event in begun:
                item.state.add_event(event)
            self._mark_queue(item)
        self._left(left)
        self._was, self._was_flagged = standing(item, item.state.marks), item.state.flagged is not None
        self.item = item
        self.clock.input()
        return item

    def close(self, place: dict[str, Any] | None = None) -> None:
        """Leave the open item; `place` as in `remember`."""
        if self.item is not None:
            with self.store.writing():
                left = self._write_leave(place)
            self._left(left)

    def remember(self, place: dict[str, Any]) -> None:
        """Keep the exact place for `resume`: any JSON (message, top row, folds, filter, label, mode). A `focus` event."""
        item = self._current()
        item.state.add_event(self._event(item, "focus", {"place": place, **self._seen(item)}))
        self._unsaved_seen = set()

    def _write_leave(self, place: dict[str, Any] | None) -> list[Event]:
        item = self.item
        if item is None:
            return []
        self.clock.input()
        focus = [] if place is None else [self._event(item, "focus", {"place": place})]
        return [*focus, self._event(item, "close", {"active_ms": self.clock.waiting_ms, **self._seen(item)})]

    def _left(self, events: Sequence[Event]) -> None:
        if self.item is not None:
            for event in events:
                self.item.state.add_event(event)
            self.last_closed = self.item.key
        self.item = None
        self._unsaved_seen = set()
        self.clock.take_all()

    def resume(self) -> tuple[int, dict[str, Any]] | None:
        """Transcript key and place where this rater last was in the round, None the first time."""
        found = latest_place(self.store, self._rater_key, self.round, self.rubric.id)
        return None if found is None or self.entry_of(found[0]) is None else found

    def saw(self, message: int, share: float) -> None:
        """The share (0-1) of a message's rows that has been on screen by now. Nothing is written until the next event."""
        item = self._current()
        if share > item.state.seen.get(message, 0.0):
            item.state.seen[message] = round(share, 3)
            self._unsaved_seen.add(message)

    def focus(self, message: int) -> None:
        """A message is in focus: active time goes to it from now on."""
        self.clock.focus(message)

    def pause(self) -> None:
        """`T`: the clock stands until `unpause`."""
        self.clock.stop()
        self.clock.paused = True
        add_event(self.store, "pause", rater=self.rater, round=self.round)

    def unpause(self) -> None:
        """The clock runs again."""
        self.clock.paused = False
        self.clock.input()
        add_event(self.store, "resume", rater=self.rater, round=self.round)

    # --- reveal and submit ---

    def reveal(self) -> Change:
        """`r`: show the machine's labels of the open transcript, for good. Raises `Unfinished` while first values lack."""
        item = self._editable(submitted_too=True)
        if not item.access.locked:
            raise Refused("the machine's labels are in sight already")
        if item.access.policy != "blind_then_reveal":
            raise Refused(
                f"this transcript stays blind: the lead opens a round with `grader reveal --round {self.round}`"
            )
        if item.n_missing:
            gap = next(gap for gap in item.gaps() if gap.why in ("unset", "stale"))
            raise Unfinished(
                f"{item.n_missing} required answers are missing before the reveal, first {plans.place(gap.message)} {gap.label}",
                item.n_missing, gap.label, gap.message,
            )  # fmt: skip
        try:
            with self.store.writing():
                item.state.add_event(self._event(item, "reveal", {}))
                show_machine(item, self.store, self.rater, self.round)
                self._mark_queue(item)
        except StoreError:
            item.state = fold_log(self.store, self.rubric, self.rater, self.round, item.key)
            item.look(msgspec.structs.replace(item.access, revealed=False), {})
            raise
        decide = f", {item.n_undecided} to decide" if item.n_undecided else ", nothing differs"
        return Change("reveal", f"revealed{decide}", item.key, messages=tuple(sorted({k[0] for k in item.machine} - {0})))  # fmt: skip

    def submit(self, *, fill_seen: bool = False) -> Change:
        """`S`. With gaps raises `Unfinished` at the first one; its `offer` counts answers that `fill_seen` would give.

        `fill_seen`: first set to neutral what is unset on messages that have been on screen (an act of its own, undone by
        itself); messages never on screen are not touched.
        """
        item = self._editable()
        if fill_seen and (keys := item.fillable()):
            self._do(item, plans.fill(item, keys))
        gaps = item.gaps()
        if gaps:
            first = gaps[0]
            offer = item.fillable()
            raise Unfinished(
                f"{len(gaps)} to go, first {plans.place(first.message)} {first.label}: {first.why}",
                len(gaps), first.label, first.message, len(offer), len({message for message, _ in offer}),
            )  # fmt: skip
        self.clock.input()
        worked = {"active_ms": item.state.active_ms + self.clock.waiting_ms, "words": item.entry.n_words}
        return self._do(item, Plan("submit", f"submitted {one_line(item.id, 60)}", marks=(("submitted", worked),)))

    # --- undo ---

    def undo(self) -> Change:
        """`u`: take back the last act that stands, whatever transcript it is in (which is opened). Raises `Refused` at the start.

        A reveal is never undone: acts before it are, and their rows carry the view `revealed`.
        """
        self._current_or_none()
        return self._step("undo", self._history.undo_step)

    def redo(self) -> Change:
        """`ctrl+r`: do again what was undone last; a new act in between clears the list."""
        self._current_or_none()
        return self._step("redo", self._history.redo_step)

    def _step(self, action: str, step: Step | None) -> Change:
        if step is None:
            raise Refused(f"nothing to {action}")
        opened = self.item is None or self.item.key != step.transcript_key
        item = self.open(step.transcript_key) if opened or self.item is None else self.item
        plan = restore(item, step.group, action)
        if plan is None:
            self._history.drop(step)
            return self.undo() if action == "undo" else self.redo()
        if step.group < item.state.revealed_at:
            plan = msgspec.structs.replace(plan, toast=f"{plan.toast} · the reveal and the first value stay")
        return msgspec.structs.replace(self._do(item, plan), opened=opened)

    # --- behind the acts ---

    _was: str
    _was_flagged: bool

    def _editable(self, *, submitted_too: bool = False) -> Item:
        item = super()._editable(submitted_too=submitted_too)
        if is_superseded(self.store, item.key):
            self.queue, self._counts = self._up_to_date_queue(), None
            raise Refused(
                "a later version of this transcript was imported: Esc, then Enter opens it; what was said so far stays with this one"
            )
        return item

    def _current(self) -> Item:
        item = self._current_or_none()
        if item is None:
            raise Refused("no transcript is open")
        return item

    def _current_or_none(self) -> Item | None:
        """The open item, folded anew if another window of this rater has written since."""
        version = self._other_writers()
        if version != self._data_version:
            self._data_version = version
            self._refresh()
        return self.item

    def _refresh(self) -> None:
        last = self._newest()
        if last == self._last_id:
            return
        self._last_id = last
        ids_follow(last)
        self._history = History(self.store, self.rater, self.round, self.rubric.id)
        self._counts = None
        if self.item is not None:
            state = fold_log(self.store, self.rubric, self.rater, self.round, self.item.key)
            for message, share in self.item.state.seen.items():
                state.seen[message] = max(share, state.seen.get(message, 0.0))
            self.item.state = state
            show_machine(self.item, self.store, self.rater, self.round)

    def _newest(self) -> str:
        return latest_id(self.store, self._rater_key, self.round)

    def _other_writers(self) -> int:
        # changes exactly when another connection has committed: a few microseconds instead of a query per key
        return int(self.store.connection.execute("PRAGMA data_version").fetchone()[0])

    def _entry(self, which: QueueEntry | Entry | int | str) -> Entry:
        if isinstance(which, Entry):
            return which
        if isinstance(which, QueueEntry):
            return entry_by_key(self.store, which.transcript_key)
        return entry_by_key(self.store, which) if isinstance(which, int) else entry(self.store, which)

    def _seen(self, item: Item) -> dict[str, Any]:
        if not self._unsaved_seen:
            return {}
        return {"seen": [[message, item.state.seen[message]] for message in sorted(self._unsaved_seen)]}

    def _committing(self, item: Item, plan: Plan, rows: Sequence[Annotation], events: Sequence[Event]) -> None:
        marks = item.state.marks | dict(plan.marks)
        state = standing(item, marks, acted=True)
        flagged = marks.get("flagged") is not None
        queues.mark_item(self.store, self.queue, item.key, state, item.filled_with(rows), item.total, flagged)

    def _committed(self, item: Item, plan: Plan, group: str) -> None:
        self._last_id = max(self._last_id, item.state.last_id)
        step = Step(plan.undoes or group, item.key)
        self._history.took(plan.kind, step)
        self._recount(item)

    def _mark_queue(self, item: Item) -> None:
        state = standing(item, item.state.marks)
        flagged = item.state.flagged is not None
        queues.mark_item(self.store, self.queue, item.key, state, item.filled, item.total, flagged)

    def _recount(self, item: Item) -> None:
        """Keep the counts without counting a long queue again."""
        state = standing(item, item.state.marks)
        before, self._was = self._was, state
        flag_before, self._was_flagged = self._was_flagged, item.state.flagged is not None
        if self._counts is None or self.entry_of(item.key) is None:
            return
        for word, change in ((before, -1), (state, 1)):
            self._counts[word] = self._counts.get(word, 0) + change
            if not self._counts[word]:
                del self._counts[word]
        self._counts["flagged"] += self._was_flagged - flag_before
        self._words_left += item.entry.n_words * ((state in TO_DO) - (before in TO_DO))

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
