"""Label Studio's JSON export: tasks, each with the annotations people made of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from grader.pipeline.labels.mapping import LabelMap
from grader.pipeline.labels.said import Said, cell

__all__ = ["are_tasks", "said_in_tasks"]

_ANSWERS = ("choices", "rating", "number", "text", "taxonomy")


def are_tasks(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> bool:
    """Whether these are tasks and no rows of a table."""
    return all(isinstance(row.get("annotations"), list) and "data" in row for _, row in rows)


def said_in_tasks(
    tasks: Iterable[tuple[int, Mapping[str, Any]]], how: LabelMap, left_out: Counter[str]
) -> Iterator[Said]:
    """Every answer in them: a region says its label is present there, a choice or rating answers the label it is named after.

    What is no answer is counted: cancelled or empty annotations, relations, drafts, predictions (a machine's, unreviewed).
    """
    for line, task in tasks:
        held = task.get("data")
        data: dict[str, Any] = held if isinstance(held, dict) else {}
        place = {"data": data, **task}
        transcript = cell(place, how.transcript) or cell(data, how.transcript) or cell(data, "id")
        predictions = task.get("predictions")
        left_out["predictions"] += len(predictions) if isinstance(predictions, list) else 0
        drafts = task.get("drafts")
        left_out["drafts"] += len(drafts) if isinstance(drafts, list) else 0
        left_out["tasks without an annotation"] += not task["annotations"]
        for annotation in task["annotations"]:
            if not isinstance(annotation, dict):
                left_out["annotations that are no objects"] += 1
                continue
            if annotation.get("was_cancelled"):
                left_out["cancelled annotations"] += 1
                continue
            results = [result for result in annotation.get("result") or () if isinstance(result, dict)]
            left_out["annotations without an answer"] += not results
            about = Said(
                line,
                transcript,
                "",
                "",
                message=cell(data, how.message),
                rater=how.rater_name or _rater(annotation.get("completed_by")),
                time=str(annotation.get("created_at") or ""),
            )
            yield from _said(results, about, how, left_out)


def _said(results: list[dict[str, Any]], about: Said, how: LabelMap, left_out: Counter[str]) -> Iterator[Said]:
    """The answers in one annotation, each with the note, severity and confidence that were given of its region."""
    regions = {result.get("id") for result in results if _marked(result)}
    named = ((how.note, "note"), (how.severity, "severity"), (how.confidence, "confidence"))
    kinds: dict[object, str] = {name: kind for name, kind in named if name is not None}
    beside: dict[object, dict[str, str]] = {}
    answers: list[tuple[object, Said]] = []
    for result in results:
        place = result.get("id") if result.get("id") in regions else None
        kind = kinds.get(result.get("from_name"))
        given = [] if kind is None or _marked(result) else list(_answers(result, about))
        if given and (kind == "note" or place is not None):
            beside.setdefault(place, {})[kind or ""] = "; ".join(one.value for one in given)
            continue
        said = list(_answers(result, about))
        left_out["results that are no answer"] += not said
        answers += [(place, one) for one in said]
    whole = beside.pop(None, {}).get("note", "")
    for place, one in answers:
        about_it = beside.get(place, {})
        note = "; ".join(filter(None, (about_it.get("note"), whole)))
        yield msgspec.structs.replace(one, **(about_it | {"note": note}))
        whole = ""  # a remark on everything stands with the first answer
    if whole:
        left_out["notes without an answer"] += 1


def _marked(result: Mapping[str, Any]) -> list[Any] | None:
    """The labels of a region."""
    value = result.get("value")
    if not isinstance(value, dict):
        return None
    marked = value.get("paragraphlabels") or value.get("labels") or value.get("hypertextlabels")
    return marked if isinstance(marked, list) else None


def _rater(who: object) -> str:
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    return str(who or "")


def _answers(result: Mapping[str, Any], about: Said) -> Iterator[Said]:
    value = result.get("value")
    if not isinstance(value, dict):
        return
    marked = _marked(result)
    if marked is not None:
        quote, start = value.get("text"), str(value.get("start"))
        turn = int(start) if "paragraphlabels" in value and start.isdecimal() else None
        for label in marked:
            yield msgspec.structs.replace(
                about,
                label=str(label),
                value="present",
                message=about.message if turn is None else "",
                quotes=(quote,) if isinstance(quote, str) and quote.strip() else (),
                flat_message=turn,
            )
        return
    for kind in _ANSWERS:
        if kind in value:
            given = value[kind]
            for item in given if isinstance(given, list) else [given]:
                answer = item if isinstance(item, str) else json.dumps(item)
                yield msgspec.structs.replace(
                    about, label=str(result.get("from_name") or ""), value=answer, may_be_label=kind == "choices"
                )
            return
