"""Scrolling over rows of which most are only estimated, with one message in focus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from time import monotonic
from typing import NamedTuple

from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.timer import Timer
from textual.widget import Widget

from grader.transcript import Scoped, Transcript, is_target_speech
from grader.tui.document import Document, RowKind
from grader.tui.messages import FocusMoved
from grader.tui.minimap import Minimap, Overview

__all__ = ["DISPUTED", "ReadingPlace", "RowScroll"]

# Wrapping this much takes 10-20 ms, and then the scrollbar never moves by itself; the rest is refined in idle slices.
_WRAP_AT_ONCE = 2_000_000
_SLICE_CHARACTERS = 40_000
_IDLE_SECONDS = 0.3

# Skin tones, joined emoji, symbols made wide, flags, and emoji younger than many a terminal.
DISPUTED = re.compile("[\u200d\ufe0f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff\U0001fa70-\U0001faff]")


class ReadingPlace(NamedTuple):
    """Where somebody is in a transcript; JSON-able, so that a session resumes exactly there."""

    focus: int
    """Index of the focused message, from 1."""
    top: int
    """Index of the message on the first row."""
    row: int
    """Row of that message on the first row, from 0."""


class RowScroll(ScrollView, inherit_bindings=False):
    """A window on the rows of a `Document`: scrolls at once, keeps the text under the eye where it is, moves the focus.

    Whoever paints says how: `text_width`, `repaint`, `repaint_all`, `rows_changed`.
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.document = Document(Transcript(id="", digest="", source="", format="", messages=()), 80)
        self.focus_index = 1
        self._mark_cursor: tuple[int, int, int] | None = None
        self._refined = 0
        self._refiner: Timer | None = None
        self._last_move = 0.0
        self._waiting_place: ReadingPlace | None = None
        self._counted_rows = 0
        self._disputed = False
        self._mending = False

    # -- what the painter below provides

    def text_width(self) -> int:
        """Cells for text."""
        raise NotImplementedError

    def repaint(self, indices: Iterable[int]) -> None:
        """Some messages look different now."""
        raise NotImplementedError

    def repaint_all(self) -> None:
        """Everything looks different now."""
        raise NotImplementedError

    def rows_changed(self) -> None:
        """The number of rows is another one."""

    def overview(self) -> Overview | None:
        """The map beside the rows."""
        return None

    def focus_moved(self) -> None:
        """Another message is in focus."""

    def rows_painted(self) -> None:
        """Rows were painted. Where a terminal may take them for wider than they are, all is painted once more, piece by piece.

        tmux 3.3 gives a skin tone two cells of its own, for one: such a row runs over the panel beside it, and what it leaves
        there would stay, since nobody changed the panel.
        """
        if self._disputed:
            self._mending = not self._mending
            if self._mending:
                self.call_after_refresh(self._paint_pieces)

    def _paint_pieces(self) -> None:
        """As two regions: one that is the whole screen is written row by row, without placing what stands in it."""
        width, height = self.screen.size
        self.screen.refresh(Region(0, 0, width, height - 1), Region(0, height - 1, width, 1))

    def touched(self) -> None:
        """A key was pressed: refining waits."""
        self._last_move = monotonic()

    # -- places

    def place(self) -> ReadingPlace:
        """Where the reader is now."""
        if not len(self.document):
            return ReadingPlace(1, 1, 0)
        position, row = self.document.row_at(self.scroll_offset.y)
        return ReadingPlace(self.focus_index, position + 1, row)

    def go_to_place(self, place: ReadingPlace) -> None:
        """Put a row of a message on the first row, and the focus where it was."""
        count = len(self.document)
        if not count:
            self._extend()
            self.refresh()
            return
        top = min(max(1, place.top), count) - 1
        self.document.layout(top)
        y = self.document.top_of(top) + min(max(0, place.row), max(0, self.document.heights[top] - 1))
        self._scroll_rows_to(y, follow_focus=False)
        self.focus_message(min(max(1, place.focus), count), scroll=False)

    def scroll_rows(self, rows: int) -> None:
        """Scroll by rows; the focus follows only when it would leave the screen."""
        self._scroll_rows_to(self.scroll_offset.y + rows)

    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages, less one row."""
        self._scroll_rows_to(self.scroll_offset.y + pages * max(1, self._page - 1))

    def go_end(self, end: int) -> None:
        """To the first row (-1) or the last (1), with the focus on the first or last message."""
        count = len(self.document)
        if count:
            self._scroll_rows_to(0 if end < 0 else self.document.total_rows)
            edge = self._step(-1, 1) if end < 0 else self._step(count, -1)
            if edge is not None:
                self.focus_message(edge + 1, scroll=False)
            self._scroll_rows_to(0 if end < 0 else self.document.total_rows)

    def move_focus(self, step: int, *, target: bool = False) -> bool:
        """Focus the next (1) or previous (-1) message, with `target` of the model under test; False if there is none."""
        transcript = self.document.transcript
        accepted = (lambda shape: is_target_speech(transcript, shape)) if target else None
        found = self._step(self.focus_index - 1, step, accepted)
        if found is None:
            return False
        self.focus_message(found + 1)
        return True

    def focus_message(self, index: int, *, scroll: bool = True) -> None:
        """Focus a message and, unless told otherwise, bring it into view; opens the thread that hides it."""
        if not 1 <= index <= len(self.document):
            return
        if not self.document.is_shown(index - 1) and self.document.unfold_to(index - 1):
            self._relaid()
        old, self.focus_index = self.focus_index, index
        if old != index:
            self.repaint({old, index})
        if scroll:
            self._reveal_message(index - 1)
        self.focus_moved()
        if old != index:
            self._mark_cursor = None
            self.post_message(FocusMoved(index))

    # -- scrolling

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height)

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        if self._vertical_scrollbar is None:
            bar = Minimap(vertical=True, name="vertical", thickness=1)
            self._vertical_scrollbar = bar
            bar.display = False
            bar.overview = self.overview
            self.app._start_widget(self, bar)
        return self._vertical_scrollbar

    def on_resize(self, _event: events.Resize) -> None:
        if self._waiting_place is not None:
            place, self._waiting_place = self._waiting_place, None
            self.document.resize(self.text_width())
            self._relaid()
            self.go_to_place(place)
            return
        document = self.document
        if self.text_width() == document.width:
            self.repaint_all()
            self._scroll_rows_to(self.scroll_offset.y, follow_focus=False)
            self._scroll_to_focus()
            return
        anchor = self._text_on_first_row()
        document.resize(self.text_width())
        self._refined = 0
        self._start_refining()
        self._relaid()
        position, block, offset, row = anchor
        if not len(document):
            return
        y, _column = document.place_of(position, block, offset) if block >= 0 else (document.top_of(position) + row, 0)
        self._scroll_rows_to(y, follow_focus=False)
        self._scroll_to_focus()

    def _text_on_first_row(self) -> tuple[int, int, int, int]:
        """(position, block or -1, offset, row) at the top of the screen, in the layout as it was."""
        document = self.document
        if not len(document):
            return 0, -1, 0, 0
        position, number = document.row_at(self.scroll_offset.y)
        rows = document.layout(position).rows
        row = rows[min(number, len(rows) - 1)] if rows else None
        if row is None or row.kind != RowKind.TEXT:
            return position, -1, 0, number if row is None or row.kind < RowKind.BLOCK else 0
        return position, row.block, row.start, number

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if round(old_value) != round(new_value):
            self._arrived(round(new_value))
        elif self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value

    def _scroll_rows_to(self, y: int, *, follow_focus: bool = True) -> None:
        """Scroll at once to a row; what is there is laid out before it is painted."""
        if not self.size.height:
            return
        page = self._page
        y = max(0, min(y, self.document.total_rows - page))
        y = self.document.settle(y, page)
        self._extend()
        y = max(0, min(y, self.document.total_rows - page))
        if y != self.scroll_offset.y:
            self._last_move = monotonic()
        self.set_reactive(Widget.scroll_y, float(y))
        self.set_reactive(Widget.scroll_target_y, float(y))
        self._show_position()
        if follow_focus:
            self._keep_focus_visible()

    def _arrived(self, y: int) -> None:
        self._last_move = monotonic()
        settled = self.document.settle(y, self._page)
        self._extend()
        if settled != y:
            self.set_reactive(Widget.scroll_y, float(settled))
            self.set_reactive(Widget.scroll_target_y, float(settled))
        self._show_position()
        self._keep_focus_visible()

    def _show_position(self) -> None:
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y
        self.refresh()

    def _extend(self) -> None:
        """Tell the toolkit how many rows there are, without the screen layout a change of `virtual_size` costs."""
        size = Size(self.scrollable_content_region.width, self.document.total_rows)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.window_virtual_size = size.height
                self.vertical_scrollbar.window_size = self._page
            if abs(size.height - self._counted_rows) > size.height // 50:
                self.rows_changed()

    def _focused_rows(self) -> tuple[int, int]:
        """First and last row of the focused message."""
        document, position = self.document, self.focus_index - 1
        top = document.top_of(position)
        bottom = top + max(1, document.heights[position]) - 1
        return top, bottom - (bottom > top)  # the blank row after a message is not the message

    def _scroll_to_focus(self) -> None:
        """Bring the focused message back: when the window changes, the next key must not go to another message."""
        if len(self.document) and self.size.height:
            top, bottom = self._focused_rows()
            first = self.scroll_offset.y
            if bottom < first or top > first + self._page - 1:
                self._reveal_message(self.focus_index - 1)

    def _keep_focus_visible(self) -> None:
        document = self.document
        if not len(document):
            return
        first, last = self.scroll_offset.y, self.scroll_offset.y + self._page - 1
        top, bottom = self._focused_rows()
        if bottom < first:
            near, row = document.row_at(first)
            if row >= len(document.layout(near).rows) - 1 and row > 0:
                near = self._step(near, 1) or near
            self.focus_message(near + 1, scroll=False)
        elif top > last:
            self.focus_message(document.row_at(last)[0] + 1, scroll=False)

    def _reveal_message(self, position: int) -> None:
        document = self.document
        page = self._page
        document.settle(document.top_of(position), page)
        self._extend()
        top, height = document.top_of(position), document.heights[position]
        first = self.scroll_offset.y
        if first <= top and top + height - 1 <= first + page:
            self._show_position()
        else:
            self._scroll_rows_to(top - (1 if height < page - 1 else 0), follow_focus=False)

    def _relaid(self) -> None:
        """Folds, filter or width changed: heights are new."""
        self.repaint_all()
        self._scroll_rows_to(self.scroll_offset.y, follow_focus=False)
        self.rows_changed()

    def _step(self, position: int, step: int, accepted: Callable[[Scoped], bool] | None = None) -> int | None:
        """The next shown message from a position on that `accepted` takes."""
        document, at = self.document, position + step
        while 0 <= at < len(document):
            if document.is_shown(at) and (accepted is None or accepted(document.outline.shape(at))):
                return at
            at += step
        return None

    def _start_refining(self) -> None:
        if self._refiner is not None:
            self._refiner.stop()
            self._refiner = None
        if self.document.is_short(_WRAP_AT_ONCE):
            self._refined = self.document.settle_some(0, _WRAP_AT_ONCE * 4)
        else:
            self._refiner = self.set_interval(0.05, self._refine)

    def _refine(self) -> None:
        if monotonic() - self._last_move < _IDLE_SECONDS or not self.document.total_rows:
            return
        document = self.document
        position, row = document.row_at(self.scroll_offset.y)
        self._refined = document.settle_some(self._refined, _SLICE_CHARACTERS)
        y = document.top_of(position) + row
        if y != self.scroll_offset.y:  # the same text on the same row: nothing to paint
            self.set_reactive(Widget.scroll_y, float(y))
            self.set_reactive(Widget.scroll_target_y, float(y))
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.set_reactive(ScrollBar.position, float(y))
        # A frame per slice would keep a slow line busy for nothing: the map is drawn anew when it looks different.
        if abs(document.total_rows - self.virtual_size.height) > document.total_rows // 50 or self._refined >= len(
            document
        ):
            self._extend()
        if self._refined >= len(document) and self._refiner is not None:
            self._refiner.stop()
            self._refiner = None
