"""What a reader has to keep until it has seen the rest of a large log, kept encoded: a fifth of what it takes as objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, final

import msgspec

__all__ = ["Packed", "PackedMapping", "packed", "packed_mapping", "unpacked"]

_WORTH_PACKING = 512


@final
class Packed:
    """A value of JSON, encoded."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


@final
class PackedMapping(Mapping[str, Any]):
    """An object of JSON, encoded; decoded anew when it is looked into."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __getitem__(self, key: str) -> Any:
        return _recent(self._data)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(_recent(self._data))

    def __len__(self) -> int:
        return len(_recent(self._data))


def packed(value: Any) -> Any:
    """`value` packed, or itself where that saves nothing: where it is small, plain text, or nothing that UTF-8 can hold."""
    if isinstance(value, str):
        if len(value) < _WORTH_PACKING or value.isascii():
            return value
    elif not isinstance(value, dict | list):
        return value
    data = _encoded(value)
    return value if data is None else Packed(data)


def packed_mapping(value: dict[str, Any]) -> Mapping[str, Any]:
    """`value`, packed where that saves memory."""
    data = _encoded(value)
    return value if data is None or len(data) < _WORTH_PACKING else PackedMapping(data)


def unpacked(value: Any) -> Any:
    """What was given to `packed`."""
    return msgspec.msgpack.decode(value.data) if isinstance(value, Packed) else value


def _encoded(value: Any) -> bytes | None:
    try:
        return msgspec.msgpack.encode(value)  # unlike JSON it holds NaN
    except (UnicodeEncodeError, RecursionError, OverflowError, TypeError):
        return None


@lru_cache(maxsize=2)
def _recent(data: bytes) -> dict[str, Any]:
    return _OBJECT.decode(data)


_OBJECT = msgspec.msgpack.Decoder(dict[str, Any])
