"""OpenAI's Responses API: responses with their input, and batches of either API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from grader.readers.batches import Part, is_batch, joined
from grader.readers.contained import contained
from grader.readers.content import plain_text, text_blocks
from grader.readers.evidence import Head
from grader.readers.finish import finish
from grader.readers.given import logged_condition
from grader.readers.payload import decode_payload
from grader.readers.prompts import prompt_messages
from grader.readers.report import Report
from grader.readers.responses_items import is_responses_item, responses_messages
from grader.readers.source import Source
from grader.readers.streamed import is_list
from grader.readers.turns import turn
from grader.transcript import Message, Transcript

SUPPORT = "-rC-"
RECOGNISED_BY = "`object: response`, or `input`, `output` items; rows `custom_id` + `response`/`body`"


def sniff(head: Head) -> bool:
    """A response, or rows of a batch."""
    records = head.record_objects
    return any(_is_response(record) for record in records[:5]) or is_batch(records, "response", "body")


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript a response."""
    for _, transcript in read_together([(source, report)]):
        yield transcript


def read_together(parts: Sequence[Part]) -> Iterator[tuple[Source, Transcript]]:
    """Batches first joined over the files of a folder, the rest file by file."""
    batches = [part for part in parts if is_batch(part[0].head.record_objects, "response", "body")]
    yield from joined(batches, "body", _batch_transcript)
    for source, report in parts:
        if not any(source is other for other, _ in batches):
            for transcript in _responses(source, report):
                yield source, transcript


def _is_response(record: dict[str, Any]) -> bool:
    if record.get("object") in ("response", "chat.completion"):
        return "messages" not in record
    if _pair(record) is not None:
        return True
    output = record.get("output")
    if "input" not in record or not isinstance(output, list) or not output:
        return False
    return any(is_responses_item(item) for item in output)


def _pair(record: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """A request beside its response, each perhaps in a `body`; None where it is none of OpenAI's."""
    sides = [record.get("request"), record.get("response")]
    request, response = (side.get("body", side) if isinstance(side, dict) else None for side in sides)
    if not isinstance(request, dict) or not isinstance(response, dict):
        return None
    is_openai = (
        "choices" in response or response.get("object") == "response" or isinstance(response.get("output"), list)
    )
    return (request, response) if is_openai and ("input" in request or "messages" in request) else None


def _responses(source: Source, report: Report) -> Iterator[Transcript]:
    for line, record in source.records(report, "input", "output"):
        with contained(report, "row", line=line, raw=record):
            if not isinstance(record, dict):
                report.malformed(line, f"{type(record).__name__} instead of an object", str(record))
                continue
            request, response = _pair(record) or (record, record)
            yield _transcript(source, report, line, request, response, None)


def _batch_transcript(
    source: Source, report: Report, line: int, row: dict[str, Any], request: dict[str, Any] | None
) -> Transcript | None:
    response = row["response"] if isinstance(row.get("response"), dict) else {}
    body = response.get("body")
    asked = (request or row).get("body")
    failed = row.get("error") or (isinstance(body, dict) and body.get("error"))
    if failed or not isinstance(body, dict):
        said = failed.get("message") if isinstance(failed, dict) else failed
        report.warn(
            "failed_request",
            line=line,
            detail=f"{row.get('custom_id')}: {said or response.get('status_code') or 'no body'}",
        )
        return None
    return _transcript(source, report, line, asked if isinstance(asked, dict) else {}, body, row.get("custom_id"))


def _transcript(
    source: Source, report: Report, line: int, request: dict[str, Any], response: dict[str, Any], custom_id: Any
) -> Transcript:
    given = _given(request, response, report)
    if not given:
        given = prompt_messages(source, report, line=line)
    output = response.get("output")
    if isinstance(output, str) or is_list(output):
        items = [{"role": "assistant", "content": output}] if isinstance(output, str) else output
        said = responses_messages(items, report, line=line)
    else:
        said = decode_payload(response, report, side="output")
    incomplete = response.get("status") == "incomplete"
    if incomplete and said:
        last = said[-1]
        said = [*said[:-1], msgspec.structs.replace(last, flags=tuple(sorted({*last.flags, "partial"})))]
    error = response.get("error")
    return finish(
        source,
        report,
        [*given, *said],
        format="openai_responses",
        id=response.get("id"),
        model=response.get("model") or request.get("model"),
        condition=logged_condition(response.get("metadata"), request.get("metadata"), response),
        metadata={
            "custom_id": custom_id,
            "continues": response.get("previous_response_id"),
            "error": error.get("message") if isinstance(error, dict) else error,
        },
        row=line,
    )


def _given(request: dict[str, Any], response: dict[str, Any], report: Report) -> list[Message]:
    instructions = request.get("instructions") or response.get("instructions")
    messages: list[Message] = []
    if isinstance(instructions, list):  # items, where the call gave several
        messages += responses_messages(instructions, report)
    elif (text := plain_text(instructions)).strip():
        messages.append(turn("system", text_blocks(text, "system")))
    asked = request.get("input")
    if is_list(asked):
        messages += responses_messages(asked, report)
    elif isinstance(asked, str) and asked.strip():
        messages.append(turn("user", text_blocks(asked, "user")))
    elif isinstance(request.get("messages"), list):
        messages += decode_payload(request["messages"], report, side="input")
    return [msgspec.structs.replace(message, flags=("input",)) for message in messages]
