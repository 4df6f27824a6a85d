"""Runs of LangSmith: batches of `post` and `patch` as its clients send them, or runs as it exports them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from grader.readers.contained import contained, one_file
from grader.readers.evidence import Head
from grader.readers.finish import finish, score
from grader.readers.given import logged_condition
from grader.readers.jsontext import compact
from grader.readers.packed import Packer, unpacked
from grader.readers.report import Report
from grader.readers.source import Source
from grader.readers.streamed import StreamedList, is_list
from grader.readers.toolcall import call_id_of
from grader.readers.trace_calls import History, ToolRun
from grader.readers.traces import Step, StepKind, holds_messages, instructions_in, order_of, read_trace
from grader.transcript import Message, Transcript

SUPPORT = "TrCs"
RECOGNISED_BY = "`post`/`patch`, or `run_type`, `inputs`"

Part: TypeAlias = tuple[Source, Report]
_KINDS: Final[dict[str, StepKind]] = {"llm": "call", "chain": "chain", "tool": "tool"}
_KEPT = ("session_name", "session_id", "tags", "status")
_LOOKED_AT = frozenset(["id", "dotted_order", "parent_run_id", "trace_id", "start_time", "name", "run_type"])
"""Fields by which runs are put together and in order: never packed."""
_BATCH = ("post", "patch")
_EXPORTS = ("runs", "traces")
"""Lists under which scripts that export put the runs, each with what is below it or without."""
_DEPTH = 50


def sniff(head: Head) -> bool:
    """A batch, or runs."""
    return any(_is_batch(record) or _is_export(record) or _is_run(record) for record in head.record_objects[:5])


def read(source: Source, report: Report) -> Iterator[Transcript]:
    """A transcript a trace."""
    for _, transcript in read_together([(source, report)]):
        yield transcript


def read_together(parts: Sequence[Part]) -> Iterator[tuple[Source, Transcript]]:
    """Batches first put together over the files of a folder, for a run is often patched in a later one; exports file by file."""
    batches = [part for part in parts if _holds_batches(part)]
    yield from _read(batches)
    for part in parts:
        if not any(part[0] is source for source, _ in batches):
            yield from _read([part])


def _holds_batches(part: Part) -> bool:
    found: list[bool] = []
    with one_file(Report(part[1].path)):  # what is wrong with it is said when it is read
        found += map(_is_batch, part[0].head.record_objects[:5])
    return any(found)


def _read(parts: Sequence[Part]) -> Iterator[tuple[Source, Transcript]]:
    runs = _Runs()
    for part in parts:
        with one_file(part[1]):
            _add_all(runs, part)
        part[0].release()
    told: set[int] = set()
    for trace_id, trace in runs.traces().items():
        source, report = runs.parts[id(trace[0])]
        with contained(report, "trace"):
            transcript = _transcript(source, report, trace_id, trace)
            if transcript is not None:
                told |= {id(runs.parts[id(run)][1]) for run in trace} | runs.patched.get(trace_id, set())
                yield source, transcript
    for _, report in parts:
        report.told_elsewhere = id(report) in told
        if id(report) not in told and not report.malformed_rows and not report.is_skipped:
            report.skip("no_text", "no run holds messages")


def _add_all(runs: _Runs, part: Part) -> None:
    source, report = part
    for line, record in source.records(report, *_BATCH, *_EXPORTS):
        with contained(report, "row", line=line, raw=record):
            if not isinstance(record, dict):
                report.malformed(line, f"{type(record).__name__} instead of runs", str(record)[:400])
            elif _is_batch(record) or _is_export(record):
                for key in (*_BATCH, *_EXPORTS):
                    for run in _listed(record.get(key)):
                        runs.add(run, part, large=not source.head.whole)
            else:
                if not runs.add(record, part, large=not source.head.whole):
                    report.leave_out("more of a run told before")


def _is_batch(record: dict[str, Any]) -> bool:
    runs = [run for key in _BATCH for run in islice(_listed(record.get(key)), 3)]
    return any(isinstance(run, dict) and {"run_type", "trace_id", "dotted_order"} & run.keys() for run in runs)


def _is_export(record: dict[str, Any]) -> bool:
    runs = [run for key in _EXPORTS for run in islice(_listed(record.get(key)), 3)]
    return any(isinstance(run, dict) and _is_run(run) for run in runs)


def _is_run(record: dict[str, Any]) -> bool:
    return isinstance(record.get("run_type"), str) and "inputs" in record


def _listed(value: object) -> list[Any] | StreamedList:
    return value if is_list(value) else [value] if isinstance(value, dict) else []


class _Runs:
    """What was posted and patched, put together run by run."""

    def __init__(self) -> None:
        self.parts: dict[int, Part] = {}
        """`id()` of a run → the file that first told of it."""
        self.patched: defaultdict[str, set[int]] = defaultdict(set)
        """Trace id → `id()` of the reports of files that added to its runs."""
        self._runs: list[dict[str, Any]] = []
        self._by_key: dict[tuple[str, str], dict[str, Any]] = {}
        self._packer = Packer()

    def add(self, run: object, part: Part, *, large: bool, depth: int = _DEPTH) -> bool:
        """Whether the run was not told of before. `large`: of a file of which all runs together, as objects, would be too much."""
        if not isinstance(run, dict):
            part[1].warn("malformed_run", detail=f"{type(run).__name__} instead of an object")
            return True
        keys = [(name, str(run[name])) for name in ("id", "dotted_order") if isinstance(run.get(name), str)]
        before = next((self._by_key[key] for key in keys if key in self._by_key), None)
        known = before if before is not None else {}
        if before is None:
            self._runs.append(known)
            self.parts[id(known)] = part
        told = {key: value for key, value in run.items() if value not in (None, "", [], {}) or key not in known}
        known |= (
            {key: value if key in _LOOKED_AT else self._packer.value(value) for key, value in told.items()}
            if large
            else told
        )
        self._by_key |= dict.fromkeys(keys, known)
        self.patched[str(known.get("trace_id"))].add(id(part[1]))
        for child in _listed(run.get("child_runs")) if depth else ():
            if isinstance(child, dict):
                self.add(
                    {"parent_run_id": run.get("id"), "trace_id": run.get("trace_id"), **child},
                    part,
                    large=large,
                    depth=depth - 1,
                )
        return before is None

    def traces(self) -> dict[str, list[dict[str, Any]]]:
        """Trace id → its runs. A run without one belongs to the run it is below, else is its own trace."""
        traces: dict[str, list[dict[str, Any]]] = {}
        by_run: dict[str, str] = {}
        for run in self._runs:
            parent = by_run.get(str(run.get("parent_run_id")))
            trace = str(run.get("trace_id") or parent or run.get("id") or run.get("dotted_order") or "")
            by_run[str(run.get("id"))] = trace
            traces.setdefault(trace, []).append(run)
        return traces


def _transcript(source: Source, report: Report, trace_id: str, runs: list[dict[str, Any]]) -> Transcript | None:
    reading = read_trace([_step(run, number) for number, run in enumerate(runs)], report)
    if not any(message.blocks for message in reading.messages):
        report.leave_out("trace without messages")
        return None
    root = next((run for run in runs if not run.get("parent_run_id")), runs[0])
    logged = _metadata(root)
    return finish(
        source,
        report,
        reading.messages,
        format="langsmith",
        id=trace_id,
        models=reading.models,
        condition=logged_condition(logged, _metadata(runs[0])),
        threads=reading.threads,
        scores=_scores(runs),
        metadata={
            "name": root.get("name"),
            "error": unpacked(root.get("error")),
            **{key: unpacked(root.get(key)) for key in _KEPT},
            "metadata": {
                key: value for key, value in logged.items() if not key.startswith("ls_") and key != "condition"
            },
        },
    )


def _step(run: dict[str, Any], number: int) -> Step:
    kind = str(run.get("run_type"))

    def decode(history: History) -> tuple[list[Message], list[Message]]:
        return history.decode(unpacked(run.get("inputs")), "input"), history.decode(
            unpacked(run.get("outputs")), "output"
        )

    order = run.get("dotted_order")
    parent = run.get("parent_run_id")
    return Step(
        id=str(run.get("id") or order or f"#{number}"),
        kind=_KINDS.get(kind, "other"),
        label=f"{kind} run",
        decode=decode,
        answer=lambda: unpacked(run.get("outputs")),
        parent=str(parent) if parent else _above(order),
        name=str(run.get("name") or ""),
        time=run.get("start_time"),
        order=(order_of(run.get("start_time")), order if isinstance(order, str) else ""),
        model=_model(run),
        structured=lambda: any(holds_messages(unpacked(run.get(key))) for key in ("inputs", "outputs")),
        instructions=instructions_in(unpacked(run.get("outputs"))) if kind == "llm" else [],
        tool=_tool_run(run) if kind == "tool" else None,
        failed=unpacked(run.get("error")),
    )


def _above(order: object) -> str | None:
    """The run above, as the dotted order tells it: `…Z<id>.…Z<id>`."""
    parts = order.split(".") if isinstance(order, str) else []
    return parts[-2].partition("Z")[2] or None if len(parts) > 1 else None


def _metadata(run: dict[str, Any]) -> dict[str, Any]:
    extra = unpacked(run.get("extra"))
    inner = extra.get("metadata") if isinstance(extra, dict) else None
    return inner if isinstance(inner, dict) else {}


def _model(run: dict[str, Any]) -> str | None:
    extra = unpacked(run.get("extra"))
    extra = extra if isinstance(extra, dict) else {}
    asked = extra["invocation_params"] if isinstance(extra.get("invocation_params"), dict) else {}
    inputs = unpacked(run.get("inputs"))
    inputs = inputs if isinstance(inputs, dict) else {}
    places = (_metadata(run).get("ls_model_name"), asked.get("model"), asked.get("model_name"), inputs.get("model"))
    return next((name for name in places if isinstance(name, str) and name), None)


def _tool_run(run: dict[str, Any]) -> ToolRun:
    inputs, outputs = unpacked(run.get("inputs")), unpacked(run.get("outputs"))
    if isinstance(inputs, dict) and len(inputs) == 1 and isinstance(inputs.get("input"), str | dict):
        inputs = inputs["input"]
    if isinstance(outputs, dict) and len(outputs) == 1 and "output" in outputs:
        outputs = outputs["output"]
    called = outputs.get("tool_call_id") if isinstance(outputs, dict) else None
    return ToolRun(
        name=str(run.get("name") or ""),
        arguments=Packer().value(inputs),
        output=Packer().value(outputs),
        call_id=call_id_of(called or _metadata(run).get("tool_call_id")),
        error=unpacked(run.get("error")),
        time=run.get("start_time"),
    )


def _scores(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    scores = []
    for run in runs:
        feedback = unpacked(run.get("feedback_stats"))
        for name, said in feedback.items() if isinstance(feedback, dict) else ():
            value = said.get("avg") if isinstance(said, dict) else said
            scores.append(score(name, value, explanation=compact(said) if isinstance(said, dict) else None))
    return scores
