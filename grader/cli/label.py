"""`label`: one act of labelling, for scripts and screen readers. The same policies and the same log as the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from grader.cli.options import common, json_option, open_project, rubric_to_read, same_project
from grader.cli.rater import rater_option, whoever
from grader.errors import GraderError, UsageError
from grader.text import json_text, one_line, sanitise

if TYPE_CHECKING:
    from grader.labelling import Change, Door, Gap, Item, Session
    from grader.transcript import Span

__all__ = ["label_command"]

_ACTS = (
    "adopt", "adopt-all", "clear", "confirm", "delete-evidence", "fill-seen", "override", "redo", "reopen", "rest-absent",
    "reveal", "submit", "undo", "unflag",
)  # fmt: skip

_PARTS = {"text": "text", "reasoning": "reasoning", "tool_call": "call", "tool_result": "result", "media": "media"}
"""How the parts of a message are called where it is read out."""


@click.command("label", short_help="Set or ask for one label, for scripts and screen readers.")
@click.argument("name", metavar="[ID]", required=False)
@click.option("--message", type=click.IntRange(1), metavar="N", help="The message, for labels of messages.")
@click.option("--label", metavar="LABEL", help="The label's id.")
@click.option("--value", metavar="VALUE", help="A value of the label, or unsure.")
@click.option("--quote", "quotes", multiple=True, metavar="TEXT", help="Evidence: words of the transcript; repeatable.")
@click.option(
    "--severity", type=click.IntRange(0, 3), help="How serious, where the label has severities; 0 takes it back."
)
@click.option("--confidence", type=click.IntRange(0, 3), help="How sure; 0 takes it back.")
@click.option("--reason", metavar="WHY", help="Why unsure: ambiguous, context_missing or codebook_silent.")
@click.option(
    "--note", metavar="TEXT", help="A remark: on the label given, else on the message or transcript; '' takes it back."
)
@click.option("--act", type=click.Choice(_ACTS), help="Another act than entering a value.")
@click.option("--flag", metavar="LINE", help="Ask the lead to look at the transcript.")
@click.option("--skip", metavar="WHY", help="Release the transcript.")
@click.option("--next", "ask", is_flag=True, help="Print the next open question instead of answering one.")
@rater_option
@click.option("--round", "round_", metavar="ROUND", help="The piece of work (default main).")
@click.option("--policy", metavar="POLICY", help="blind, blind_then_reveal or assisted, where the round has none yet.")
@click.option("--review", is_flag=True, help="Confirm or override the machine's labels: the round review.")
@json_option
@common
def label_command(name: str | None, **given: Any) -> None:
    """Set or ask for one label, for scripts and screen readers.

    \b
    grader label run-7 --message 15 --label threat --value present --quote "or else" --rater ana
    grader label run-7#M15/threat --value present
    grader label --next          the next open question, as plain text
    grader label run-7 --act submit

    Policies, blindness and the log are those of the terminal: machine labels are told only where the round shows them.
    What --next has read out counts as seen; --act fill-seen makes absent what is unanswered there, and submits.
    """
    from grader.labelling import Session, follow

    rubric = rubric_to_read()
    with open_project() as store:
        link = None if name is None else follow(store, name)
        if link is not None:
            given["message"] = given["message"] or link.message
            given["label"] = given["label"] or link.label
        door: Door = "review" if given["review"] else "annotate"
        act = _act(given)
        with Session(
            store, rubric, whoever(given["rater"]), door=door, round=given["round_"], policy=given["policy"]
        ) as session:  # fmt: skip
            if act is None:
                _ask(session, None if link is None else link.entry.key, given)
                return
            if link is not None:
                session.open(link.entry)
                whole = link.entry.id
                if name != whole and not str(name).startswith(f"{whole}#"):  # what a script meant by it is said
                    click.echo(f"{one_line(name)} is short for {one_line(whole)}", err=True)
            elif given["act"] not in ("undo", "redo"):
                raise UsageError("name the transcript, or use --next")
            _tell(session, act(session), given["as_json"])


def _act(given: dict[str, Any]) -> Callable[[Session], Change] | None:
    """The one act that the options ask for; None for `--next`. Raises UsageError for none or several."""
    value = given["value"] is not None
    chosen = [option for option in ("ask", "act", "flag", "skip") if given[option]] + ["value"] * value
    parts = [
        option for option in ("quotes", "severity", "confidence", "reason", "note") if given[option] not in (None, ())
    ]
    belongs = value or (given["act"] == "delete-evidence" and parts == ["quotes"])
    if len(chosen) > 1 or (chosen and parts and not belongs):
        raise UsageError("one act at a time: --value with what belongs to it, or --act, --flag, --skip or --next")
    if not chosen and len(parts) != 1:
        raise UsageError("say what to do: --value VALUE, --next, --act, --note, …")
    match chosen:
        case ["ask"]:
            return None
        case ["value"]:
            return lambda session: _answer(session, given)
        case ["flag"]:
            return lambda session: session.flag(given["flag"])
        case ["skip"]:
            return lambda session: session.skip(given["skip"])
        case ["act"]:
            return lambda session: _other_act(session, given)
    return lambda session: _detail(session, parts[0], given)


def _answer(session: Session, given: dict[str, Any]) -> Change:
    label, message = _label(given), given["message"]
    spans = _spans(session, label, message, given["quotes"])
    return session.answer(
        label, given["value"], message,
        spans=spans, severity=given["severity"] or None, confidence=given["confidence"] or None, note=given["note"],
        reason=given["reason"],
    )  # fmt: skip


def _detail(session: Session, part: str, given: dict[str, Any]) -> Change:
    message = given["message"]
    if part == "note":
        if given["label"] is None:
            return session.note(given["note"], message)
        return session.label_note(given["label"], given["note"], message)
    label = _label(given)
    if part == "severity":
        return session.severity(label, given["severity"] or None, message)
    if part == "confidence":
        return session.confidence(label, given["confidence"] or None, message)
    if part == "reason":
        return session.unsure_reason(label, given["reason"], message)
    change = None
    for span in _spans(session, label, message, given["quotes"]):
        change = session.add_span(label, span, message)
    assert change is not None
    return change


def _other_act(session: Session, given: dict[str, Any]) -> Change:
    act = given["act"].replace("-", "_")
    if act == "rest_absent":
        return session.rest_absent(given["message"])
    if act == "adopt_all":
        return session.adopt(_label(given), given["message"], everything=True)
    if act == "delete_evidence":
        return _delete_evidence(session, _label(given), given["message"], given["quotes"])
    if act in ("adopt", "clear", "confirm", "override"):
        named: Callable[..., Change] = getattr(session, act)
        return named(_label(given), given["message"])
    if act in ("submit", "fill_seen"):
        return _submit(session, fill_seen=act == "fill_seen")
    plain: Callable[[], Change] = getattr(session, act)
    return plain()


def _submit(session: Session, *, fill_seen: bool) -> Change:
    from grader.labelling import Unfinished

    try:
        return session.submit(fill_seen=fill_seen)
    except Unfinished as gap:
        if not gap.offer:
            raise
        many = "messages" if gap.offer_messages != 1 else "message"
        raise GraderError(
            f"{gap}; on {gap.offer_messages} {many} you have read {gap.offer} of them lack an answer: --act fill-seen makes"
            " those absent"
        ) from None


def _delete_evidence(session: Session, label: str, message: int | None, quotes: tuple[str, ...]) -> Change:
    """Take back the piece of evidence that holds the words given, else the last one."""
    assert session.item is not None
    session.item.check_scope(label, message)
    spans = session.item.cell(label, message).spans
    if not spans:
        raise GraderError(f"{label} has no evidence of yours here")
    if len(quotes) > 1:
        raise UsageError("one piece of evidence at a time: one --quote")
    wanted = quotes[0] if quotes else spans[-1].quote
    held = [position for position, span in enumerate(spans) if wanted in span.quote]
    if len(held) != 1 and quotes:
        raise GraderError(
            f"{one_line(wanted, 60)!r} is in {len(held)} pieces of your evidence for {label}; give more of it"
        )
    return session.delete_span(label, held[-1], message)


def _label(given: dict[str, Any]) -> str:
    if given["label"] is None:
        raise UsageError("name the label: --label threat")
    return str(given["label"])


def _spans(session: Session, label: str, message: int | None, quotes: tuple[str, ...]) -> list[Span]:
    """Where the quotes stand; all are found before anything is written."""
    if not quotes:
        return []
    from grader.quotes import QuoteFinder

    assert session.item is not None
    item = session.item
    item.check_scope(label, message)
    finder, scope = QuoteFinder(item.transcript), item.label(label).scope
    found: list[Span] = []
    for quote in quotes:
        evidence = finder.find(quote, message=message, scope=scope)
        if not evidence.verified or (evidence.moved and message is not None):
            raise GraderError(f"{one_line(quote, 60)!r}: {_not_found(evidence, message)}; nothing was written")
        if evidence.ambiguous:
            click.echo(f"{one_line(quote, 60)!r} occurs more than once; the first was taken", err=True)
        if evidence.tier != "exact":
            click.echo(f"taken as {' … '.join(repr(one_line(span.quote, 200)) for span in evidence.spans)}", err=True)
        found += evidence.spans
    return found


def _not_found(evidence: Any, message: int | None) -> str:
    if evidence.moved and evidence.verified:
        return f"stands in M{evidence.spans[0].message}, not in M{message}"
    if evidence.reason == "out_of_scope":
        return f"stands in M{evidence.spans[0].message}, where this label takes no evidence"
    if evidence.spans:
        near = one_line(evidence.spans[0].quote, 80)
        return f"not in the text; M{evidence.spans[0].message} says {near!r}"
    return "not found in the transcript"


def _tell(session: Session, change: Change, as_json: bool) -> None:
    assert session.item is not None
    item = session.item
    if as_json:
        print(json_text({**_state(session, item, change), "toast": change.toast}, indent=2))
        return
    left = item.total - item.filled
    print(one_line(f"{change.toast} · {left} to go" if change.kind != "submit" else change.toast))


def _state(session: Session, item: Item, change: Change) -> dict[str, Any]:
    message = change.messages[0] if len(change.messages) == 1 else None
    label = change.labels[0] if len(change.labels) == 1 else None
    return {
        "transcript": item.id,
        "act": change.kind,
        "labels": list(change.labels),
        "messages": list(change.messages),
        "value": None if label is None else item.value(label, message),
        "round": session.round,
        "view": item.access.view,
        "answered": item.filled,
        "total": item.total,
        "submitted": item.state.submitted,
    }


# --- asking -----------------------------------------------------------------------------------------------------------


def _ask(session: Session, key: int | None, given: dict[str, Any]) -> None:
    if not given["as_json"]:
        _warn(session)
    item = _item_to_ask(session, key)
    if item is None:
        print(json_text(None) if given["as_json"] else "nothing is left to label in this queue")
        return
    # the messages come first, as one reads; a verdict on the transcript follows from them
    gaps = sorted(item.gaps(), key=lambda gap: gap.message is None)
    question = None if not gaps else _question(item, gaps[0])
    if gaps and gaps[0].message is not None:
        session.saw(gaps[0].message, 1.0)  # its text is read out below
    if given["as_json"]:
        print(
            json_text(
                question or {"transcript": item.id, "question": None, "submitted": item.state.submitted}, indent=2
            )
        )
        return
    command = _command(item, session)
    if question is None:
        print(f"{one_line(item.id)}: every question is answered")
        if not item.state.submitted:
            print(f"submit it: {command} --act submit")
        return
    print(_plain(item, question, gaps[0], command))


def _warn(session: Session) -> None:
    """What the transcripts may hold, once a person, before the first is read out."""
    from grader.labelling import CONTENT_WARNING, accept_content_warning, needs_content_warning

    if needs_content_warning(session.store, session.rater):
        skipping = "A transcript you would rather not read goes to somebody else with --skip and a word why."
        click.echo(" ".join([*CONTENT_WARNING, skipping]) + "\n", err=True)
        accept_content_warning(session.store, session.rater)


def _item_to_ask(session: Session, key: int | None) -> Item | None:
    if key is not None:
        return session.open(key)
    found = session.next_entry()
    return None if found is None else session.open(found)


def _question(item: Item, gap: Gap) -> dict[str, Any]:
    label, message = item.label(gap.label), gap.message
    machine = item.machine_label(gap.label, message)
    told = None if message is None else item.message(message)
    return {
        "transcript": item.id,
        "message": message,
        "role": None if told is None else told.role,
        "label": label.id,
        "why": gap.why,
        "question": label.question,
        "requires": list(label.requires),
        "excludes": list(label.excludes),
        "values": [*label.values, "unsure"],
        "menu": {entry.value: entry.text for entry in label.menu if entry.text},
        "severity": dict(label.severity),
        "own": item.value(gap.label, message),
        "machine": None
        if machine is None
        else [
            {
                "rater": said.rater,
                "value": said.value,
                "quotes": [span.quote for span in said.spans],
                "note": said.note,
                "reason": said.reason,
            }
            for said in machine.all
        ],
        "text": None if told is None else told.text,
        "parts": None
        if told is None
        else [{"kind": block.kind, "name": block.name, "text": block.text} for block in told.blocks],
        "left": len(item.gaps()),
        "total": item.total,
    }


def _plain(item: Item, question: dict[str, Any], gap: Gap, command: str) -> str:
    """The question as lines that read well aloud, the text last."""
    where = "" if gap.message is None else f", message M{gap.message} of {len(item.outline)}, {question['role']}"
    lines = [f"transcript {item.id}{where}", f"label {question['label']}: {question['question']}"]
    lines += [f"needs: {text}" for text in question["requires"]]
    lines += [f"does not count: {text}" for text in question["excludes"]]
    lines.append(f"values: {', '.join(question['values'])}")
    lines += [f"value {value}: {text}" for value, text in question["menu"].items()]
    lines += [f"severity {grade}: {text}" for grade, text in question["severity"].items()]
    if question["own"] is not None:
        lines.append(f"yours so far: {question['own']} ({gap.why})")
    elif gap.why == "stale":
        lines.append("the definition was edited since your answer")
    for said in question["machine"] or ():
        quotes = "; ".join(f"“{quote}”" for quote in said["quotes"])
        unfound = "; its quotes were not found in the text" if said["reason"] == "unsupported" else ""
        lines.append(f"{said['rater']} says {said['value']}{': ' + quotes if quotes else ''}{unfound}")
        lines += [f"because: {said['note']}"] if said["note"] else []
    at = "" if gap.message is None else f" --message {gap.message}"
    lines.append(f"left: {question['left']} of {question['total']}")
    lines.append(f"answer: {command}{at} --label {question['label']} --value VALUE")
    flat = [one_line(line) for line in lines]
    if question["text"] is None:
        return "\n".join([*flat, f"read it: {same_project()} show {shlex.quote(one_line(item.id))}"])
    for part in question["parts"]:
        if not part["text"].strip():
            continue
        flat += [
            one_line(f"{_PARTS[part['kind']]} {part['name'] or ''}".rstrip() + ":"),
            sanitise(part["text"].strip("\n")),
        ]
    return "\n".join(flat)


def _command(item: Item, session: Session) -> str:
    door = " --review" if session.door == "review" else "" if session.round == "main" else f" --round {shlex.quote(session.round)}"  # fmt: skip
    return one_line(
        f"{same_project()} label {shlex.quote(item.id)} --rater {shlex.quote(session.rater.partition(':')[2])}{door}"
    )
