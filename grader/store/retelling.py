"""Whether two records are of one session: what a program keeps of it, and what it printed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from grader.transcript import Message

__all__ = ["retelling"]


def retelling(known: Sequence[Message], other: Sequence[Message]) -> Literal["less", "more"] | None:
    """Whether `other` says less than `known` (or as much), or more; None where each says what the other does not.

    What counts is what user and model said, in order; records differ in how they tell calls and results. Of two that
    say the same, the one with more of these is the fuller.
    """
    ours, theirs = _said(known), _said(other)
    if not any(role == "assistant" for role, _ in ours) or not any(role == "assistant" for role, _ in theirs):
        return None
    if ours == theirs:
        return "more" if _blocks(other) > _blocks(known) else "less"
    if _is_part(theirs, ours):
        return "less"
    return "more" if _is_part(ours, theirs) else None


def _said(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [
        (message.role, " ".join(block.text.split()))
        for message in messages
        if message.role in ("user", "assistant") and "meta" not in message.flags
        for block in message.blocks
        if block.kind == "text"
    ]


def _blocks(messages: Sequence[Message]) -> int:
    return sum(len(message.blocks) for message in messages)


def _is_part(few: Sequence[object], many: Sequence[object]) -> bool:
    """Whether `few` comes in `many` in the same order, perhaps with more between."""
    rest = iter(many)
    return all(one in rest for one in few)
