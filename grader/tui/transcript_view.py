"""The transcript on screen: one widget for any length, painted line by line.

`python -m grader.tui.transcript_view FILE` shows a transcript alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import ClassVar

from textual import events
from textual.color import Color
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region
from textual.strip import Strip

from grader.store import Outline, Readable
from grader.transcript import Scoped
from grader.tui.document import Document, RowKind
from grader.tui.folds import FoldKey
from grader.tui.marks import Layers, Mark, MarkKind, Place
from grader.tui.messages import SpanDragged
from grader.tui.minimap import Minimap, Overview
from grader.tui.paint import GUTTER, STYLE_NAMES, Painter, Shown
from grader.tui.row_scroll import DISPUTED, ReadingPlace, RowScroll
from grader.tui.seen import Seen

__all__ = ["ReadingPlace", "TranscriptView"]

WIDEST_TEXT = 110
"""Longer rows are hard to read; a wider view centres the text."""

_KEPT_STRIPS = 5_000


class TranscriptView(RowScroll, can_focus=True, inherit_bindings=False):
    """A transcript with one focused message, its marks and its folds.

    Positions of marks are (message index from 1, block from 0, code points); the text stays the log's own.
    """

    ALLOW_SELECT: ClassVar[bool] = False
    KEYS_ARE_BINDINGS: ClassVar[bool] = True
    """It hears no key itself: each is an action of its screen."""
    COMPONENT_CLASSES: ClassVar[set[str]] = set(STYLE_NAMES)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.marks = Layers()
        self.open_messages: set[int] = set()
        """Indices of messages that still lack a required label."""
        self.header_note: Callable[[int], str] = lambda _index: ""
        """What a message's header says at the right, asked when it is painted."""
        self._strips: dict[int, dict[int, Strip]] = {}
        self._strip_count = 0
        self._paint: Painter | None = None
        self._line_filters: list[LineFilter] = []
        self._behind = Color(0, 0, 0)
        self._blank = Strip.blank(0)
        """A row below the end."""
        self.seen = Seen()
        """What of the transcript has been on screen."""
        self._map: Overview | None = None
        self._drag: tuple[int, int, int] | None = None
        self._drag_end: tuple[int, int] | None = None

    # -- what is shown

    def show(
        self,
        transcript: Readable,
        place: ReadingPlace | None = None,
        folds: Iterable[FoldKey] = (),
        outline: Outline | None = None,
    ) -> None:
        """Show a transcript from its beginning or at a place. Marks, notes and what was seen start anew.

        `outline`: of its messages, where it is known; no message is looked at then but those on screen.
        """
        self.marks.clear()
        self.seen = Seen()
        self.open_messages = set()
        self._mark_cursor = None
        self.document = Document(transcript, self.text_width(), folds, outline)
        place = place or ReadingPlace(1, 1, 0)
        self.focus_index = min(max(1, place.focus), max(1, len(self.document)))
        self._refined = 0
        self._start_refining()
        self.repaint_all()
        if self.size.height:
            self.go_to_place(place)
        else:
            self._waiting_place = place

    def dump_folds(self) -> list[object]:
        """The folds changed by hand, as JSON."""
        return self.document.folds.dump()

    def set_filter(self, shown: Callable[[int, Scoped], bool] | None) -> None:
        """Show only some messages; the focus moves to the next one that is shown."""
        self.document.filter(shown)
        self._relaid()
        if not self.document.is_shown(self.focus_index - 1):
            following = self._step(self.focus_index - 1, 1) or self._step(self.focus_index - 1, -1)
            if following is not None:
                self.focus_message(following + 1)
        else:
            self.focus_message(self.focus_index)

    def set_marks(self, layer: str, marks: Mapping[Place, Iterable[Mark]]) -> None:
        """Replace the marks of one layer."""
        self._marks_changed(self.marks.replace(layer, marks))

    def put_marks(self, layer: str, source: Hashable, marks: Mapping[Place, Iterable[Mark]]) -> None:
        """Replace the marks that one source, a label of a message, say, has in a layer."""
        self._marks_changed(self.marks.put(layer, source, marks))

    def hide_layers(self, layers: Iterable[str]) -> None:
        """Show every layer of marks but these."""
        self.marks.hide(layers)
        self.repaint_all()
        self.rows_changed()

    def set_open(self, indices: Iterable[int]) -> None:
        """Which messages still lack a required label."""
        self.open_messages = set(indices)
        self.rows_changed()

    def set_answered(self, index: int, answered: bool) -> None:
        """A message's last required label was set, or one taken back."""
        if (index in self.open_messages) == answered:
            self.open_messages ^= {index}
            if self._map is not None and self._map.answered(index - 1, -1 if answered else 1):
                self.vertical_scrollbar.refresh()

    # -- moving

    def reveal(self, message: int, block: int, offset: int) -> None:
        """Focus a message and bring a code point of it into view, unfolding what hides it."""
        if not 1 <= message <= len(self.document):
            return
        if self.document.unfold_to(message - 1, block):
            self._relaid()
        self.focus_message(message, scroll=False)
        self.document.settle(self.document.top_of(message - 1), self._page)
        self._extend()
        y, _column = self.document.place_of(message - 1, block, offset)
        top = self.scroll_offset.y
        if not top + 1 <= y < top + self._page - 1:
            self._scroll_rows_to(y - self._page // 3, follow_focus=False)

    def next_mark(self, step: int, kinds: int) -> tuple[int, int, Mark] | None:
        """Go to the next (1) or previous (-1) visible mark of some kinds, around the end; None if there is none."""
        places = self.marks.places(kinds)
        if not places:
            return None
        here = self._mark_cursor or (self.focus_index, -1, -1)
        keys = [(message, block, mark.start) for message, block, mark in places]
        if step > 0:
            chosen = next((i for i, key in enumerate(keys) if key > here), 0)
        else:
            chosen = next((i for i in range(len(keys) - 1, -1, -1) if keys[i] < here), len(keys) - 1)
        message, block, mark = places[chosen]
        self.reveal(message, block, mark.start)
        self._mark_cursor = keys[chosen]
        return places[chosen]

    @property
    def mark_cursor(self) -> tuple[int, int, int] | None:
        """(message, block, start) of the mark last gone to, while its message is in focus."""
        return self._mark_cursor

    # -- folding

    def toggle_fold(self) -> bool:
        """Fold or unfold what the focused message has; a message without tool output folds or unfolds its branch."""
        document, position = self.document, self.focus_index - 1
        if not len(document):
            return False
        message = document.outline.shape(position)
        folds = document.folds
        if document.is_thread_folded(position):
            document.fold(message.thread, False)
        elif keys := folds.keys_of(self.focus_index):
            folded = not any(folds.is_folded(key) for key in keys)
            for key in keys:
                document.fold(key, folded)
        elif document.transcript.thread_kind(message.thread) in ("branch", "discarded"):
            document.fold(message.thread, True)
        else:
            return False
        self._relaid()
        self._reveal_message(position)
        return True

    def toggle_all_folds(self) -> bool:
        """Fold all tool output and reasoning, or unfold it if all is folded; True if all is folded now."""
        folded = self.document.folds.any_open()
        self.document.folds.set_all(folded)
        self.document.refresh_all()
        self._relaid()
        self._reveal_message(self.focus_index - 1)
        return folded

    # -- places on the screen

    def offset_at(self, x: int, y: int) -> tuple[int, int, int] | None:
        """(message index, block, code point) under a cell of the widget; None off the text."""
        painter = self._painter()
        found = self.document.offset_at(self.scroll_offset.y + y, x - painter.margin - GUTTER)
        return None if found is None else (found[0] + 1, found[1], found[2])

    def offset_near(self, message: int, block: int, x: int, y: int) -> int | None:
        """The code point of a block nearest to a cell, which may lie off the screen; None on rows of other blocks."""
        document, painter = self.document, self._painter()
        row = min(max(0, self.scroll_offset.y + y), document.total_rows - 1)
        found = document.offset_at(row, x - painter.margin - GUTTER)
        if found is None or (found[0] + 1, found[1]) != (message, block):
            return None
        return min(found[2], max(0, len(document.layout(found[0]).texts[block]) - 1))

    def cell_of(self, message: int, block: int, offset: int) -> tuple[int, int]:
        """(x, y) of a code point, relative to the widget; y may lie outside it."""
        y, column = self.document.place_of(message - 1, block, offset)
        return column + self._painter().margin + GUTTER, y - self.scroll_offset.y

    def first_visible(self) -> tuple[int, int, int] | None:
        """The first word on screen of the focused message: (message, block, code point)."""
        document, position = self.document, self.focus_index - 1
        if not len(document):
            return None
        layout = document.layout(position)
        top = document.top_of(position)
        for number, row in enumerate(layout.rows):
            if (
                row.block >= 0
                and row.start < row.end
                and row.kind == RowKind.TEXT
                and top + number >= self.scroll_offset.y
            ):
                text = layout.texts[row.block]
                start = row.start
                while start < row.end - 1 and text[start].isspace():
                    start += 1
                return self.focus_index, row.block, start
        return None

    def shown_text(self, message: int, block: int) -> str:
        """A block's text as shown: sanitised, one code point for one."""
        return self.document.layout(message - 1).texts[block]

    # -- painting

    def render_lines(self, crop: Region) -> list[Strip]:
        """Strips for the rows in `crop`; line filters are applied here because nobody else does."""
        painter, document = self._painter(), self.document
        strips: list[Strip] = []
        # the toolkit paints before it tells the size: there are no rows yet then
        total = 0 if self._waiting_place is not None else document.total_rows
        y, bottom = self.scroll_offset.y + crop.y, min(self.scroll_offset.y + crop.bottom, total)
        while y < bottom:
            position, number = document.row_at(y)
            strips += self._rows(painter, position, number, bottom - y)
            y = self.scroll_offset.y + crop.y + len(strips)
        self.rows_painted()
        strips += [self._blank] * (crop.height - len(strips))
        if crop.x or crop.right != painter.width:
            [space] = self._blank
            strips = [strip.crop_extend(crop.x, crop.right, space.style) for strip in strips]
        return strips

    def _rows(self, painter: Painter, position: int, first: int, most: int) -> list[Strip]:
        """The rows of a message from `first` on, at most so many."""
        layout = self.document.layout(position)
        last = min(len(layout.rows), first + most)
        cached = self._strips.setdefault(position, {})
        missing = [number for number in range(first, last) if number not in cached]
        if missing:
            index = position + 1
            shown = Shown(self.document, position, layout, self.marks, index == self.focus_index, self.header_note)
            for number in missing:
                cached[number] = self._filtered(painter.row(shown, number))
                self._disputed = self._disputed or DISPUTED.search(cached[number].text) is not None
            self._strip_count += len(missing)
            while self._strip_count > _KEPT_STRIPS and (oldest := next(iter(self._strips))) != position:
                self._strip_count -= len(self._strips.pop(oldest))  # a few at a time: all at once is felt
            if self.document.is_shown(position):
                self.seen.add(index, len(layout.rows), missing)
        return [cached[number] for number in range(first, last)]

    def _filtered(self, strip: Strip) -> Strip:
        for line_filter in self._line_filters:
            strip = strip.apply_filter(line_filter, self._behind)
        return strip

    def _painter(self) -> Painter:
        width = self.scrollable_content_region.width
        if self._paint is None or self._paint.width != width:  # the toolkit paints before it tells a new size
            self._strips.clear()
            self._strip_count = 0
            text = self.text_width()
            self._paint = Painter(
                width=width,
                margin=max(0, (width - GUTTER - 1 - text) // 2) if text == WIDEST_TEXT else 0,
                base=self.rich_style,
                styles={name: self.get_component_rich_style(name, partial=True) for name in STYLE_NAMES},
            )
            self._behind = self.background_colors[1]
            plain = self._paint.is_rgb
            self._line_filters = [
                each for each in self.get_line_filters() if not (plain and isinstance(each, ANSIToTruecolor))
            ]
            self._blank = self._filtered(self._paint.blank)
        return self._paint

    def text_width(self) -> int:
        """Cells for text: the view's, at most `WIDEST_TEXT`."""
        return min(WIDEST_TEXT, max(8, self.scrollable_content_region.width - GUTTER - 1))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._paint = None
        self._strips.clear()
        self._strip_count = 0

    # -- refreshing

    def repaint_all(self) -> None:
        """Paint everything again, with whatever width and styles there are now."""
        self._paint = None
        self._strips.clear()
        self._strip_count = 0
        self.refresh()

    def repaint(self, indices: Iterable[int]) -> None:
        """Paint some messages again, if they are on screen."""
        document, top = self.document, self.scroll_offset.y
        first, _row = document.row_at(top)
        last, _row = document.row_at(top + self._page)
        for index in indices:
            position = index - 1
            dropped = self._strips.pop(position, None)
            self._strip_count -= len(dropped or ())
            if first <= position <= last and position < len(document) and document.heights[position]:
                self.refresh_lines(document.top_of(position), document.heights[position])

    def _marks_changed(self, messages: set[int]) -> None:
        if not messages:
            return
        self.repaint(messages)
        if self._map is not None and self._map.marks_changed(messages, self.marks.messages()):
            self.vertical_scrollbar.refresh()

    def rows_changed(self) -> None:
        """Draw the minimap anew."""
        self._map = None
        if self.size.height:
            self._counted_rows = self.document.total_rows
            self.vertical_scrollbar.refresh()

    def overview(self) -> Overview | None:
        """What the minimap shows, counted when it is drawn: opening changes the rows three times."""
        if self._map is None and self.size.height and self._waiting_place is None:
            self._map = Overview(self.document.heights, self._page)
            self._map.set_open(sorted(self.open_messages))
            self._map.set_marks(self.marks.messages())
            self.focus_moved()
        return self._map

    def focus_moved(self) -> None:
        """Show the focus on the minimap."""
        bar = self.vertical_scrollbar
        if isinstance(bar, Minimap) and self._map is not None and len(self.document):
            cell = self._map.cell_of(self.focus_index - 1)
            if cell != bar.focus_cell:
                bar.focus_cell = cell
                bar.refresh()

    # -- the mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.focus()
        y = self.scroll_offset.y + event.y
        if y < self.document.total_rows:
            self.focus_message(self.document.row_at(y)[0] + 1, scroll=False)
        self._drag = self.offset_at(event.x, event.y)
        self._drag_end = None
        if self._drag is not None:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag is None:
            return
        found = self.offset_at(event.x, event.y)
        message, block, start = self._drag
        if found is None or found[:2] != (message, block):
            return
        self._drag_end = (min(start, found[2]), max(start, found[2]) + 1)
        self.set_marks("selection", {(message, block): [Mark(*self._drag_end, MarkKind.SELECTION)]})

    def on_mouse_up(self, _event: events.MouseUp) -> None:
        if self._drag is None:
            return
        self.release_mouse()
        (message, block, _start), end = self._drag, self._drag_end
        self._drag = self._drag_end = None
        if end is not None:
            self.post_message(SpanDragged(message, block, *end))


def _main(arguments: list[str]) -> int:
    from grader.tui.demo import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
