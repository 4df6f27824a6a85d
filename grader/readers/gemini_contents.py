"""Gemini's contents and parts, snake_case and camelCase → messages."""

from __future__ import annotations

from typing import Any

from grader.readers.content import content_blocks, plain_text, reasoning_block, result_block, text_blocks
from grader.readers.jsontext import compact
from grader.readers.placeholders import media_block
from grader.readers.report import Report
from grader.readers.roles import role_of
from grader.readers.threads import MAIN
from grader.readers.toolcall import tool_call
from grader.readers.turns import split_results, turn
from grader.transcript import Block, Message, Role

__all__ = ["gemini_message", "gemini_messages", "part_blocks", "system_instruction"]

_IGNORED = frozenset(
    ["thought", "thought_signature", "thoughtSignature", "video_metadata", "videoMetadata", "media_resolution"]
)


def gemini_messages(contents: object, report: Report, *, thread: str = MAIN) -> list[Message]:
    """Messages of `contents`: a string, a content, or a list of either."""
    if isinstance(contents, str):
        return [turn("user", text_blocks(contents, "user"), thread=thread)]
    if isinstance(contents, dict):
        return gemini_message(contents, report, thread=thread)
    messages: list[Message] = []
    for content in contents if isinstance(contents, list) else []:
        messages += gemini_messages(content, report, thread=thread) if isinstance(content, str | dict) else []
    return messages


def gemini_message(content: dict[str, Any], report: Report, *, name: object = None, **said: Any) -> list[Message]:
    """The messages of one content `{role, parts}`: results stand in user rows and become tool messages."""
    parts = content.get("parts")
    if parts is None and "text" in content:
        parts = [content]
    raw_role = content.get("role")
    role, unknown = role_of(raw_role, report) if raw_role else ("user", None)
    blocks = part_blocks(parts, role, report)
    if role == "tool" and not any(block.kind == "tool_result" for block in blocks):
        blocks = result_block("\n".join(block.text for block in blocks), report)
    return split_results(role, blocks, name=unknown or name, **said)


def part_blocks(parts: object, role: Role, report: Report) -> list[Block]:
    """Blocks of a list of parts: of each part the field that is not null."""
    if isinstance(parts, str | dict):
        parts = [parts]
    blocks: list[Block] = []
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, str):
            blocks += text_blocks(part, role)
        elif isinstance(part, dict):
            blocks += _part(part, role, report)
        elif part is not None:
            report.warn("unknown_content", detail=type(part).__name__)
    return blocks


def system_instruction(config: object, *, thread: str = MAIN) -> list[Message]:
    """The system message of a request: `system_instruction` as text, content or parts, at the top or under `config`."""
    if not isinstance(config, dict):
        return []
    inner = config.get("config") if isinstance(config.get("config"), dict) else {}
    for holder in (config, inner):
        for key in ("system_instruction", "systemInstruction"):
            said = (holder or {}).get(key)
            if isinstance(said, dict):
                said = said.get("parts", said)
            text = plain_text(said)
            if text.strip():
                return [turn("system", text_blocks(text, "system"), thread=thread)]
    return []


def _part(part: dict[str, Any], role: Role, report: Report) -> list[Block]:
    text = part.get("text")
    if isinstance(text, str):
        if part.get("thought") is True:
            block = reasoning_block(text)
            return [block] if block else []
        return text_blocks(text, role)
    if (call := _either(part, "function_call", "functionCall")) is not None:
        return [tool_call(call.get("name"), call.get("args", call.get("arguments")), call_id=call.get("id"))]
    if (response := _either(part, "function_response", "functionResponse")) is not None:
        return _response(response, report)
    if (code := _either(part, "executable_code", "executableCode")) is not None:
        return [
            tool_call(
                "code_execution",
                {key: code[key] for key in ("language", "code") if key in code},
                call_id=code.get("id"),
            )
        ]
    if (result := _either(part, "code_execution_result", "codeExecutionResult")) is not None:
        return result_block(result.get("output"), report, name="code_execution", call_id=result.get("id"))
    if (inline := _either(part, "inline_data", "inlineData")) is not None:
        mime = inline.get("mime_type") or inline.get("mimeType")
        return media_block(str(mime or "file").split("/")[0], mime=mime, data=inline.get("data"))
    if (file := _either(part, "file_data", "fileData")) is not None:
        mime = file.get("mime_type") or file.get("mimeType")
        return media_block("file", mime=mime, url=file.get("file_uri") or file.get("fileUri"))
    rest = {key: value for key, value in part.items() if value is not None and key not in _IGNORED}
    if not rest:
        return []
    if "type" in rest:
        return content_blocks([part], role, report)
    report.warn("unknown_content", detail=", ".join(map(str, rest))[:80])
    return content_blocks([{"type": "part", **rest}], "user", report)


def _response(response: dict[str, Any], report: Report) -> list[Block]:
    answer = response.get("response", response.get("result"))
    error: object = None
    if isinstance(answer, dict):
        error = answer.get("error")
        only = next(iter(answer.values())) if len(answer) == 1 else None
        answer = only if isinstance(only, str) else compact(answer)
    elif isinstance(answer, list):
        answer = compact(answer)
    return result_block(answer, report, name=response.get("name"), call_id=response.get("id"), error=error)


def _either(part: dict[str, Any], *names: str) -> dict[str, Any] | None:
    return next((part[name] for name in names if isinstance(part.get(name), dict)), None)
