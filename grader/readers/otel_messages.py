"""OpenTelemetry's GenAI messages `[{role, parts}]` → messages."""

from __future__ import annotations

from typing import Any

from grader.readers.content import content_blocks, plain_text, reasoning_block, result_block, text_blocks
from grader.readers.jsontext import compact, decode_json
from grader.readers.placeholders import media_block, without_secrets
from grader.readers.report import Report
from grader.readers.roles import role_of
from grader.readers.threads import MAIN
from grader.readers.toolcall import tool_call
from grader.readers.turns import split_results, turn
from grader.transcript import Block, Message, Role

__all__ = ["is_otel_message", "otel_messages", "otel_parts"]


def is_otel_message(record: object) -> bool:
    """`{role, parts}` whose parts have a `type` (Gemini's have none)."""
    if not isinstance(record, dict) or not isinstance(record.get("parts"), list):
        return False
    return all(isinstance(part, dict) and "type" in part for part in record["parts"])


def otel_messages(records: list[Any], report: Report, *, thread: str = MAIN) -> list[Message]:
    """Messages of input, output or system instructions (bare parts there)."""
    if records and all(isinstance(record, dict) and "role" not in record and "type" in record for record in records):
        return [turn("system", otel_parts(records, "system", report), thread=thread)]
    messages: list[Message] = []
    for record in records:
        if not isinstance(record, dict):
            report.warn("malformed_message", detail=f"{type(record).__name__} instead of an object")
            continue
        role, unknown = role_of(record.get("role"), report)
        parts = record.get("parts")
        blocks = (
            otel_parts(parts, role, report)
            if parts is not None
            else content_blocks(record.get("content"), role, report)
        )
        if role == "tool" and blocks and not any(block.kind == "tool_result" for block in blocks):
            blocks = result_block("\n".join(block.text for block in blocks), report, call_id=record.get("id"))
        messages += split_results(role, blocks, name=unknown or record.get("name"), thread=thread)
    return messages


def otel_parts(parts: object, role: Role, report: Report) -> list[Block]:
    """Blocks of parts: text{content}, reasoning{content}, tool_call{id,name,arguments}, tool_call_response{id,response|result}."""
    blocks: list[Block] = []
    for part in parts if isinstance(parts, list) else [parts]:
        if isinstance(part, str):
            blocks += text_blocks(part, role)
        elif isinstance(part, dict) and isinstance(part.get("parts"), list) and "type" not in part:
            blocks += otel_parts(part["parts"], role, report)  # instructions written as a message
        elif isinstance(part, dict):
            blocks += _part(part, role, report)
    return blocks


def _is_content(value: object) -> bool:
    """Typed items, of which some may be media."""
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(isinstance(item, dict) and isinstance(item.get("type"), str) for item in items)


def _items_in(text: str) -> object:
    try:
        items = decode_json(text)
    except ValueError:
        return text
    return items if _is_content(items) and plain_text(items).strip() else text


def _unwrapped(answer: object) -> tuple[Any, object]:
    """(what a tool gave, its error): Microsoft's agent framework wrote its own object around it, as JSON, or JSON of a string."""
    if not isinstance(answer, str) or not answer.startswith(("{", '"')):
        return answer, None
    try:
        value = decode_json(answer)
    except ValueError:
        return answer, None
    if isinstance(value, dict) and value.get("type") == "function_result" and "call_id" in value:
        return value.get("result"), value.get("exception")
    return (value if isinstance(value, str) else answer), None


def _part(part: dict[str, Any], role: Role, report: Report) -> list[Block]:
    kind = part.get("type")
    if kind == "text":
        return text_blocks(plain_text(part.get("content", part.get("text"))), role)
    if kind in ("reasoning", "thinking"):
        said = part.get("content", part.get("text"))
        if isinstance(said, str) and said.startswith("[{"):  # some log a provider's summary as it came
            said = _items_in(said)
        block = reasoning_block(plain_text(said), redacted=bool(part.get("redacted")))
        return [block] if block else []
    if kind == "tool_call":
        return [tool_call(part.get("name"), part.get("arguments", part.get("args")), call_id=part.get("id"))]
    if kind in ("tool_call_response", "tool_response"):
        answer, wrong = _unwrapped(part.get("response", part.get("result", part.get("content"))))
        if isinstance(answer, dict | list) and not _is_content(answer):  # a value of the tool's own
            answer = compact(without_secrets(answer))
        return result_block(
            answer, report, name=part.get("name"), call_id=part.get("id"), error=part.get("error") or wrong
        )
    if isinstance(kind, str) and kind.endswith(".TextReasoningContent") and isinstance(part.get("content"), dict):
        inner = part["content"]  # .NET's own class for what has no part of its own
        block = reasoning_block(inner.get("text"), redacted=bool(inner.get("protectedData")) and not inner.get("text"))
        return [block] if block else []
    if kind in ("blob", "uri", "file"):
        mime = part.get("mime_type")
        modality = part.get("modality")
        return media_block(
            modality if isinstance(modality, str) else "file", mime=mime, data=part.get("content"), url=part.get("uri")
        )
    return content_blocks([part], role, report)
