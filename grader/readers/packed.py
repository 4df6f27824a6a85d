"""What a reader has to keep until it has seen the rest of a large log, kept encoded: a fifth of what it takes as objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias, final

import msgspec

__all__ = ["Packed", "PackedMapping", "Packer", "unpacked"]

_WORTH_PACKING = 512
_PIECE = 1024
Pieces: TypeAlias = tuple[bytes, ...]
Expand: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]


@final
class Packed:
    """A value of JSON, encoded."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: Pieces) -> None:
        self.pieces = pieces


@final
class PackedMapping(Mapping[str, Any]):
    """An object of JSON, encoded; decoded anew when it is looked into."""

    __slots__ = ("_expand", "_pieces")

    def __init__(self, pieces: Pieces, expand: Expand | None) -> None:
        self._pieces = pieces
        self._expand = expand

    def __getitem__(self, key: str) -> Any:
        return _recent(self._pieces, self._expand)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_recent(self._pieces, self._expand))

    def __len__(self) -> int:
        return len(_recent(self._pieces, self._expand))


@final
class Packer:
    """Packs the values of one log. What several of them begin with alike is kept once.

    Calls that repeat the history before them are alike up to what is new: cut into pieces of one size from the start,
    all pieces before that are the same.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def value(self, value: Any) -> Any:
        """`value` packed, or itself where that saves nothing: where it is small, or nothing that UTF-8 can hold."""
        if isinstance(value, str):
            if len(value) < (2 * _PIECE if value.isascii() else _WORTH_PACKING):
                return value
        elif not isinstance(value, dict | list):
            return value
        data = _encoded(value)
        return value if data is None else Packed(self._pieces(data))

    def mapping(self, value: dict[str, Any], expand: Expand | None = None) -> Mapping[str, Any]:
        """`value`, or what `expand` makes of it, packed where that saves memory."""
        data = _encoded(value)
        if data is None or len(data) < _WORTH_PACKING:
            return value if expand is None else expand(value)
        return PackedMapping(self._pieces(data), expand)

    def _pieces(self, data: bytes) -> Pieces:
        if len(data) < 2 * _PIECE:
            return (data,)
        known = self._known
        pieces = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
        return tuple([known.setdefault(piece, piece) for piece in pieces])


def unpacked(value: Any) -> Any:
    """What was given to a Packer."""
    return msgspec.msgpack.decode(b"".join(value.pieces)) if isinstance(value, Packed) else value


def _encoded(value: Any) -> bytes | None:
    try:
        return msgspec.msgpack.encode(value)  # unlike JSON it holds NaN
    except (UnicodeEncodeError, RecursionError, OverflowError, TypeError):
        return None


@lru_cache(maxsize=2)
def _recent(pieces: Pieces, expand: Expand | None) -> dict[str, Any]:
    value = _OBJECT.decode(b"".join(pieces))
    return value if expand is None else expand(value)


_OBJECT = msgspec.msgpack.Decoder(dict[str, Any])
