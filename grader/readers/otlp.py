"""OTLP as JSON: spans and log records of OpenTelemetry, with GenAI's or OpenInference's attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grader.readers.contained import contained
from grader.readers.evidence import Head
from grader.readers.openinference import trace_transcripts
from grader.readers.packed import Packer
from grader.readers.report import Report, Skip
from grader.readers.source import Source
from grader.readers.span_dialects import in_usual_names
from grader.readers.span_steps import is_genai, is_message
from grader.readers.spans import Event, Span, compacted, flat
from grader.transcript import Transcript

SUPPORT = "TrC-"
RECOGNISED_BY = "`resourceSpans`/`resourceLogs`"

_RESOURCES = ("resourceSpans", "resourceLogs", "resource_spans", "resource_logs")
_SCOPES = ("scopeSpans", "scopeLogs", "scope_spans", "scope_logs", "instrumentationLibrarySpans")
_ITEMS = ("spans", "logRecords", "log_records")
_TIMES = ("timeUnixNano", "time_unix_nano", "observedTimeUnixNano")
_SCALARS = ("stringValue", "string_value", "boolValue", "bool_value", "doubleValue", "double_value")
_DEPTH = 40


def sniff(head: Head) -> bool:
    """An export request, or rows of them."""
    return any(isinstance(record.get(key), list) for record in head.record_objects[:5] for key in _RESOURCES)


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript a trace that holds a conversation."""
    spans: list[Span] = []
    packer = Packer()
    records: list[tuple[str, str, Event]] = []
    for line, item in _all_items(source, report):
        with contained(report, "span", line=line):
            if "startTimeUnixNano" in item or "start_time_unix_nano" in item or ("body" not in item and "name" in item):
                spans.append(_span(item) if source.head.whole else compacted(_span(item), packer))
            else:
                key = _text(item, "traceId", "trace_id"), _text(item, "spanId", "span_id")
                records.append((*key, _event(item)))
    spans += _join(spans, records)
    if not any(map(is_genai, spans)):
        report.leave_out("span without GenAI attributes", len(spans))
        raise Skip("no_transcripts", "no span or log record tells of a call to a model")
    for _, _, event in records:
        if not is_message(event):
            report.leave_out("log record that is no message")
    yield from trace_transcripts(source, report, spans, format="otlp")


def _all_items(source: Source, report: Report) -> Iterator[tuple[int, dict[str, Any]]]:
    """The spans and log records of all export requests, with the line or position of theirs."""
    if source.head.kind == "object" and not source.head.whole:
        report.rows += 1
        for item in source.nested_values((_RESOURCES, _SCOPES, _ITEMS), report):
            if isinstance(item, dict):
                yield 1, item
        return
    for line, request in source.records(report):
        with contained(report, "row", line=line, raw=request):
            if isinstance(request, dict):
                empty = True
                for item in _items(request):
                    empty = False
                    yield line, item
                if empty:
                    report.leave_out("export without spans or log records")
            else:
                report.malformed(line, f"{type(request).__name__} instead of an export", str(request)[:400])


def _items(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The spans and log records of an export request."""
    for resource in _each(request, _RESOURCES):
        for scope in _each(resource, _SCOPES):
            yield from _each(scope, _ITEMS)


def _each(holder: dict[str, Any], keys: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for key in keys:
        for item in holder[key] if isinstance(holder.get(key), list) else ():
            if isinstance(item, dict):
                yield item


def _span(item: dict[str, Any]) -> Span:
    status = item["status"] if isinstance(item.get("status"), dict) else {}
    failed = status.get("code") in (2, "2", "STATUS_CODE_ERROR")
    events = item["events"] if isinstance(item.get("events"), list) else []
    return Span(
        trace=_text(item, "traceId", "trace_id"),
        id=_text(item, "spanId", "span_id"),
        attributes=_attributes(item.get("attributes")),
        parent=_text(item, "parentSpanId", "parent_span_id") or None,
        name=str(item.get("name") or ""),
        start=item.get("startTimeUnixNano") or item.get("start_time_unix_nano"),
        failed=str(status.get("message") or "error") if failed else None,
        events=[_event(event) for event in events if isinstance(event, dict)],
    )


def _event(item: dict[str, Any]) -> Event:
    """An event of a span, or a log record: newer ones have `eventName`, older ones an attribute `event.name`."""
    attributes = _attributes(item.get("attributes"))
    name = item.get("eventName") or item.get("event_name") or item.get("name") or attributes.get("event.name")
    body = item["body"] if isinstance(item.get("body"), dict) else None
    time = next((item[key] for key in _TIMES if item.get(key) not in (None, "", "0", 0)), None)
    return Event(str(name or ""), attributes, _value(body) if body is not None else item.get("body"), time)


def _join(spans: list[Span], records: list[tuple[str, str, Event]]) -> list[Span]:
    """Puts log records on the spans they name; those of spans that are not in the file give spans of their own."""
    known = {(span.trace, span.id): span for span in spans}
    added: list[Span] = []
    for trace, span_id, event in records:
        span = known.get((trace, span_id))
        if span is None:
            span = known[trace, span_id] = Span(trace, span_id, {}, name=event.name, start=event.time)
            added.append(span)
        span.events.append(event)
    return added


def _attributes(pairs: object) -> dict[str, Any]:
    if isinstance(pairs, dict):  # some exporters write the attributes as an object
        return in_usual_names(flat(pairs))
    found = {}
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            found[pair["key"]] = _value(pair.get("value"))
    return in_usual_names(flat(found))


def _value(value: object, depth: int = _DEPTH) -> Any:
    """The JSON value that an AnyValue stands for."""
    if not isinstance(value, dict) or not depth:
        return value
    for kind in ("arrayValue", "array_value"):
        if isinstance(value.get(kind), dict):
            values = value[kind].get("values")
            return [_value(item, depth - 1) for item in values] if isinstance(values, list) else []
    for kind in ("kvlistValue", "kvlist_value"):
        if isinstance(value.get(kind), dict):
            pairs = value[kind].get("values")
            return {
                str(pair.get("key")): _value(pair.get("value"), depth - 1)
                for pair in (pairs if isinstance(pairs, list) else [])
                if isinstance(pair, dict)
            }
    for kind in ("intValue", "int_value"):
        if kind in value:
            return int(value[kind]) if str(value[kind]).lstrip("-").isdecimal() else value[kind]
    for kind in ("bytesValue", "bytes_value"):
        if kind in value:
            return f"[{len(str(value[kind]))} base64 characters]"
    return next((item for key, item in value.items() if key in _SCALARS), None)


def _text(item: dict[str, Any], *keys: str) -> str:
    return next((item[key] for key in keys if isinstance(item.get(key), str)), "")
