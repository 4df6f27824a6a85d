"""A message from what a log says about it, and results in user rows as messages of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from grader.readers.threads import MAIN
from grader.readers.times import utc_iso
from grader.transcript import Block, Message, Role

__all__ = ["split_results", "turn"]


def turn(
    role: Role,
    blocks: Iterable[Block | None],
    *,
    name: object = None,
    thread: str = MAIN,
    time: object = None,
    source_id: object = None,
    flags: Iterable[str] = (),
    meta: dict[str, Any] | None = None,
) -> Message:
    """A message with index 0 (`finish` numbers them). `time` is the raw timestamp, kept in `meta.raw_time` where it is no ISO text."""
    stamp = None
    if time is not None and time != "":
        stamp = utc_iso(time)
        if stamp is not time and (
            stamp is None or not (isinstance(time, str) and time[:19].replace(" ", "T") == stamp[:19])
        ):
            meta = {**(meta or {}), "raw_time": time}
    kept = tuple(blocks)
    return Message(
        0,
        role,
        tuple([block for block in kept if block is not None]) if None in kept else kept,  # type: ignore[arg-type]
        name if isinstance(name, str) and name else None,
        thread,
        stamp,
        None if source_id is None else source_id if type(source_id) is str and source_id else _text_id(source_id),
        tuple(sorted(set(flags))) if flags else (),
        meta,
    )


def _text_id(raw: object) -> str | None:
    return str(raw) if isinstance(raw, str | int) and raw != "" else None


def split_results(role: Role, blocks: Sequence[Block], **said: Any) -> list[Message]:
    """One message, or several where a user's row holds tool results: those become tool messages, the rest stays, order kept.

    Media directly after a result belong to it. Results in an assistant's row (server tools) stay there.
    """
    if role not in ("user", "tool") or not any(block.kind == "tool_result" for block in blocks):
        return [turn(role, blocks, **said)]
    groups: list[tuple[Role, list[Block]]] = []
    for block in blocks:
        if block.kind == "tool_result":
            groups.append(("tool", [block]))
        elif (block.kind == "media" and groups and groups[-1][0] == "tool") or (groups and groups[-1][0] == "user"):
            groups[-1][1].append(block)
        else:
            groups.append(("user", [block]))
    return [turn(group_role, group, **said) for group_role, group in groups]
