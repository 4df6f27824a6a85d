"""Traces exported from Langfuse: a trace and its observations, or observations alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final

from grader.readers.contained import contained
from grader.readers.evidence import Head
from grader.readers.finish import finish, score
from grader.readers.given import logged_condition
from grader.readers.otel_messages import otel_parts
from grader.readers.packed import Packer, unpacked
from grader.readers.payload import unwrapped
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.readers.streamed import StreamedList, is_list
from grader.readers.toolcall import call_id_of
from grader.readers.trace_calls import CallMerge, History, ToolRun, tool_name
from grader.readers.traces import (
    Reading,
    Step,
    StepKind,
    holds_messages,
    instructions_beside,
    instructions_in,
    order_of,
    read_trace,
)
from grader.readers.turns import turn
from grader.transcript import Message, Transcript

SUPPORT = "TrCs"
RECOGNISED_BY = "`trace`, `observations`"

_KINDS: Final[dict[str, StepKind]] = {
    "GENERATION": "call",
    "AGENT": "agent",
    "TOOL": "tool",
    "CHAIN": "chain",
    "SPAN": "chain",
    "EVALUATOR": "grader",
    "EVENT": "other",
    "RETRIEVER": "other",
    "EMBEDDING": "other",
    "GUARDRAIL": "other",
}
_KEPT = ("name", "sessionId", "userId", "tags", "environment", "release", "version")
_EXPORTED = {
    "trace_id": "traceId",
    "parent_observation_id": "parentObservationId",
    "start_time": "startTime",
    "provided_model_name": "model",
    "status_message": "statusMessage",
}
_RECORDERS = frozenset(["attributes", "resourceAttributes", "scope", "condition"])
"""What the instrumentation says of itself, and input and output once more."""
_NOTHING: Final = (None, "null", {"content": "role"})
"""The last is what the tracer of Claude's agent SDK writes as the input of a turn that follows a tool's result."""
_PACKED = frozenset(["input", "output"])
_CALL_IDS = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id", "tool_call_id")


def sniff(head: Head) -> bool:
    """A trace beside or around its observations, or a list of observations."""
    for record in head.record_objects[:5]:
        page = record.get("data")
        inside = page[:5] if isinstance(page, list) else [record]
        if any(isinstance(item, dict) and (_is_export(item) or _is_observation(_camel(item))) for item in inside):
            return True
    return False


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript a trace."""
    alone: defaultdict[str, list[Any]] = defaultdict(list)
    found = False
    packer = Packer()
    for line, record in _records(source, report):
        if isinstance(record, dict) and _is_observation(record):
            alone[str(record["traceId"])].append(record if source.head.whole else _kept(record, packer))
            continue
        with contained(report, "row", line=line, raw=record):
            if not isinstance(record, dict):
                report.malformed(line, f"{type(record).__name__} instead of a trace", str(record)[:400])
                continue
            transcript = _exported(source, report, record, line, packer)
            if transcript is not None:
                found = True
                yield transcript
    for trace_id, observations in alone.items():
        with contained(report, "trace"):
            transcript = _transcript(source, report, {"id": trace_id}, observations, None)
            if transcript is not None:
                found = True
                yield transcript
    if not found and not report.malformed_rows:
        raise Skip("no_text", "no observation holds messages")


def _records(source: Source, report: Report) -> Iterator[tuple[int, Any]]:
    """Traces and observations: the records, or what is in a page of the API's."""
    for line, record in source.records(report, "observations", "data"):
        if isinstance(record, dict) and is_list(record.get("data")) and "observations" not in record:
            report.rows -= 1  # its items are the rows
            for position, item in enumerate(record["data"], 1):
                report.rows += 1
                yield position, _camel(item)
        else:
            yield line, _camel(record)


def _camel(record: Any) -> Any:
    """An observation in the API's names, where it has those of an export to a bucket."""
    if not isinstance(record, dict) or "trace_id" not in record or str(record.get("type")) not in _KINDS:
        return record
    return {_EXPORTED.get(key, key): value for key, value in record.items()}


def _is_export(record: dict[str, Any]) -> bool:
    observations = record.get("observations")
    if not isinstance(observations, list):
        return False
    return isinstance(record.get("trace"), dict) or any(map(_is_observation, observations[:5]))


def _is_observation(record: object) -> bool:
    if not isinstance(record, dict) or not isinstance(record.get("traceId"), str):
        return False
    return str(record.get("type")) in _KINDS and ("startTime" in record or "parentObservationId" in record)


def _exported(source: Source, report: Report, record: dict[str, Any], line: int, packer: Packer) -> Transcript | None:
    trace = record["trace"] if isinstance(record.get("trace"), dict) else record
    rows = record["observations"] if is_list(record.get("observations")) else trace.get("observations")
    place = line if source.head.kind != "object" else None
    if isinstance(rows, StreamedList):
        rows = [_kept(row, packer) if isinstance(row, dict) else row for row in rows]
    return _transcript(source, report, trace, rows if isinstance(rows, list) else [], place)


def _kept(observation: dict[str, Any], packer: Packer) -> dict[str, Any]:
    """An observation as it waits for the others of its trace."""
    return {key: packer.value(value) if key in _PACKED else value for key, value in observation.items()}


def _transcript(
    source: Source, report: Report, trace: dict[str, Any], rows: Sequence[Any], line: int | None
) -> Transcript | None:
    observations = [row for row in rows if isinstance(row, dict)]
    if len(observations) < len(rows):
        report.warn("malformed_observation", count=len(rows) - len(observations))
    reading = read_trace([_step(row, number, report) for number, row in enumerate(observations)], report)
    if not reading.messages:
        reading.messages = _from_trace(trace, report)
    if not any(message.blocks for message in reading.messages):
        report.leave_out("trace without messages")
        return None
    return _finished(source, report, trace, reading, line)


def _finished(source: Source, report: Report, trace: dict[str, Any], reading: Reading, line: int | None) -> Transcript:
    logged = unwrapped(trace.get("metadata"))
    logged = logged if isinstance(logged, dict) else {}
    return finish(
        source,
        report,
        reading.messages,
        format="langfuse",
        id=trace.get("id"),
        models=reading.models,
        condition=logged_condition(logged),
        threads=reading.threads,
        scores=_scores(trace.get("scores")),
        metadata={
            **{key: trace.get(key) for key in _KEPT},
            "metadata": {key: value for key, value in logged.items() if key not in _RECORDERS},
        },
        row=line,
    )


def _step(row: dict[str, Any], number: int, report: Report) -> Step:
    kind = row.get("type")
    attributes = _attributes(row)

    def decode(history: History) -> tuple[list[Message], list[Message]]:
        given, said = (unwrapped(unpacked(row.get(key))) for key in ("input", "output"))
        return (
            [] if given in _NOTHING else history.decode(given, "input"),
            [] if said in _NOTHING else history.decode(said, "output"),
        )

    def answer() -> object:
        said = unpacked(row.get("output"))
        return None if unwrapped(said) in _NOTHING else said

    parent = row.get("parentObservationId")
    return Step(
        id=str(row.get("id") or f"#{number}"),
        kind=_KINDS.get(str(kind), "other"),
        label=f"{kind} observation",
        decode=decode,
        answer=answer,
        parent=str(parent) if parent else None,
        name=str(row.get("name") or ""),
        time=row.get("startTime"),
        order=order_of(row.get("startTime")),
        model=row.get("model") or row.get("providedModelName"),
        structured=lambda: any(holds_messages(unpacked(row.get(key))) for key in ("input", "output")),
        instructions=_instructions(attributes, report)
        or (
            instructions_in(unpacked(row.get("output")))
            if kind == "GENERATION"
            else instructions_beside(unpacked(row.get("input")))
        ),
        tool=_tool_run(row, attributes) if kind == "TOOL" else None,
        failed=(row.get("statusMessage") or "error") if row.get("level") == "ERROR" else None,
    )


def _attributes(row: dict[str, Any]) -> dict[str, Any]:
    """What the recorder knew beside input and output."""
    metadata = unwrapped(row.get("metadata"))
    inner = metadata.get("attributes") if isinstance(metadata, dict) else None
    return inner if isinstance(inner, dict) else metadata if isinstance(metadata, dict) else {}


def _instructions(attributes: dict[str, Any], report: Report) -> list[Message]:
    parts = unwrapped(attributes.get("gen_ai.system_instructions"))
    blocks = otel_parts(parts, "system", report) if parts else []
    return [turn("system", blocks)] if blocks else []


def _tool_run(row: dict[str, Any], attributes: dict[str, Any]) -> ToolRun:
    call_id = next((found for key in _CALL_IDS if (found := call_id_of(attributes.get(key)))), None)
    named = attributes.get("gen_ai.tool.name") or attributes.get("ai.toolCall.name")
    return ToolRun(
        name=named if isinstance(named, str) else tool_name(row.get("name")),
        arguments=row.get("input"),
        output=row.get("output"),
        call_id=call_id,
        error=(row.get("statusMessage") or True) if row.get("level") == "ERROR" else None,
        time=row.get("startTime"),
    )


def _from_trace(trace: dict[str, Any], report: Report) -> list[Message]:
    """What the trace itself says of its input and output, when no observation does."""
    calls = CallMerge(report)
    calls.add(calls.history.decode(trace.get("input"), "input"), calls.history.decode(trace.get("output"), "output"))
    messages = calls.messages()
    return messages if any(message.role == "assistant" for message in messages) else []


def _scores(rows: object) -> list[dict[str, Any]]:
    scores = []
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("name"):
            text = row.get("stringValue")
            value = text if text not in (None, "") else row.get("value")
            scores.append(score(row["name"], value, explanation=row.get("comment")))
    return scores
