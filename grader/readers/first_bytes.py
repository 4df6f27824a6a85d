"""How a file begins: what its first bytes tell of it."""

from __future__ import annotations

from typing import IO

from grader.readers.evidence import Head
from grader.readers.jsontext import decode_json

__all__ = ["goes_on", "part_of_document", "read_up_to", "starts_with_rows", "whole_lines", "why_broken"]

_STEP = 1 << 20


def read_up_to(stream: IO[bytes], limit: int, expected: int | None) -> bytes:
    """At most `limit` bytes, in steps: a stream asked for all of a cap at once would set all of it aside."""
    pieces: list[bytes] = []
    count = 0
    step = _STEP if expected is None else min(max(expected + 1, 1 << 13), _STEP)
    while count < limit:
        piece = stream.read(min(step, limit - count))
        if not piece:
            break
        pieces.append(piece)
        count += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def whole_lines(start: bytes, complete: bool) -> list[bytes]:
    found = start.split(b"\n")
    return [line.strip() for line in (found if complete else found[:-1])]


def starts_with_rows(start: bytes) -> bool:
    """Whether the first line is a whole JSON value and something follows it: then no document can be meant."""
    head = start.lstrip()
    line, _, rest = head.partition(b"\n")
    if not rest[:4096].strip():
        return False
    try:
        decode_json(line)
    except ValueError:
        return False
    return True


def goes_on(stream: IO[bytes]) -> bool:
    """Whether something follows the first line: then that line is a row, however long."""
    begun = ended = False
    while chunk := stream.read(_STEP):
        if not begun:
            chunk = chunk.lstrip()
            begun = bool(chunk)
        if not ended and b"\n" in chunk:
            ended = True
            chunk = chunk.partition(b"\n")[2]
        if ended and chunk.strip():
            return True
    return False


def part_of_document(start: bytes) -> Head | None:
    from grader.readers.largejson import document_head

    head = document_head(start)
    return head if head is not None and (head.keys or head.items) else None


def why_broken(data: bytes) -> str:
    try:
        decode_json(data)
    except ValueError as error:
        return f"not valid JSON: {error}"
    return "neither an object nor a list"
