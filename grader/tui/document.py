"""A transcript as rows: what stands on row y, where a place of the text is found, exact near the eye and estimated elsewhere."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import NamedTuple, final

from grader.store import Outline, Readable
from grader.text import sanitise
from grader.transcript import Block, Message, Scoped
from grader.tui.folds import FOLD_COLUMNS, LONG_OUTPUT, FoldKey, Folds
from grader.tui.heights import Heights
from grader.tui.wrap import column_of, offset_at, wrap

__all__ = ["Document", "MessageLayout", "RowKind", "RowOf"]


class RowKind(IntEnum):
    """What a row of the view shows."""

    THREAD = 0
    HEAD = 1
    BLOCK = 2
    FOLDED = 3
    TEXT = 4
    BLANK = 5


class RowOf(NamedTuple):
    """One row: the block it belongs to (-1: the message) and the offsets it shows; FOLDED rows carry how many rows they hide in `end`."""

    kind: RowKind
    block: int = -1
    start: int = 0
    end: int = 0


class MessageLayout(NamedTuple):
    """A message laid out for one width."""

    rows: tuple[RowOf, ...]
    texts: tuple[str, ...]
    """The blocks' texts as shown: sanitised, one code point for one."""


_SPECIAL = (RowOf(RowKind.THREAD), RowOf(RowKind.HEAD), RowOf(RowKind.BLANK))
_KEPT_LAYOUTS = 600
# Rows of one message past which its layout is dropped first: a 20 MB log is laid out again rather than kept.
_KEPT_ROWS = 200_000


@final
class Document:
    """Rows of a transcript at a width, with its folds and its filter.

    Heights start as estimates (length and line breaks); `settle` makes those around the eye exact.
    Positions count messages from 0, indices from 1 as `[M1]` does.
    """

    def __init__(
        self,
        transcript: Readable,
        width: int,
        changed_folds: Iterable[FoldKey] = (),
        outline: Outline | None = None,
    ) -> None:
        self.transcript = transcript
        self.messages = transcript.messages
        self.outline = outline if outline is not None else Outline.of(transcript.messages)
        self.width = max(4, width)
        self.folds = Folds(self.outline, transcript.thread_kind, changed_folds)
        self._shown: Callable[[int, Scoped], bool] | None = None
        self._heads = _thread_heads(self.outline)
        self._folded_threads = self._threads_folded()
        self._layouts: OrderedDict[int, MessageLayout] = OrderedDict()
        self._kept_rows = 0
        self._exact = bytearray(len(self.messages))
        self._heights: Heights | None = None

    def __len__(self) -> int:
        return len(self.messages)

    @property
    def total_rows(self) -> int:
        return self.heights.total

    @property
    def heights(self) -> Heights:
        """Rows of each message, estimated when first asked for: a view that has no size yet asks for none."""
        if self._heights is None:
            self._heights = self._estimate()
        return self._heights

    def resize(self, width: int) -> None:
        """Lay out again for another width; everything is an estimate until settled."""
        if width != self.width:
            self.width = max(4, width)
            self.refresh_all()

    def refresh_all(self) -> None:
        """Forget every layout: the folds or the filter changed everywhere."""
        self._layouts.clear()
        self._kept_rows = 0
        self._exact = bytearray(len(self.messages))
        self._folded_threads = self._threads_folded()
        self._heights = None

    def filter(self, shown: Callable[[int, Scoped], bool] | None) -> None:
        """Show only the messages `shown` accepts, by index from 1 and outline; None shows all."""
        self._shown = shown
        self.refresh_all()

    def is_shown(self, position: int) -> bool:
        """Whether the message has rows now: not filtered out, not inside a folded thread."""
        return not self._hidden(position)

    def top_of(self, position: int) -> int:
        """The row at which a message begins."""
        return self.heights.before(position)

    def row_at(self, y: int) -> tuple[int, int]:
        """(position, row within it) of row `y`."""
        return self.heights.find(y)

    def layout(self, position: int) -> MessageLayout:
        """The rows of a message, laid out now if they are not yet; corrects its height."""
        found = self._layouts.get(position)
        if found is not None:
            self._layouts.move_to_end(position)
            return found
        found = self._lay_out(position)
        self._layouts[position] = found
        self._kept_rows += len(found.rows)
        while len(self._layouts) > 1 and (len(self._layouts) > _KEPT_LAYOUTS or self._kept_rows > _KEPT_ROWS):
            _old, dropped = self._layouts.popitem(last=False)
            self._kept_rows -= len(dropped.rows)
        self._exact[position] = 1
        self.heights.set(position, len(found.rows))
        return found

    def settle(self, y: int, rows: int) -> int:
        """Make heights exact from three screens before row `y` to three after; returns the row where the text at `y` is now."""
        position, within = self.row_at(y)
        if not self.heights.total:
            return 0
        exact = self._exact
        if not exact[position]:
            self.layout(position)
            within = min(within, max(0, self.heights[position] - 1))
        reach = 3 * rows
        at, left = position, reach - within
        while left > 0 and at > 0:
            at -= 1
            if not exact[at]:
                self.layout(at)
            left -= self.heights[at]
        at, left = position, rows + reach + within
        while left > 0 and at < len(exact):
            if not exact[at]:
                self.layout(at)
            left -= self.heights[at]
            at += 1
        return self.top_of(position) + within

    def settle_some(self, start: int, characters: int) -> int:
        """Make exact what is not yet from position `start` on, about `characters` of text; returns where to go on."""
        position, exact = start, self._exact
        while position < len(exact) and characters > 0:
            if not exact[position]:
                self.heights.set(position, self._count_rows(position))
                exact[position] = 1
                characters -= 200 + self._chars_of(position)
            position += 1
        return position

    def _chars_of(self, position: int) -> int:
        first, size = self.outline.first_block[position], len(self.outline.shape(position).blocks)
        return sum(self.outline.chars[first : first + size])

    def changed(self, position: int) -> None:
        """A message's folds changed: lay it out again."""
        dropped = self._layouts.pop(position, None)
        if dropped is not None:
            self._kept_rows -= len(dropped.rows)
        self._exact[position] = 0
        self.layout(position)

    def fold(self, key: FoldKey, folded: bool) -> bool:
        """Fold or unfold a block or a thread; False if it was so already."""
        if not self.folds.set(key, folded):
            return False
        if isinstance(key, str):
            self.refresh_all()
        else:
            self.changed(key[0] - 1)
        return True

    def unfold_to(self, position: int, block: int | None = None) -> bool:
        """Open what hides a message or one of its blocks; True if anything opened."""
        opened = False
        thread = self.outline.shape(position).thread
        if thread in self._folded_threads:
            opened = self.fold(thread, False)
        if block is not None and self.folds.is_folded((position + 1, block)):
            opened = self.fold((position + 1, block), False) or opened
        return opened

    def place_of(self, position: int, block: int, offset: int) -> tuple[int, int]:
        """(row, column) of a code point; where its block is folded, the row that stands for it."""
        layout = self.layout(position)
        top = self.top_of(position)
        nearest = 0
        for number, row in enumerate(layout.rows):
            if row.block != block:
                continue
            nearest = number
            if row.kind == RowKind.TEXT and row.start <= offset < max(row.end, row.start + 1):
                return top + number, column_of(layout.texts[block], (row.start, row.end), offset)
            if row.kind == RowKind.FOLDED:
                return top + number, 0
            if row.kind == RowKind.TEXT and row.start > offset:  # the space a row was broken at
                previous = layout.rows[number - 1]
                return top + number - 1, column_of(layout.texts[block], (previous.start, previous.end), previous.end)
        row = layout.rows[nearest] if layout.rows else _SPECIAL[2]
        if row.kind == RowKind.TEXT:
            return top + nearest, column_of(layout.texts[block], (row.start, row.end), offset)
        return top + nearest, 0

    def offset_at(self, y: int, column: int) -> tuple[int, int, int] | None:
        """(position, block, offset) of the code point on row `y` at `column`; None off the text."""
        if not 0 <= y < self.total_rows:
            return None
        position, number = self.row_at(y)
        layout = self.layout(position)
        row = layout.rows[min(number, len(layout.rows) - 1)]
        if row.kind != RowKind.TEXT:
            return None
        return position, row.block, offset_at(layout.texts[row.block], (row.start, row.end), max(0, column))

    def thread_size(self, position: int) -> int:
        """How many messages the thread that begins here has."""
        return self._heads.get(position, 0)

    def is_thread_folded(self, position: int) -> bool:
        """Whether the message's whole thread is folded."""
        return self.outline.shape(position).thread in self._folded_threads

    def _hidden(self, position: int) -> bool:
        shape = self.outline.shape(position)
        return shape.thread in self._folded_threads or (
            self._shown is not None and not self._shown(position + 1, shape)
        )

    def _threads_folded(self) -> frozenset[str]:
        threads = {self.outline.shape(position).thread for position in self._heads}
        return frozenset(name for name in threads if self.folds.is_folded(name))

    def _estimate(self) -> Heights:
        heights = self._estimated_rows()
        if self._folded_threads or self._shown is not None:
            for position in range(len(heights)):
                if self._hidden(position):
                    heights[position], self._exact[position] = 0, 1
        for position in self._heads:
            heights[position] += 1
        return Heights(heights)

    def _estimated_rows(self) -> list[int]:
        """Rows of each message from lengths and line breaks alone: -3 % over 10,000 messages, 15-40 ms for 100,000."""
        outline, width = self.outline, self.width
        shapes, chars, lines = outline.shapes, outline.chars, outline.lines
        # (rows whatever its length, how it folds) of each block of each shape
        traits = [[(1 + (block.kind != "text"), _folding(block.kind)) for block in shape.blocks] for shape in shapes]
        single = isinstance(outline.first_block, range)
        of_blocks: Iterable[tuple[int, int]]
        if single:
            of_shape = [blocks[0] for blocks in traits]
            of_blocks = [of_shape[shape] for shape in outline.shape_of]
        else:
            of_blocks = [block for shape in outline.shape_of for block in traits[shape]]
        if any(folding for blocks in traits for _rows, folding in blocks):
            rows = [
                1 if folding and (folding == _ALWAYS or breaks + length // FOLD_COLUMNS > LONG_OUTPUT) and length
                else least + length // width + breaks // 2
                for (least, folding), length, breaks in zip(of_blocks, chars, lines, strict=True)
            ]  # fmt: skip
        else:
            rows = [
                least + length // width + breaks // 2
                for (least, _folding), length, breaks in zip(of_blocks, chars, lines, strict=True)
            ]
        if single:
            return [2 + height for height in rows]
        ends = [0, *accumulate(rows)]
        return [2 + ends[last] - ends[first] for first, last in pairwise(outline.first_block)]

    def is_short(self, characters: int) -> bool:
        """Whether all text together is at most so long."""
        return sum(self.outline.chars) <= characters

    def _lay_out(self, position: int) -> MessageLayout:
        message = self.messages[position]
        rows: list[RowOf] = []
        if position in self._heads:
            rows.append(_SPECIAL[0])
        if self._hidden(position):
            return MessageLayout(tuple(rows), ("",) * len(message.blocks))
        rows.append(_SPECIAL[1])
        texts = tuple(sanitise(block.text) for block in message.blocks)
        for number, (block, text) in enumerate(zip(message.blocks, texts, strict=True)):
            rows.extend(self._block_rows(message, number, block, text))
        rows.append(_SPECIAL[2])
        return MessageLayout(tuple(rows), texts)

    def _count_rows(self, position: int) -> int:
        """The height of a message, without its layout."""
        message = self.messages[position]
        rows = int(position in self._heads)
        if self._hidden(position):
            return rows
        for number, block in enumerate(message.blocks):
            if self.folds.is_folded((message.index, number)):
                rows += 1
            else:
                rows += _has_heading(message, block) + (
                    len(wrap(sanitise(block.text), self.width)) if block.text else 0
                )
        return rows + 2

    def _block_rows(self, message: Message, number: int, block: Block, text: str) -> list[RowOf]:
        wrapped = wrap(text, self.width) if text else []
        if self.folds.is_folded((message.index, number)):
            return [RowOf(RowKind.FOLDED, number, 0, len(wrapped))]
        rows = [RowOf(RowKind.TEXT, number, start, end) for start, end in wrapped]
        if _has_heading(message, block):
            rows.insert(0, RowOf(RowKind.BLOCK, number))
        return rows


_IF_LONG, _ALWAYS = 1, 2


def _folding(kind: str) -> int:
    """When a block of a kind starts folded, as `folds_by_default` has it."""
    return _ALWAYS if kind == "reasoning" else _IF_LONG if kind == "tool_result" else 0


def _has_heading(message: Message, block: Block) -> bool:
    """Text and media need none, and neither does the one result that the message's own header names."""
    if block.kind in ("text", "media"):
        return False
    return not (block.kind == "tool_result" and message.role == "tool" and len(message.blocks) == 1 and not block.error)


def _thread_heads(outline: Outline) -> dict[int, int]:
    """Position of the first message of every thread but main → how many messages it has."""
    threads = [shape.thread for shape in outline.shapes]
    heads: dict[int, int] = {}
    if all(thread == "main" for thread in threads):
        return heads
    head, current = -1, "main"
    for position, shape in enumerate(outline.shape_of):
        if threads[shape] != current:
            head, current = position, threads[shape]
            if current != "main":
                heads[head] = 0
        if current != "main":
            heads[head] += 1
    return heads
