"""Where the project stands: loaded, scanned, judged, labelled, and the one thing to do next."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Any

import msgspec

from grader.reports.terminal import console, plain
from grader.rubric import Rubric
from grader.store import Store
from grader.store.database import read_all
from grader.store.remarks import left_behind, remarks

__all__ = ["print_beginning", "print_status", "project_status"]


def project_status(store: Store, rubric: Rubric) -> dict[str, Any]:
    """Counts under `rubric` and the next step, as `status --json` prints them."""
    live = (
        "superseded_by IS NULL AND NOT coalesce((SELECT x.excluded FROM exclusions x"
        " WHERE x.transcript = t.key ORDER BY x.key DESC LIMIT 1), 0)"
    )
    (total, messages, models, conditions), *_ = read_all(
        store,
        "SELECT count(*), coalesce(sum(n_messages), 0), count(DISTINCT model), count(DISTINCT condition)"
        f" FROM transcripts t WHERE {live}",
    )
    [(excluded,)] = read_all(store, f"SELECT count(*) FROM transcripts t WHERE superseded_by IS NULL AND NOT ({live})")
    [(superseded,)] = read_all(store, "SELECT count(*) FROM transcripts WHERE superseded_by IS NOT NULL")
    [(scanned,)] = read_all(
        store,
        "SELECT count(DISTINCT p.transcript) FROM passes p JOIN transcripts t ON t.key = p.transcript"
        f" WHERE p.rules_digest = ? AND {live}",
        (rubric.rules_digest,),
    )
    touched = dict(
        read_all(
            store,
            "SELECT r.kind, count(DISTINCT a.transcript) FROM annotations a JOIN raters r ON r.key = a.rater"
            " JOIN labels l ON l.key = a.label JOIN transcripts t ON t.key = a.transcript"
            f" WHERE l.rubric = ? AND {live} GROUP BY r.kind",
            (rubric.id,),
        )
    )
    raters = [row[0] for row in read_all(store, "SELECT name FROM raters WHERE kind = 'human' ORDER BY name")]
    facts: dict[str, Any] = {
        "database": str(store.path),
        "rubric": rubric.id,
        "rubric_digest": rubric.digest,
        "transcripts": total,
        "messages": messages,
        "models": models,
        "conditions": conditions,
        "excluded": excluded,
        "superseded": superseded,
        "scanned": scanned,
        "judged": touched.get("judge", 0),
        "labelled": touched.get("human", 0),
        "raters": raters,
    }
    facts["assigned"], facts["to_read"] = _assigned(store, live)
    [(facts["cells"],)] = read_all(
        store, f"SELECT count(*) FROM (SELECT DISTINCT model, condition FROM transcripts t WHERE {live})"
    )
    facts["left_behind"] = left_behind(store)
    facts["remarks"] = msgspec.to_builtins(remarks(store))
    facts["plan"] = _plans(store, rubric) if len(raters) > 1 else []
    facts["next"], facts["why"] = _next(facts)
    return facts


def _assigned(store: Store, live: str) -> tuple[int, list[dict[str, Any]]]:
    """How many transcripts were handed out, and of whom how many wait for a first answer, by rater and round."""
    rows = read_all(
        store,
        "SELECT r.name, e.round, e.transcript, EXISTS (SELECT 1 FROM annotations a WHERE a.transcript = e.transcript"
        " AND a.rater = e.rater AND a.round = e.round) FROM events e JOIN raters r ON r.key = e.rater"
        f" JOIN transcripts t ON t.key = e.transcript WHERE e.kind = 'assign' AND {live} AND NOT EXISTS"
        " (SELECT 1 FROM events x WHERE x.kind = 'release' AND x.rater = e.rater AND x.transcript = e.transcript"
        " AND x.round = e.round AND x.id > e.id)",
    )
    waiting: dict[tuple[str, str], set[int]] = {}
    for rater, round, key, answered in rows:
        if not answered:
            waiting.setdefault((rater, round), set()).add(key)
    left = [
        {"rater": rater, "round": round, "transcripts": len(keys)} for (rater, round), keys in sorted(waiting.items())
    ]
    return len({key for _, _, key, _ in rows}), left


def _plans(store: Store, rubric: Rubric) -> list[dict[str, Any]]:
    """What is missing per required label for an interval of ±0.10, from the labels there are."""
    from grader.agreement import Design
    from grader.reports.agreement import agreement_document

    required = {label.id for label in rubric.labels if label.required}
    # the plan rests on the analytic error: two replicates spare the bootstrap that a status has no use for
    document = agreement_document(store, rubric, design=Design(replicates=2))
    return [
        {"label": label.label, "doubly_labelled": label.counts.pairable, **msgspec.to_builtins(label.plan)}
        for label in document.labels
        if label.label in required
    ]


def _remark_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Where to look; what was said is told where labels are, not to whoever works blind."""
    kinds = {"flag": "flagged for the lead", "skip": "skipped by an annotator", "note": "with notes"}
    for kind, what in kinds.items():
        names = list(dict.fromkeys(remark["transcript"] for remark in facts["remarks"] if remark["kind"] == kind))
        if names:
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            yield f"{what}: {', '.join(names[:5])}{more} (grader show ID --labels; all in grader status --json)"


def _left_behind_line(facts: dict[str, Any]) -> Iterator[str]:
    names = list(facts["left_behind"])
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        yield (
            f"answers by people to earlier revisions, which count nowhere: {sum(facts['left_behind'].values())} of"
            f" {', '.join(names[:5])}{more} (grader export jsonl --history has them)"
        )


def _plan_lines(facts: dict[str, Any]) -> Iterator[str]:
    if facts["cells"] > 1 and not facts["labelled"]:
        from grader.agreement.planner import zero_bound_of_cells

        yield f"before anyone reads: {zero_bound_of_cells(facts['cells'], 10)}; {zero_bound_of_cells(facts['cells'], 60)}"
    for plan in facts["plan"]:
        missing = plan["items_missing"]
        if missing is None:
            yield f"plan {plan['label']}: the labels so far do not tell a sample size"
            continue
        hours = "" if plan["hours"] is None else f", {plan['hours']:.1f} hours"
        yield (
            f"plan {plan['label']}: {plan['doubly_labelled']} doubly labelled, {missing} more for κ within {plan['target']:g}"
            f" ({plan['positives_needed']} positives in all{hours})"
        )


def _next(facts: dict[str, Any]) -> tuple[str, str]:
    if not facts["transcripts"]:
        return "grader grade LOGS", "load logs and run the rules"
    if facts["scanned"] < facts["transcripts"]:
        return "grader scan", f"{facts['transcripts'] - facts['scanned']} transcripts were not scanned by these rules"
    if facts["to_read"]:
        left = facts["to_read"][0]
        name = left["rater"].partition(":")[2]
        command = f"grader annotate --rater {quote(name)}"
        command += "" if left["round"] == "main" else f" --round {quote(left['round'])}"
        others = f"; {len(facts['to_read']) - 1} more have work left" if len(facts["to_read"]) > 1 else ""
        return command, f"{_counted(left['transcripts'], 'transcript')} assigned to {name} not begun{others}"
    if not facts["labelled"]:
        return (
            "grader review",
            "confirm or override what the machine found; grader assign draws a sample to label blind",
        )
    if len(facts["raters"]) < 2:
        return "grader annotate --rater NAME", "a second rater makes agreement measurable"
    return "grader agreement", "see how far the raters agree"


def print_status(facts: dict[str, Any]) -> None:
    """The counts in one line, and what to do next."""
    out = console()
    out.print(
        plain(
            f"{facts['transcripts']} loaded, {facts['scanned']} scanned, {facts['judged']} judged,"
            f" {facts['assigned']} assigned, {facts['labelled']} labelled",
            style="bold",
        )
    )
    details = [
        _counted(facts["messages"], "message"),
        _counted(facts["models"], "model"),
        _counted(facts["conditions"], "condition"),
        f"rubric {facts['rubric']}",
        f"database {facts['database']}",
    ]
    if facts["excluded"]:
        details.append(f"{facts['excluded']} excluded")
    if facts["superseded"]:
        details.append(f"{facts['superseded']} superseded revisions")
    if facts["raters"]:
        details.append("raters " + ", ".join(name.partition(":")[2] for name in facts["raters"]))
    out.print(plain(" · ".join(details)))
    for line in (*_left_behind_line(facts), *_remark_lines(facts), *_plan_lines(facts)):
        out.print(plain(line, style="dim"))
    out.print(plain(f"next: {facts['next']}   ({facts['why']})"))


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def print_beginning(path: str) -> None:
    """What to do where there is no database yet."""
    out = console()
    out.print(plain(f"nothing loaded: there is no {path} here", style="bold"))
    out.print(plain("next: grader grade LOGS   (or grader demo, to see it work on samples)"))
