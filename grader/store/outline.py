"""A transcript without its text: who speaks, in which thread, in how many blocks of what size. Opens in milliseconds at any length."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, islice, repeat
from typing import Any, final, overload

import msgspec

from grader.transcript import Message, Scope, scoped_positions

__all__ = ["BlockOutline", "MessageOutline", "MessageShape", "Outline", "OutlineWriter", "read_outline"]


class BlockOutline(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A block without its text."""

    kind: str
    name: str | None
    n_chars: int
    n_lines: int
    """Line breaks in the text."""


class MessageOutline(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message without its text: enough to estimate heights and to know what is in scope."""

    role: str
    name: str | None
    thread: str
    flags: tuple[str, ...]
    blocks: tuple[BlockOutline, ...]


class BlockShape(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What blocks of one sort have in common."""

    kind: str
    name: str | None


class MessageShape(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What messages of one sort have in common: a long transcript has thousands of messages of a few shapes."""

    role: str
    name: str | None
    thread: str
    flags: tuple[str, ...]
    blocks: tuple[BlockShape, ...]


@final
class Outline(Sequence[MessageOutline]):
    """The outlines of all messages, message n at n - 1, as columns; one is made when it is asked for."""

    def __init__(
        self, shapes: Sequence[MessageShape], shape_of: array[int], chars: array[int], lines: array[int]
    ) -> None:
        self.shapes = shapes
        self.shape_of = shape_of
        """Position in `shapes`, per message."""
        self.chars = chars
        """Code points, per block in reading order."""
        self.lines = lines
        """Line breaks, per block."""

    @classmethod
    def of(cls, messages: Iterable[Message]) -> Outline:
        """The outline of messages that are at hand."""
        writer = OutlineWriter()
        writer.extend(list(messages))
        return writer.outline()

    def __len__(self) -> int:
        return len(self.shape_of)

    @overload
    def __getitem__(self, at: int) -> MessageOutline: ...
    @overload
    def __getitem__(self, at: slice) -> list[MessageOutline]: ...
    def __getitem__(self, at: int | slice) -> MessageOutline | list[MessageOutline]:
        if isinstance(at, slice):
            return [self[position] for position in range(*at.indices(len(self)))]
        shape = self.shapes[self.shape_of[at]]
        first = self.first_block[at if at >= 0 else at + len(self)]
        blocks = tuple(
            BlockOutline(block.kind, block.name, self.chars[first + number], self.lines[first + number])
            for number, block in enumerate(shape.blocks)
        )
        return MessageOutline(shape.role, shape.name, shape.thread, shape.flags, blocks)

    def __iter__(self) -> Iterator[MessageOutline]:
        return (self[position] for position in range(len(self)))

    @cached_property
    def first_block(self) -> Sequence[int]:
        """Per message, the position of its first block among all."""
        if all(len(shape.blocks) == 1 for shape in self.shapes):
            return range(len(self))
        sizes = [len(shape.blocks) for shape in self.shapes]
        return [0, *accumulate(sizes[shape] for shape in self.shape_of)]

    def shape(self, position: int) -> MessageShape:
        """The shape of a message, by position from 0."""
        return self.shapes[self.shape_of[position]]

    def scope(self, thread_kind: Callable[[str], str], scope: Scope) -> dict[int, list[int]]:
        """Messages (from 1) in `scope` with the positions of their blocks in it: as `grader.transcript.in_scope`."""
        # decided once a shape: a walk over the messages themselves takes twenty times as long
        accepted = dict(scoped_positions(self.shapes, thread_kind, scope))
        return {index: accepted[shape] for index, shape in enumerate(self.shape_of, 1) if shape in accepted}


@final
class OutlineWriter:
    """Collects the outline of a transcript."""

    def __init__(self) -> None:
        self._shapes: dict[Any, int] = {}
        self._shape_of: list[int] = []
        self._chars: list[int] = []
        self._lines: list[int] = []

    def extend(self, messages: Sequence[Message]) -> tuple[list[int], int]:
        """Take in messages; returns the code points of each, and the words of all (runs between spaces and line breaks)."""
        texts = [block.text for message in messages for block in message.blocks]
        chars = list(map(len, texts))
        lines = list(map(str.count, texts, repeat("\n")))
        words = sum(map(str.count, texts, repeat(" "))) + sum(lines) + len(texts)
        self._chars += chars
        self._lines += lines
        known, shape_of = self._shapes, self._shape_of
        single = True
        for message in messages:
            blocks = message.blocks
            if len(blocks) == 1:
                block = blocks[0]
                shape: Any = (message.role, message.name, message.thread, message.flags, block.kind, block.name)
            else:
                single = False
                kinds = tuple([(block.kind, block.name) for block in blocks])
                shape = (message.role, message.name, message.thread, message.flags, kinds)
            number = known.get(shape)
            if number is None:
                number = known[shape] = len(known)
            shape_of.append(number)
        if single:
            return chars, words
        counted = iter(chars)
        return [sum(islice(counted, len(message.blocks))) for message in messages], words

    def outline(self) -> Outline:
        """What was collected."""
        shapes = [
            MessageShape(role, name, thread, flags, tuple([BlockShape(*block) for block in blocks]))
            for role, name, thread, flags, blocks in self._nested()
        ]
        return Outline(shapes, array("I", self._shape_of), array("I", self._chars), array("I", self._lines))

    def packed(self) -> bytes:
        """What `read_outline` reads."""
        columns = [_bytes(column) for column in (self._shape_of, self._chars, self._lines)]
        return _PACK.encode({"shapes": self._nested(), "columns": columns})

    def _nested(self) -> list[Any]:
        """The shapes, blocks as pairs; those of one block are kept flat, which is half the work for each message."""
        return [shape if len(shape) == 5 else (*shape[:4], (shape[4:],)) for shape in self._shapes]


def read_outline(data: bytes) -> Outline:
    """An outline as `OutlineWriter` packs it, or as a list of `MessageOutline`, which databases had before."""
    if data[:1] and data[0] & 0xF0 == 0x80:  # MessagePack: a map
        packed = _PACKED.decode(data)
        return Outline(packed.shapes, *(_column(column) for column in packed.columns))
    shapes: dict[MessageShape, int] = {}
    shape_of, chars, lines = array("I"), array("I"), array("I")
    for told in _LISTED.decode(data):
        blocks = tuple(BlockShape(block.kind, block.name) for block in told.blocks)
        shape = MessageShape(told.role, told.name, told.thread, told.flags, blocks)
        shape_of.append(shapes.setdefault(shape, len(shapes)))
        chars.extend(block.n_chars for block in told.blocks)
        lines.extend(block.n_lines for block in told.blocks)
    return Outline(list(shapes), shape_of, chars, lines)


class _Packed(msgspec.Struct):
    shapes: list[MessageShape]
    columns: tuple[bytes, bytes, bytes]


def _bytes(column: list[int]) -> bytes:
    packed = array("I", column)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _column(data: bytes) -> array[int]:
    column = array("I")
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column


_PACK = msgspec.msgpack.Encoder()
_PACKED = msgspec.msgpack.Decoder(_Packed)
_LISTED = msgspec.msgpack.Decoder(list[MessageOutline])
