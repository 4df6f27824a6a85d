"""The canonical text of a tool call: `key: value` lines in which an e-mail body can be read, matched and quoted."""

from __future__ import annotations

from typing import Any

import msgspec

from grader.readers.jsontext import compact, decode_json
from grader.transcript import Block

__all__ = ["arguments_text", "call_id_of", "flat_lines", "tool_call"]

_MAX_DEPTH = 20
_MAX_LEAVES = 10_000
_STRINGS = frozenset([str])


def tool_call(
    name: object,
    arguments: object,
    *,
    call_id: object = None,
    error: str | None = None,
    meta: dict[str, Any] | None = None,
) -> Block:
    """A call's block. `arguments` may be an object, a JSON string of one, or anything else that was logged.

    A string that is no JSON stays as it is, with `unparsed_arguments` in `meta`.
    """
    text, parsed = arguments_text(arguments)
    if not parsed:
        meta = {**(meta or {}), "unparsed_arguments": True}
    return Block(
        kind="tool_call",
        text=text,
        name=None if name is None else str(name),
        call_id=call_id_of(call_id),
        error=error,
        meta=meta,
    )


def call_id_of(raw: object) -> str | None:
    """A call id as logged; null and "" are none; of a list, as one SDK has it (run, call), the last."""
    if isinstance(raw, list) and raw:
        raw = raw[-1]
    if isinstance(raw, str):
        return raw or None
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else None


def arguments_text(arguments: object) -> tuple[str, bool]:
    """The canonical text of `arguments`, and whether they were structured (or absent) rather than a raw string."""
    if arguments is None:
        return "", True
    if isinstance(arguments, str):
        if not arguments or arguments.isspace():
            return "", True
        try:
            decoded = _FAST(arguments)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            try:
                decoded = decode_json(arguments)
            except ValueError:
                return arguments, False
        if isinstance(decoded, str):  # encoded twice
            return arguments_text(decoded) if decoded.lstrip().startswith("{") else (decoded, True)
        arguments = decoded
    if not isinstance(arguments, dict | list):
        return compact(arguments), True
    if not arguments:
        return "", True
    if type(arguments) is dict and len(arguments) <= _MAX_LEAVES and set(map(type, arguments.values())) == _STRINGS:
        return flat_lines(arguments), True  # nearly all are flat, and of strings
    lines: list[str] = []
    _flatten("", arguments, _MAX_DEPTH, lines)
    if len(lines) > _MAX_LEAVES:
        return compact(arguments), True
    return "\n".join(lines), True


def flat_lines(arguments: dict[str, str]) -> str:
    """The canonical text of arguments that are all strings."""
    if len(arguments) == 1:
        [(key, value)] = arguments.items()
        return f"{key}:\n{value}" if "\n" in value else f"{key}: {value}"
    return "\n".join([f"{key}:\n{value}" if "\n" in value else f"{key}: {value}" for key, value in arguments.items()])


def _flatten(path: str, value: object, depth: int, lines: list[str]) -> None:
    if len(lines) > _MAX_LEAVES:
        return
    if isinstance(value, str):
        lines.append(f"{path}:\n{value}" if "\n" in value else f"{path}: {value}")
    elif isinstance(value, dict) and value and depth:
        for key, item in value.items():
            _flatten(f"{path}.{key}" if path else str(key), item, depth - 1, lines)
    elif isinstance(value, list) and value and depth:
        for position, item in enumerate(value):
            _flatten(f"{path}[{position}]", item, depth - 1, lines)
    else:
        lines.append(f"{path}: {compact(value)}")


_FAST = msgspec.json.Decoder().decode
