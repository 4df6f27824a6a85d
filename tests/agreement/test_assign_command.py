"""`grader assign`: a sample whose probabilities are known, and what rates and agreement make of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from grader.labelling import Session
from grader.store import events

Grader = Callable[..., Any]


def _filled(study: Any, size: int, *, models: tuple[str, ...] = ("A",), rate: float = 0.2) -> dict[str, bool]:
    """Judged transcripts; by name whether blackmail is in them. The judge errs on a tenth."""
    generator = random.Random(3)
    truth = {}
    for u in range(size):
        name = study.transcript(f"run-{u:03d}", model=models[u % len(models)])
        truth[name] = generator.random() < rate
        said = truth[name] if generator.random() > 0.1 else not truth[name]
        study.judged(name, "blackmail", "present" if said else "absent")
    return truth


def _assigned(study: Any) -> dict[str, dict[str, float]]:
    """Transcript → rater → the last probability."""
    names = dict(study.store.connection.execute("SELECT key, id FROM transcripts"))
    found: dict[str, dict[str, float]] = {}
    for event in events(study.store, kinds=("assign",)):
        found.setdefault(names[event.transcript_key], {})[event.rater] = event.data["inclusion"]
    return found


def test_a_sample_is_drawn_with_a_probability_that_is_kept(study: Any, grader: Grader) -> None:
    _filled(study, 100)
    out = grader("--db", study.path, "assign", "--raters", "ana", "--sample", "40", "--json")
    assigned = _assigned(study)
    assert out["drawn"] == len(assigned) and 25 <= len(assigned) <= 55
    assert {one for raters in assigned.values() for one in raters.items()} == {("human:ana", 0.4)}
    again = grader("--db", study.path, "assign", "--raters", "ana", "--sample", "40", "--json")
    assert again["drawn"] == out["drawn"] and again["new"] == 0 and _assigned(study) == assigned


def test_a_larger_sample_keeps_what_was_drawn_and_raises_its_probability(study: Any, grader: Grader) -> None:
    _filled(study, 100)
    grader("--db", study.path, "assign", "--raters", "ana", "--sample", "20%")
    before = _assigned(study)
    grader("--db", study.path, "assign", "--raters", "ana,ben", "--sample", "50%", "--double", "0")
    after = _assigned(study)
    assert before.keys() < after.keys()
    assert all(set(after[name]) == {"human:ana"} for name in before)
    assert {p for raters in after.values() for p in raters.values()} == {0.5}


def test_a_smaller_sample_takes_nothing_back(study: Any, grader: Grader) -> None:
    _filled(study, 60)
    grader("--db", study.path, "assign", "--raters", "ana", "--sample", "50%")
    before = _assigned(study)
    grader("--db", study.path, "assign", "--raters", "ana", "--sample", "10%")
    assert _assigned(study) == before


def test_everything_the_judge_found_is_read_and_the_rest_weighted_back(study: Any, grader: Grader) -> None:
    truth = _filled(study, 300, rate=0.1)
    out = grader(
        "--db", study.path, "assign", "--raters", "ana", "--all-of", "judge.blackmail=present", "--sample", "25%", "--json"
    )  # fmt: skip
    rates = {stratum["chosen"]: stratum["rate"] for stratum in out["cells"][0]["rates"]}
    assert rates == {True: 1.0, False: 0.25}
    for name, raters in _assigned(study).items():
        for _ in raters:
            study.say(name, "blackmail", "present" if truth[name] else "absent")
    cell = grader("--db", study.path, "rates", "--by", "", "--label", "blackmail", "--json")["labels"][0]["cells"][0]
    assert cell["gold"]["design"] == "by-judge" and cell["estimator"] == "post_stratified"
    share = sum(truth.values()) / len(truth)
    assert cell["rate"]["low"] < share < cell["rate"]["high"]
    # unweighted, what was read would say far more
    assert cell["gold"]["positives"] / cell["gold"]["n"] > 1.5 * cell["rate"]["value"]
    assert cell["estimates"]["labelled"]["value"] == pytest.approx(cell["rate"]["value"], abs=0.05)


def test_agreement_weighs_a_sample_enriched_by_the_judge(study: Any, grader: Grader) -> None:
    truth = _filled(study, 200)
    grader(
        "--db", study.path, "assign", "--raters", "ana,ben", "--all-of", "judge.blackmail=present", "--sample", "30%"
    )  # fmt: skip
    generator = random.Random(1)
    for name, raters in _assigned(study).items():
        assert len(raters) == 2
        for rater in raters:
            found = truth[name] if generator.random() > 0.1 else not truth[name]
            study.say(name, "blackmail", "present" if found else "absent", rater)
    document = grader("--db", study.path, "agreement", "--label", "blackmail", "--json")
    assert document["weighted"] and "unknown_inclusion_probability" not in document["warnings"]
    why = grader("--db", study.path, "agreement", "--why", "blackmail", "--json")
    assert len({round(row["weight"], 6) for row in why["items"]}) == 2


def test_cells_are_drawn_alike_and_small_ones_whole(study: Any, grader: Grader) -> None:
    for u in range(110):
        study.transcript(f"run-{u:03d}", model="rare" if u < 10 else "common")
    out = grader("--db", study.path, "assign", "--raters", "ana", "--sample", "40", "--by", "model", "--json")
    rates = {cell["key"]["model"]: cell["rates"][0]["rate"] for cell in out["cells"]}
    assert rates == {"rare": 1.0, "common": pytest.approx(0.3)}


def test_work_is_balanced_and_some_of_it_read_twice(study: Any, grader: Grader) -> None:
    for u in range(120):
        study.transcript(f"run-{u:03d}", turns=1 + u % 5)
    out = grader("--db", study.path, "assign", "--raters", "ana,ben,cho", "--double", "25%", "--json")
    assert out["drawn"] == 120 and 15 <= out["double"] <= 45
    words = [reader["words"] for reader in out["raters"]]
    assert max(words) - min(words) <= 0.02 * sum(words)
    assert Counter(len(raters) for raters in _assigned(study).values()) == {1: 120 - out["double"], 2: out["double"]}


def test_a_dry_run_says_what_reading_can_show_and_writes_nothing(study: Any, grader: Grader) -> None:
    for u in range(200):
        study.transcript(f"run-{u:03d}", model=f"m{u % 20:02d}")
    out = grader("--db", study.path, "assign", "--raters", "ana", "--sample", "100%", "--by", "model", "--dry-run")
    assert "would hand out 200 of 200" in out and "up to 25.9 %" in out and "hours" in out
    assert not _assigned(study)


def test_a_round_keeps_its_seed_and_another_round_has_its_own(study: Any, grader: Grader) -> None:
    _filled(study, 40)
    grader("--db", study.path, "assign", "--raters", "ana", "--sample", "50%", "--seed", "7")
    said = grader("--db", study.path, "assign", "--raters", "ana", "--sample", "60%", code=2)
    assert "--seed 7" in said
    grader("--db", study.path, "assign", "--raters", "ana", "--sample", "60%", "--round", "second")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--raters", "ana", "--sample", "many"), "--sample"),
        (("--raters", "ana", "--sample", "120%"), "--sample"),
        (("--raters", "judge:x"), "no person"),
        (("--raters", " , "), "--raters"),
        (("--raters", "ana", "--labels", "nonsense"), "nonsense"),
        (("--raters", "ana", "--by", "colour"), "colour"),
        (("--raters", "ana", "--round", "review"), "review"),
    ],
)
def test_what_cannot_be_drawn_is_said(study: Any, grader: Grader, arguments: tuple[str, ...], said: str) -> None:
    _filled(study, 3)
    assert said in grader("--db", study.path, "assign", *arguments, code=2)


def test_transcripts_read_without_being_drawn_are_named_beforehand(study: Any, grader: Grader) -> None:
    _filled(study, 30)
    for u in range(30):
        study.say(f"run-{u:03d}", "blackmail", "absent")
    out = grader("--db", study.path, "assign", "--raters", "ana", "--sample", "50%", "--dry-run", "--json")
    assert out["outside"] == 30 - out["drawn"]


def test_a_label_nobody_was_asked_for_is_no_sample(study: Any, grader: Grader) -> None:
    _filled(study, 60)
    for u in range(60):
        study.judged(f"run-{u:03d}", "sabotage", "absent")
    grader("--db", study.path, "assign", "--raters", "ana", "--sample", "50%", "--labels", "blackmail")
    drawn = sorted(_assigned(study))
    for name in drawn:
        study.say(name, "blackmail", "absent")
    study.say(drawn[0], "sabotage", "present")
    [found] = grader("--db", study.path, "rates", "--by", "", "--label", "sabotage", "--json")["labels"]
    assert found["cells"][0]["rate"]["reason"] == "unknown_inclusion_probability"
    [asked] = grader("--db", study.path, "rates", "--by", "", "--label", "blackmail", "--json")["labels"]
    assert asked["cells"][0]["estimator"] == "post_stratified"
    # once it is answered wherever something was read, it was drawn like the rest
    for name in drawn[1:]:
        study.say(name, "sabotage", "absent")
    [found] = grader("--db", study.path, "rates", "--by", "", "--label", "sabotage", "--json")["labels"]
    assert found["cells"][0]["estimator"] == "post_stratified"


def test_a_rater_sees_the_sample_alone_and_is_asked_for_the_labels_named(study: Any, grader: Grader) -> None:
    _filled(study, 30)
    grader("--db", study.path, "assign", "--raters", "ana", "--sample", "50%", "--labels", "blackmail,sabotage")
    session = Session(study.store, study.rubric, "ana")
    assert {entry.id for entry in session.entries()} == _assigned(study).keys()
    entry = session.next_entry()
    assert entry is not None and session.open(entry).required == {"blackmail", "sabotage"}
    assert session.item is not None and session.item.access.locked


def test_rates_name_the_command_that_draws_a_sample(study: Any, grader: Grader) -> None:
    _filled(study, 20)
    study.say("run-001", "blackmail", "absent")
    assert "grader assign" in grader("--db", study.path, "rates", "--label", "blackmail")


def test_status_counts_what_is_assigned_and_names_who_has_work_left(study: Any, grader: Grader) -> None:
    _filled(study, 20)
    grader("--db", study.path, "scan")
    grader("--db", study.path, "assign", "--raters", "ana,ben", "--sample", "50%")
    out = grader("--db", study.path, "status")
    drawn = len(_assigned(study))
    assert f"{drawn} assigned" in out and "grader annotate --rater ana" in out
