"""Run states of OpenAI's Agents SDK, as its Python and its JavaScript write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from grader.readers.contained import contained
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.given import logged_condition
from grader.readers.payload import unwrapped
from grader.readers.report import Report, Skip
from grader.readers.responses_items import ResponsesReader
from grader.readers.source import Source
from grader.readers.streamed import StreamedList, is_list
from grader.transcript import Message, Transcript

SUPPORT = "-rC-"
RECOGNISED_BY = "`$schemaVersion`, `generated_items`"

_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_RENAMED = {
    "function_call_result": "function_call_output",
    "computer_call_result": "computer_call_output",
    "shell_call_result": "shell_call_output",
    "apply_patch_call_result": "apply_patch_call_output",
    "hosted_tool_call": "hosted_call",
}
_FIELDS = frozenset(["callId", "providerData", "rawContent", "isError"])


def sniff(head: Head) -> bool:
    """A run state, in the fields of either SDK."""
    return any(_is_state(record) for record in head.record_objects[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript a state."""
    for line, record in source.records(report, "generated_items", "generatedItems"):
        with contained(report, "row", line=line, raw=record):
            record = unwrapped(record)
            if not isinstance(record, dict):
                report.malformed(line, f"{type(record).__name__} instead of a run state", str(record)[:400])
                continue
            yield _transcript(source, report, record, line if source.head.kind != "object" else None)


def _is_state(record: dict[str, Any]) -> bool:
    if not {"$schemaVersion", "schemaVersion"} & record.keys():
        return False
    return any(_field(record, key) is not None for key in ("generated_items", "model_responses", "original_input"))


def _field(record: dict[str, Any], name: str) -> Any:
    """A field under its Python name, or the JavaScript one."""
    if name in record:
        return record[name]
    first, *rest = name.split("_")
    return record.get(first + "".join(word.capitalize() for word in rest))


def _transcript(source: Source, report: Report, state: dict[str, Any], line: int | None) -> Transcript:
    reader = ResponsesReader(report)
    original = _field(state, "original_input")
    for item in original if isinstance(original, list) else [original]:
        if item not in (None, ""):
            reader.add(_normal(item))
    given = len(reader.messages())
    agents: list[str] = []
    models: list[str] = []
    items = _field(state, "generated_items")
    if is_list(items) and items:
        messages, agents = _generated(items, reader, report, models)
    else:
        messages = _responses(_field(state, "model_responses"), reader, report)
    if not messages:
        raise Skip("no_text", "a run state without items")
    current = _field(state, "current_agent")
    trace = state.get("trace")
    return finish(
        source,
        report,
        [msgspec.structs.replace(message, flags=("input",)) for message in messages[:given]] + messages[given:],
        format="openai_runstate",
        models=models,
        condition=logged_condition(state, trace.get("metadata") if isinstance(trace, dict) else None),
        metadata={
            "agents": agents if len(agents) > 1 else None,
            "agent": current.get("name") if isinstance(current, dict) else None,
            "trace": trace.get("id") if isinstance(trace, dict) else None,
            "schema_version": state.get("$schemaVersion"),
            "continues": _field(state, "previous_response_id"),
        },
        row=line,
    )


def _generated(
    items: list[Any] | StreamedList, reader: ResponsesReader, report: Report, models: list[str]
) -> tuple[list[Message], list[str]]:
    """The messages of the items in order, each named after its agent where there are several."""
    actors: list[tuple[int, str]] = []
    for position, item in enumerate(items, 1):
        if not isinstance(item, dict):
            report.warn("malformed_item", line=position, detail=f"{type(item).__name__} instead of an object")
            continue
        agent = item.get("agent", _field(item, "source_agent"))
        name = agent.get("name") if isinstance(agent, dict) else None
        if isinstance(name, str) and (not actors or actors[-1][1] != name):
            actors.append((len(reader.messages()), name))
        if item.get("type") == "tool_approval_item":  # repeats its call
            report.leave_out("tool_approval_item")
            continue
        raw = _field(item, "raw_item")
        if isinstance(raw, dict) and (model := _model(raw)):
            models.append(model)
        if not isinstance(raw, dict):
            report.warn("malformed_item", line=position, detail=f"{item.get('type')} without its raw item")
            continue
        raw = _normal(raw)
        if str(raw.get("type")).endswith("_output") and raw.get("output") is None and item.get("output") is not None:
            raw = {**raw, "output": item["output"]}
        reader.add(raw, line=position)
    messages = reader.messages()
    names = list(dict.fromkeys(name for _, name in actors))
    if len(names) > 1:
        ends = [begins for begins, _ in actors[1:]] + [len(messages)]
        for (begins, name), end in zip(actors, ends, strict=True):
            messages[begins:end] = [
                msgspec.structs.replace(message, name=name) if message.role == "assistant" else message
                for message in messages[begins:end]
            ]
    return messages, names


def _responses(responses: object, reader: ResponsesReader, report: Report) -> list[Message]:
    for response in responses if isinstance(responses, list) else []:
        output = response.get("output") if isinstance(response, dict) else None
        for item in output if isinstance(output, list) else []:
            with contained(report, "item"):
                reader.add(_normal(item))
    return reader.messages()


def _model(item: dict[str, Any]) -> str | None:
    provider = item.get("provider_data", item.get("providerData"))
    model = provider.get("model") if isinstance(provider, dict) else None
    return model if isinstance(model, str) else None


def _normal(item: Any) -> Any:
    """An item in the API's own names, where the JavaScript SDK has given it others."""
    if not isinstance(item, dict):
        return item
    kind = item.get("type")
    renamed = {
        (_CAPITAL.sub(lambda match: f"_{match[1].lower()}", key) if key in _FIELDS else key): value
        for key, value in item.items()
        if key not in ("provider_data", "providerData")
    }
    if kind in _RENAMED:
        renamed["type"] = _RENAMED[kind]
    if kind == "reasoning" and "summary" not in renamed and isinstance(item.get("content"), list):
        renamed["summary"], renamed["content"] = item["content"], item.get("rawContent")
    if kind == "function_call_result" and "output" not in renamed:
        renamed["output"] = item.get("content")
    return renamed
