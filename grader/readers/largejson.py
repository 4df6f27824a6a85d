"""JSON documents too large to be decoded whole: walked through a window, item by item, the unneeded skipped undecoded."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import msgspec

from grader.readers.evidence import SAMPLE, Head
from grader.readers.json_window import VALUES, JsonWindow
from grader.readers.report import Skip

__all__ = [
    "VALUES",
    "Outline",
    "document_head",
    "list_head",
    "members_of",
    "nested_values",
    "outline_of",
    "values_at",
]


def values_at(
    stream: IO[bytes],
    key: str | None,
    limit: int,
    *,
    nth: int = 1,
    decoder: msgspec.json.Decoder[list[Any]] = VALUES,
) -> Iterator[list[Any] | bytes | bytearray]:
    """The items of the list under `key` of the top-level object, or, with None, of the top-level list.

    Small ones come as lists of several, decoded: a decoder that is called once for a thousand of them is several times
    faster than one called for each. An item alone is JSON, for it is large or not strict; it is given as far as its brackets
    go. `nth`: which list under `key`, where a document repeats the key. Raises ValueError where the document breaks off or
    something follows the top-level list, Skip("too_large") for an item over `limit` bytes.
    """
    window = JsonWindow(stream, limit)
    if key is None:
        yield from window.runs(decoder)
        window.end()
        return
    for name in window.members():
        if name == key and window.peek() == b"[":
            nth -= 1
            if nth == 0:
                yield from window.runs(decoder)
                return
        window.skip()


def nested_values(
    stream: IO[bytes], path: Sequence[Collection[str]], limit: int
) -> Iterator[list[Any] | bytes | bytearray]:
    """The items of the lists under a key of `path[0]`, in each of whose items under a key of `path[1]`, and so on."""
    window = JsonWindow(stream, limit)
    yield from _nested(window, path)
    window.end()


def _nested(window: JsonWindow, path: Sequence[Collection[str]]) -> Iterator[list[Any] | bytes | bytearray]:
    for name in window.members():
        if name not in path[0] or window.peek() != b"[":
            window.skip()
        elif len(path) == 1:
            yield from window.runs()
        else:
            for _ in window.places():
                if window.peek() == b"{":
                    yield from _nested(window, path[1:])
                else:
                    window.skip()


@dataclass(slots=True)
class Outline:
    """An object that is too large to be decoded whole, in one pass over it."""

    top: dict[str, Any]
    """Its members, each decoded where it is small; of a large one a sample."""
    large: dict[str, int]
    """Key of each large member → which of the lists under that key it is, from 1 (the last counts); 0 for what is no list."""
    replaced: int = 0
    """Places that were not UTF-8, in the small members."""
    fault: str | None = None
    """Why the document ends where it does, when that is not at its end."""


def outline_of(stream: IO[bytes], limit: int) -> Outline:
    """The outline of the object in `stream`, as far as it can be walked."""
    window = JsonWindow(stream, limit)
    found = Outline({}, {})
    lists: Counter[str] = Counter()
    walked: str | None = None
    try:
        for name in window.members():
            walked = name
            is_list = window.peek() == b"["
            lists[name] += is_list
            found.large.pop(name, None)
            if not window.sample_into(found.top, name):
                found.large[name] = lists[name] if is_list else 0
            walked = None
        window.end()
    except ValueError as error:
        found.fault = str(error)
        if walked is not None and lists[walked] and walked in found.top:  # the list in which it breaks off
            found.large[walked] = lists[walked]
    found.replaced = window.replaced
    return found


def members_of(
    stream: IO[bytes], keys: Collection[str], limit: int, *, last: bool = False
) -> tuple[dict[str, Any], int]:
    """The decoded values of those top-level members, and how many places in them were not UTF-8.

    Stops as soon as all are found, or, for the `last` of a name, at the end.
    """
    window = JsonWindow(stream, limit)
    found: dict[str, Any] = {}
    for name in window.members():
        if name in keys:
            found[name] = window.decoded()
            if not last and len(found) == len(set(keys)):
                break
        else:
            window.skip()
    return found, window.replaced


def document_head(start: bytes) -> Head | None:
    """The head of a large document from its first bytes; None when they are rows rather than one document."""
    window = JsonWindow(io.BytesIO(start), len(start))
    top: dict[str, Any] = {}
    items: list[Any] = []
    try:
        if window.peek() == b"{":
            for name in window.members():
                window.sample_into(top, name)
        elif window.peek() == b"[":
            window.sample_items(items, SAMPLE)
        else:
            return None
        if window.peek():
            return None  # a second value follows the first
    except (ValueError, Skip):
        pass  # the cut-off end: what came before is evidence enough
    return Head("list" if start.lstrip()[:1] == b"[" else "object", start[:16], whole=False, _top=top, _items=items)


def list_head(stream: IO[bytes], start: bytes, limit: int) -> Head:
    """The head of a large list by its first items, however large they are."""
    items: list[Any] = []
    with suppress(ValueError):  # where it breaks off, the evidence ends
        JsonWindow(stream, limit).sample_items(items, SAMPLE, whole=False)
    return Head("list", start[:16], whole=False, _items=items)
