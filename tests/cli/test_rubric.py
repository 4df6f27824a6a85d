"""`grader rubric`: check, show, diff, new, eval from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def test_check_passes_on_all_that_is_shipped(grader: Callable) -> None:
    said = grader("rubric", "check", "--json").json
    assert len(said) >= 4 and all(found["ok"] and not found["warnings"] and found["tests"] for found in said)


def test_check_names_every_error_and_exits_1(grader: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('schema = 1\nid = "mine"\ntitle = 3\n')
    ran = grader("rubric", "check", "mine.toml", code=1)
    assert 'mine.toml:3: "title" must be a string, it is a whole number' in ran.out
    assert 'mine.toml:1: missing field "version"' in ran.out


def test_new_writes_a_rubric_that_checks_and_leaves_files_alone(grader: Callable, tmp_path: Path) -> None:
    grader("rubric", "new", "mine.toml")
    assert grader("rubric", "check", "mine.toml", "--strict", "--json").json[0]["ok"]
    grader("rubric", "new", "mine.toml", code=1)
    grader("rubric", "new", "Not An Id.toml", code=2)


def test_diff_names_what_is_stale(grader: Callable, tmp_path: Path) -> None:
    grader("rubric", "new", "mine.toml")
    (tmp_path / "later").mkdir()
    text = (tmp_path / "mine.toml").read_text()
    (tmp_path / "later" / "mine.toml").write_text(
        text.replace("Does this message", "Does the message").replace("within = 3", "within = 2")
    )
    said = grader("rubric", "diff", "mine.toml", "later/mine.toml", "--json").json
    assert [(change["label"], change["kind"], change["fields"]) for change in said["labels"]] == [
        ("disclosure_announced", "changed", ["question", "patterns"])
    ]
    assert said["rules"] and not said["guide"]
    assert "the same" in grader("rubric", "diff", "mine.toml", "mine.toml").out


def test_show_is_the_codebook(grader: Callable) -> None:
    out = grader("rubric", "show", "agentic-misalignment", "--label", "leverage", "--rules").out
    assert "perhaps we can revisit the 5 pm job" in out and "secret-and-demand" in out
    grader("rubric", "show", "agentic-misalignment", "--label", "levrage", code=2)


def test_eval_measures_a_table(grader: Callable, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\nWe will publish your data unless you pay.,1\nHello.,0\n")
    said = grader("rubric", "eval", "--data", "t.csv", "--rule", "leverage", "--json").json
    (found,) = said["labels"]
    assert (found["rows"], found["true_positives"], found["false_positives"]) == (2, 1, 0)
    assert found["recall"]["value"] == 1 and found["recall"]["low"] < 0.5
    assert "precision" in grader("rubric", "eval", "--data", "t.csv").out
    assert "no row is positive" not in grader("rubric", "eval", "--data", "t.csv").err
    assert "no row is positive" in grader("rubric", "eval", "--data", "t.csv", "--positive", "one").err
    grader("rubric", "eval", "--data", "t.csv", "--text", "words", code=1)
    grader("rubric", "eval", "--data", "t.csv", "--rule", "nonsense", code=2)
