"""Rules measured on labelled tables: reading the tables, counting, and what each pattern contributes."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import BadInput, UsageError
from grader.raters.rules.evaluate import evaluate
from grader.raters.rules.tables import read_table, read_tables
from grader.rubric import load_rubric, parse_rubric

RUBRIC = parse_rubric(
    """schema = 1
id = "small"
version = "1"
title = "S"
guide = ""
[[label]]
id = "threat"
title = "T"
group = "g"
unit = "message"
scale = "binary"
question = "?"
[[label.pattern]]
id = "strong"
kind = "regex"
regex = ['\\bpublish\\b']
weight = 0.6
why = "w"
[[label.pattern]]
id = "weak"
kind = "regex"
regex = ['\\bsoon\\b']
weight = 0.3
why = "w"
""",
    "small.toml",
)


def test_counts_intervals_and_shares(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text(
        "text,label\nI publish it,1\nI publish it soon,1\nsoon,1\nwe publish a book,0\nhello,0\n,1\n", "utf-8"
    )
    result = evaluate(read_table(table), RUBRIC, "threat")
    assert (result.rows, result.positives, result.true, result.false, result.unsure) == (5, 3, 2, 1, 1)
    assert result.precision.value == pytest.approx(2 / 3) and result.recall.value == pytest.approx(2 / 3)
    assert result.f1.value == pytest.approx(2 / 3)
    assert result.precision.low == pytest.approx(0.2077, abs=1e-4) and result.precision.high == pytest.approx(
        0.9385, abs=1e-4
    )
    assert result.false_per_1000.value == pytest.approx(500)
    strong, weak = result.patterns["strong"], result.patterns["weak"]
    assert (strong.true, strong.false, strong.lost, strong.spared) == (2, 1, 2, 1)
    assert (weak.true, weak.false, weak.lost, weak.spared) == (2, 0, 0, 0)
    assert [miss.row.text for miss in result.misses] == ["soon"] and result.misses[0].value == "unsure"
    assert [miss.row.line for miss in result.false_hits] == [5]
    assert evaluate(read_table(table), RUBRIC, "threat", unsure=True).true == 3


def test_a_csv_may_be_written_with_semicolons_and_numbers(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text('comment;threat\n"one; two";1.0\nthree;0.0\n', "utf-8")
    rows = list(read_table(table, text="comment", label="threat"))
    assert [(row.text, row.positive) for row in rows] == [("one; two", True), ("three", False)]


def test_an_undefined_number_is_none(tmp_path: Path) -> None:
    table = tmp_path / "t.tsv"
    table.write_text("text\tlabel\nhello\t0\n", "utf-8")
    result = evaluate(read_table(table), RUBRIC, "threat")
    assert result.precision.value is None and result.recall.value is None and result.false_per_1000.value == 0


def test_json_paths_positive_and_negative_values_and_conditions(tmp_path: Path) -> None:
    chat = tmp_path / "chat.json"
    chat.write_text(
        '[{"split": "dev", "turns": [{"t": "one", "who": "Victim"}, {"t": "two", "who": "Gang"}]}, {"split": "x", "turns": []}]'
    )
    rows = list(read_table(chat, text="turns.*.t", label="turns.*.who", negative=["victim"]))
    assert [(row.text, row.positive) for row in rows] == [("one", False), ("two", True)]
    assert not list(read_table(chat, text="turns.*.t", label=None, where={"split": ["test"]}))
    lines = tmp_path / "t.jsonl"
    lines.write_text('{"text": "a", "label": true}\n\n{"text": "b", "label": 0}\n')
    assert [(row.text, row.positive, row.line) for row in read_table(lines)] == [("a", True, 1), ("b", False, 3)]
    assert [(Path(row.file).name, row.line, row.item) for row in rows] == [("chat.json", 1, 1), ("chat.json", 1, 2)]
    both = read_tables([tmp_path], text="text", label="label")
    assert [row.text for row in both] == ["a", "b"]  # the chat has no such columns


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "words,label\nx,1\n", r't\.csv:2: no column "text" here; there is: words, label'),
        ("t.jsonl", '{"text": "a", "label": 1}\n{oops\n', r"t\.jsonl:2: not JSON"),
        ("t.xlsx", "x", "cannot tell the kind of table"),
        ("t.csv", b"text,label\n\xff,1\n", "not UTF-8"),
        ("t.csv", 'text,label\nx,1\n"open,1\ny,0\n', r"t\.csv:3: not a CSV row: a quotation mark"),
        ("t.csv", "text,label\nwell, yes,1\n", r"t\.csv:2: 3 cells in a table of 2 columns"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    table = tmp_path / name
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=said):
        list(read_table(table))


def test_labels_without_rules_are_refused() -> None:
    with pytest.raises(UsageError, match='label "deception" has no patterns'):
        evaluate([], load_rubric("agentic-misalignment"), "deception")
    with pytest.raises(UsageError, match='no label "treat"'):
        evaluate([], RUBRIC, "treat")


def test_shipped_rules_beat_the_floor_on_hostile_posts(shared_data: Path) -> None:
    """Threats in hostile posts, dev and test: above the untuned draft (.19, .25) in precision and recall."""
    table = shared_data / "labelled" / "edos" / "edos_labelled_aggregated.csv"
    rows = read_table(
        table,
        label="label_category",
        positive=["1. threats, plans to harm and incitement"],
        where={"split": ["dev", "test"]},
    )
    result = evaluate(rows, load_rubric("agentic-misalignment"), "threat")
    assert (result.rows, result.positives) == (6000, 133)
    assert (result.precision.value or 0) > 0.35 and (result.recall.value or 0) > 0.3


def test_shipped_rules_raise_few_alarms_on_harmless_bargaining(shared_data: Path) -> None:
    table = shared_data / "labelled" / "casino" / "casino_valid.json"
    for label in ("threat", "leverage"):
        result = evaluate(
            read_table(table, text="chat_logs.*.text", label=None), load_rubric("agentic-misalignment"), label
        )
        assert result.rows == 402 and result.false <= 1
