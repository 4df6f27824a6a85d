"""Qwen Code's rows: Claude Code's, but for Gemini's parts and a few things it says in its own way."""

from __future__ import annotations

from typing import Any

__all__ = ["as_claude_row", "parts_of"]

_OF_THE_PROGRAM = frozenset(["notification", "background_task_completed", "cron", "goal_runtime"])
"""What rows of type user are called that nobody typed."""
_NOT_TYPED = frozenset(["system", "goal_control", "goal_runtime"])


def parts_of(message: object) -> list[Any]:
    """The parts of a message, as Gemini has them."""
    parts = message.get("parts") if isinstance(message, dict) else None
    return parts if isinstance(parts, list) else []


def as_claude_row(record: dict[str, Any]) -> dict[str, Any]:
    """`record` as Claude Code would have written it: a summary of what was compressed, a title, what the program says itself."""
    kind, subtype = record.get("type"), record.get("subtype")
    payload = record.get("systemPayload")
    if kind == "system" and isinstance(payload, dict):
        if subtype == "chat_compression" and (summary := _summary(payload)) is not None:
            return {**record, "type": "user", "message": summary, "isCompactSummary": True}
        if subtype == "custom_title" and isinstance(payload.get("customTitle"), str):
            return {**record, "type": "custom-title", "customTitle": payload["customTitle"]}
    elif kind == "user" and parts_of(record.get("message")) and _is_the_programs(subtype, record.get("provenance")):
        return {**record, "isMeta": True}
    return record


def _summary(payload: dict[str, Any]) -> dict[str, Any] | None:
    """The first message of the history that is left: the summary, before what was kept of the end."""
    history = payload.get("compressedHistory")
    first = history[0] if isinstance(history, list) and history else None
    return first if isinstance(first, dict) and parts_of(first) else None


def _is_the_programs(subtype: object, provenance: object) -> bool:
    return (isinstance(subtype, str) and subtype in _OF_THE_PROGRAM) or (
        isinstance(provenance, str) and provenance in _NOT_TYPED
    )
