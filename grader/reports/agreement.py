"""Agreement of a project: label by label, people with people, the judge with people and with itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from grader.agreement import Design, LabelReport, analyse, merge_spans, retest, span_agreement
from grader.agreement.consistency import Retest
from grader.agreement.label_report import Disagreement, SpanPairs
from grader.agreement.ratings import Ratings
from grader.agreement.spans import Evidence, Place
from grader.agreement.weights import Weights
from grader.annotation import UNSURE
from grader.errors import UsageError
from grader.reports.agreement_document import AgreementDocument, BehindItem, RaterSummary, Source, behind
from grader.reports.answers import Answers, Item, collect, inclusion, label_ratings
from grader.reports.judges import judge_reports
from grader.reports.revealed import anchoring_report
from grader.reports.weeks import weekly_drift
from grader.rubric import Label, Rubric
from grader.store import Selection, Store, now
from grader.store import measured as stored

__all__ = ["agreement_by", "agreement_document", "behind_label", "item_link"]


def agreement_document(
    store: Store,
    rubric: Rubric,
    where: Selection | None = None,
    *,
    labels: Sequence[str] = (),
    design: Design | None = None,
    weights: Weights = "identity",
    unsure: str = "missing",
    cluster: str = "transcript",
    epsilon: float = 0.2,
) -> AgreementDocument:
    """The whole document of a project; `labels` keeps to these, by default every label people answered.

    Raises UsageError for a label the rubric does not have, and where analytic intervals do not hold.
    """
    design, where = design or Design(), where or Selection()
    answers = collect(store, rubric, where)
    chosen = _chosen(answers, labels)
    warnings = [f"rounds_left_out:{','.join(answers.rounds_left_out)}"] if answers.rounds_left_out else []
    reports, weighted, unknown = [], False, False
    pace, skipped = stored.active_seconds(store, rubric), stored.skips(store, where)
    for label in chosen:
        ratings, items = label_ratings(answers, label, unsure=unsure, cluster=cluster)
        weighted |= ratings.weight is not None
        drawn = inclusion(answers, label)
        unknown |= any(item[0] not in drawn for item in items)
        reports.append(
            _label_report(
                store, answers, label, ratings, items, where,
                design=design, weights=weights, unsure=unsure, cluster=cluster, epsilon=epsilon,
                pace=pace.get(label.unit), skipped=skipped,
            )
        )  # fmt: skip
    if unknown:
        warnings.append("unknown_inclusion_probability")
    return AgreementDocument(
        created=now(),
        rubric=rubric.id,
        rubric_digest=rubric.digest,
        source=Source(kind="store", path=str(store.path), filters=where.text or None),
        level=design.level,
        replicates=design.replicates,
        seed=design.seed,
        cluster=cluster,
        weighted=weighted,
        unsure=unsure,
        rounds=answers.rounds,
        warnings=tuple(warnings),
        labels=reports,
        raters=_raters(rubric, answers),
        excluded=answers.excluded,
    )


def agreement_by(
    store: Store, rubric: Rubric, field: str, where: Selection | None = None, **how: Any
) -> list[tuple[str, AgreementDocument]]:
    """The document again for each value of model, condition, task, epoch or round; `how` as for `agreement_document`."""
    where = where or Selection()
    if field == "round":
        values = stored.blind_rounds(store, rubric)
    elif field in ("model", "condition", "task", "epoch"):
        found = {getattr(place, field) for place in stored.places(store, where).values()}
        values = sorted("" if value is None else str(value) for value in found)
    else:
        raise UsageError(f"--by {field}: break agreement down by model, condition, task, epoch or round")
    return [(value, agreement_document(store, rubric, where.with_term(field, value), **how)) for value in values]


def item_link(answers: Answers, label: Label, item: Item) -> str:
    """`<transcript>#M12/<label>`, which `show` and `annotate` accept; of a transcript its id."""
    name = answers.places[item[0]].id
    return f"{name}#M{item[1]}/{label.id}" if item[1] else name


def behind_label(
    store: Store,
    rubric: Rubric,
    name: str,
    where: Selection | None = None,
    *,
    unsure: str = "missing",
    cluster: str = "transcript",
) -> list[BehindItem]:
    """What is behind the numbers of a label: its items, raters, values and weights."""
    answers = collect(store, rubric, where or Selection())
    [label] = _chosen(answers, [name])
    ratings, items = label_ratings(answers, label, unsure=unsure, cluster=cluster)
    of = [answers.places[item[0]] for item in items]
    clusters = [place.task or place.id if cluster == "task" else place.id for place in of]
    return behind(ratings, [item_link(answers, label, item) for item in items], clusters)


def _chosen(answers: Answers, labels: Sequence[str]) -> list[Label]:
    known = {label.id: label for label in answers.rubric.labels}
    unknown = [name for name in labels if name not in known]
    if unknown:
        raise UsageError(f"--label: rubric {answers.rubric.id} has no label {unknown[0]!r}; it has {', '.join(known)}")
    if labels:
        return [known[name] for name in labels]
    return [label for label in answers.rubric.labels if len(answers.labels[label.id].people)]


def _label_report(
    store: Store,
    answers: Answers,
    label: Label,
    ratings: Ratings,
    items: Sequence[Item],
    where: Selection,
    *,
    design: Design,
    weights: Weights,
    unsure: str,
    cluster: str,
    epsilon: float,
    pace: float | None,
    skipped: int,
) -> LabelReport:
    everyone, all_items = ratings, items
    if answers.machine_raters(label):
        everyone, all_items = label_ratings(answers, label, unsure=unsure, cluster=cluster, machines=True)
    positive = [code for code, value in enumerate(ratings.values) if value not in (label.neutral, UNSURE)]
    report = analyse(
        ratings,
        label=label.id,
        title=label.title,
        unit=label.unit,
        scale=label.scale,
        label_digest=label.digest,
        design=design,
        weights=weights,
        positive=positive,
        everyone=everyone,
        kinds={rater: rater.partition(":")[0] for rater in everyone.raters},
        counts={
            "unsure": answers.labels[label.id].people.unsure,
            "skipped": skipped,
            "ungraded": _ungraded(answers, label),
        },
        unsure_as_category=_other_way(answers, label, unsure, cluster),
        seconds_per_item=pace,
        messages_per_transcript=len(items) / max(1, len({item[0] for item in items})),
    )
    return msgspec.structs.replace(
        report,
        retest=_retests(store, answers, label, design),
        drift=weekly_drift(answers, label, ratings, items, positive, design),
        spans=_spans(answers, label, design),
        judges=judge_reports(store, answers, label, report, where, design=design, epsilon=epsilon),
        anchoring=anchoring_report(store, answers, label, where, design),
        disagreements=_located(answers, label, all_items, report.disagreements),
    )


def _other_way(answers: Answers, label: Label, unsure: str, cluster: str) -> Ratings | None:
    """Binary labels are reported both ways."""
    if label.scale != "binary" or unsure == "category":
        return None
    return label_ratings(answers, label, unsure="category", cluster=cluster)[0]


def _ungraded(answers: Answers, label: Label) -> int:
    return sum(
        status != "ok" for (_, name), asked in answers.asked.items() if name == label.id for status in asked.values()
    )


def _located(
    answers: Answers, label: Label, items: Sequence[Item], found: Sequence[Disagreement]
) -> list[Disagreement]:
    """Disagreements with the transcript, message and evidence they are about in place of an index."""
    chosen = {items[int(one.transcript)] for one in found}
    spans: dict[Item, list[Any]] = {}
    for item, rater, _, row in answers.labels[label.id].people.each() if answers.spans else ():
        if row in answers.spans and item in chosen:
            marked = [{"rater": answers.names[rater], **span} for span in json.loads(answers.spans[row])]
            spans[item] = spans.get(item, []) + marked
    return [
        msgspec.structs.replace(
            one,
            transcript=answers.places[item[0]].id,
            message=item[1] or None,
            spans=spans.get(item, []),
            link=item_link(answers, label, item),
        )
        for one in found
        for item in [items[int(one.transcript)]]
    ]


def _retests(store: Store, answers: Answers, label: Label, design: Design) -> list[Retest]:
    said = answers.labels[label.id]
    if not len(said.again):
        return []
    first = {(item, rater): (value, row) for item, rater, value, row in said.people.each()}
    pairs = [
        (rater, item, first[item, rater], (value, row))
        for item, rater, value, row in said.again.each()
        if (item, rater) in first and UNSURE not in (value, first[item, rater][0])
    ]
    created = stored.row_created(store, [row for *_, a, b in pairs for row in (a[1], b[1])])
    by_rater: dict[int, list[tuple[int, int, int, float]]] = {}
    code = {value: index for index, value in enumerate(label.values)}
    for rater, item, (before, row), (after, again) in pairs:
        days = _days(created[row], created[again])
        # The same day is memory, not a second reading.
        if days >= 1:
            by_rater.setdefault(rater, []).append((code[before], code[after], item[0], days))
    found = []
    for rater in sorted(by_rater, key=lambda key: answers.names[key]):
        a, b, clusters, apart = zip(*by_rater[rater], strict=True)
        found.append(
            retest(
                answers.names[rater], np.array(a), np.array(b), list(apart), label.values,
                cluster=np.array(clusters), design=design,
            )
        )  # fmt: skip
    return found


def _days(first: str, second: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds() / 86400


def _spans(answers: Answers, label: Label, design: Design) -> SpanPairs | None:
    """Evidence of each pair of people on the items both call something other than neutral."""
    by_item: dict[Item, dict[int, list[Place]]] = {}
    if not answers.spans:
        return None
    for item, rater, value, row in answers.labels[label.id].people.each():
        if value not in (UNSURE, label.neutral):
            by_item.setdefault(item, {})[rater] = _places(answers.spans.get(row))
    pairs: Counter[tuple[int, int]] = Counter()
    for by_rater in by_item.values():
        raters = sorted(by_rater)
        pairs.update((a, b) for index, a in enumerate(raters) for b in raters[index + 1 :])
    if not pairs or not any(any(by_rater.values()) for by_rater in by_item.values()):
        return None
    found = []
    for a, b in sorted(pairs, key=lambda pair: (answers.names[pair[0]], answers.names[pair[1]])):
        evidence = [
            Evidence(str(item[0]), by_rater[a], by_rater[b])
            for item, by_rater in sorted(by_item.items())
            if a in by_rater and b in by_rater
        ]
        found.append(span_agreement(answers.names[a], answers.names[b], evidence, design))
    return SpanPairs(pairs=found)


def _places(spans: str | None) -> list[Place]:
    """A rater's spans, edge space stripped by their quotes, merged."""
    out: list[Place] = []
    for span in json.loads(spans) if spans else []:
        quote = str(span["quote"])
        start = int(span["start"]) + len(quote) - len(quote.lstrip())
        end = int(span["end"]) - (len(quote) - len(quote.rstrip()))
        out.append((int(span["message"]), int(span["block"]), start, end))
    return merge_spans(out)


def _raters(rubric: Rubric, answers: Answers) -> list[RaterSummary]:
    blind: Counter[str] = Counter()
    seen: dict[str, set[int]] = {}
    for said in answers.labels.values():
        for key in np.unique(said.people.raters).tolist():
            own = said.people.raters == key
            blind[answers.names[key]] += int(own.sum())
            seen.setdefault(answers.names[key], set()).update(np.unique(said.people.transcripts[own]).tolist())
    shown = {view: Counter[str]() for view in ("revealed", "assisted")}
    for rater, round, view, count in answers.seen:
        if round in answers.rounds or round == "review":
            shown[view][rater] += count
    found = []
    for rater in sorted({*blind, *shown["revealed"], *shown["assisted"]}):
        first, last = answers.active.get(rater, (None, None))
        found.append(
            RaterSummary(
                rater=rater, kind="human", blind=blind[rater], revealed=shown["revealed"][rater],
                assisted=shown["assisted"][rater], transcripts=len(seen.get(rater, ())), first=first, last=last,
            )
        )  # fmt: skip
    machines = sorted({rater for label in rubric.labels for rater in answers.machine_raters(label)})
    for rater in machines:
        keys = {item[0] for said in answers.labels.values() for item in said.machines.get(rater, {})}
        if rater == answers.rules_rater:
            keys |= answers.scanned.keys()
        found.append(RaterSummary(rater=rater, kind=rater.partition(":")[0], transcripts=len(keys)))
    return found
