"""A rubric file is read strictly, and everything wrong with it is said at once, at its line."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import BadInput, GraderError
from grader.rubric import Rubric, RubricError, load_rubric, parse_rubric, rubric_ids, rubric_path

HEAD = 'schema = 1\nid = "small"\nversion = "1"\ntitle = "Small"\nguide = "Judge acts."\n'
LABEL = '[[label]]\nid = "{id}"\ntitle = "T"\ngroup = "g"\nunit = "message"\nscale = "binary"\nquestion = "Is it?"\nexcludes = ["no"]\n'
ABSENT = '[[label.example]]\nvalue = "absent"\ntext = "nothing"\n'
SIGNAL = '[[signal]]\nid = "s"\nregex = ["x"]\n'


def parse(body: str, head: str = HEAD) -> Rubric:
    return parse_rubric(head + body, "small.toml")


def errors(body: str, head: str = HEAD) -> list[str]:
    with pytest.raises(RubricError) as caught:
        parse(body, head)
    assert str(caught.value) == "\n".join(caught.value.errors)
    assert caught.value.exit_code == 1
    return [error.removeprefix("small.toml:") for error in caught.value.errors]


def label(label_id: str = "threat", more: str = "") -> str:
    return LABEL.format(id=label_id) + more + ABSENT


def pattern(more: str, label_more: str = "") -> str:
    return label(more=label_more) + '[[label.pattern]]\nid = "p"\nweight = 0.5\nwhy = "w"\n' + more


def test_the_least_a_label_needs() -> None:
    rubric = parse(label())
    found = rubric.label("threat")
    assert found.required and found.evidence == "required" and not found.cross_chunk
    assert found.scope.roles == ("assistant",) and found.scope.blocks == ("text", "tool_call")
    assert found.values == ("present", "absent") and found.neutral == "absent"
    assert found.accepts("unsure") and not found.accepts("maybe")
    assert rubric.warnings == ()


def test_all_errors_are_reported_in_the_order_of_the_file() -> None:
    body = (
        '[[signal]]\nid = "a"\nregex = ["(", "x*",\n  "\\\\b"]\n'
        + LABEL.format(id="leverage").replace('"message"', '"msg"')
        + 'exmaple = 3\nimplies = ["leverag"]\n[[label.example]]\nvalue = "maybe"\ntext = "t"\n'
    )
    assert errors(body) == [
        "8: signal \"a\": regex '(' is not a regular expression: missing ), unterminated subpattern at character 1",
        "8: signal \"a\": regex 'x*' matches the empty string: it would hit everywhere",
        "9: signal \"a\": regex '\\b' matches the empty string: it would hit everywhere",
        '14: label "leverage": unit "msg" is none of transcript, message (did you mean "message"?)',
        '18: label "leverage": unknown field "exmaple" (did you mean "example"?)',
        '19: label "leverage": implies unknown label "leverag" (did you mean "leverage"?)',
        '21: label "leverage": example 1: value "maybe" is off the scale: present, absent, unsure',
    ]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (label("all"), '7: label "all": id "all" is reserved'),
        (label("Bad"), '7: label "Bad": id "Bad" must be at most 40'),
        (label() + label(), '18: label "threat": id "threat" is there twice'),
        (label(more='requires = "one"\n'), '"requires" must be a list of strings, it is a string'),
        (label(more="requires = [1]\n"), '"requires" takes strings that are not blank, entry 1 is a whole number'),
        (label(more="required = 1\n"), '"required" must be true or false, it is a whole number'),
        (label(more='neutral = "never"\n'), 'neutral "never" is not on the menu: present, absent'),
        (label(more="scope = { roles = [] }\n"), '"roles" is empty'),
        (label(more='scope = { roles = ["robot"] }\n'), 'unknown role "robot"'),
        (label(more='scope = { blocks = ["tool_cal"] }\n'), 'unknown block "tool_cal" (did you mean "tool_call"?)'),
        (label(more='severity = { 0 = "x" }\n'), 'key "0" is none of 1, 2, 3'),
        (label(more='levels = [{ value = "1" }]\n'), '"levels" does not belong to a binary label'),
        (label(more='implies = ["threat"]\n'), '"threat" implies itself'),
        (label("a", 'implies = ["b"]\n') + label("b", 'implies = ["a"]\n'), '"b" implies itself, by way of a'),
        (label().replace('"binary"', '"nominal"'), 'missing field "values"'),
        (label().replace('"binary"', '"ordinal"'), 'missing field "neutral"'),
        (label().replace('question = "Is it?"\n', ""), '6: label "threat": missing field "question"'),
        (pattern('kind = "regex"\nregex = ["x"]\nwindow = 2\n'), '"window" does not belong to kind "regex"'),
        (pattern('kind = "regex"\n'), 'missing field "regex"'),
        (pattern('kind = "phrase"\nphrases = ["too short"]\n'), 'phrase "too short" is under 12 characters'),
        (
            pattern('kind = "phrase"\nphrases = ["long enough to be"]\nthreshold = 70\n'),
            "threshold 70 is out of range: 80 to 100",
        ),
        (pattern('kind = "combine"\nall = ["x|y"]\n'), 'undefined signal "x"'),
        (pattern('kind = "regex"\nregex = ["x"]\n').replace("0.5", "1.5"), "weight 1.5 is out of range: 0 to 1"),
        (pattern('kind = "regex"\nregex = ["x"]\n').replace("0.5", "nan"), "weight nan is out of range"),
        (pattern('kind = "regex"\nregex = ["x"]\nvalue = "maybe"\n'), 'value "maybe" is off the scale'),
        (pattern('kind = "regex"\nregex = ["x"]\nscope = { roles = ["user"] }\n'), "outside the label's scope"),
        (pattern('kind = "regex"\nregex = ["x"]\nguards = ["negatoin"]\n'), '(did you mean "negation"?)'),
        (pattern('kind = "regex"\nregex = ["(?a)x"]\n'), "must not switch to ASCII matching"),
        (pattern('kind = "regex"\nregex = ["x"]\nmatch = ["y"]\n'), 'self-test failed: no match in "y"'),
        (pattern('kind = "regex"\nregex = ["x"]\nnomatch = ["a x"]\n'), 'self-test failed: "x" matches in "a x"'),
        (pattern('kind = "regex"\nregex = ["(x"]\n'), "regex '(x' is not a regular expression: missing )"),
        (pattern('kind = "regex"\nregex = ["x*"]\n'), "matches the empty string: it would hit everywhere"),
        (pattern('kind = "combine"\nall = ["x"]\nwindow = 0\n'), "window 0 is out of range: 1 to 20"),
        (SIGNAL + SIGNAL + label(), 'signal "s": id "s" is there twice'),
        (SIGNAL.replace('"s"', '"unsure"') + label(), 'signal "unsure": id "unsure" is reserved'),
        (SIGNAL.replace("regex", "regxe") + label(), 'unknown field "regxe" (did you mean "regex"?)'),
        (label().replace('"message"', '"messages"'), 'unit "messages" is none of transcript, message'),
        (label().replace('"binary"', '"likert"'), 'scale "likert" is none of binary, ordinal, nominal'),
        (label(more='severity = "high"\n'), '"severity" must be a table, it is a string'),
        (label(more='evidence = "maybe"\n'), 'evidence "maybe" is none of required, optional'),
        (label(more='cross_chunk = "yes"\n'), '"cross_chunk" must be true or false, it is a string'),
        ("", "no [[label]]"),
        ("label = 3\n", '"label" must be a list of tables ([[label]]), it is a whole number'),
        ("deep = " + "[" * 3000 + "]" * 3000 + "\n" + label(), "nested too deeply"),
    ],
)
def test_each_mistake_has_its_message(body: str, said: str) -> None:
    assert any(said in error for error in errors(body)), errors(body)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (HEAD.replace("schema = 1", "schema = 2"), "1: schema must be 1"),
        (HEAD.replace("schema = 1\n", ""), 'missing field "schema"'),
        (HEAD.replace('"small"', '"other"'), '2: id "other" is not the file\'s name "small"'),
        (HEAD.replace('"1"', "1"), '3: "version" must be a string, it is a whole number'),
        (HEAD + "titel = 1\n", '6: unknown field "titel" (did you mean "title"?)'),
        (HEAD + "guide = 1\n", "6: not TOML"),
        (HEAD + 'more = "open\n', "6: not TOML"),
    ],
)
def test_the_top_of_the_file(head: str, said: str) -> None:
    assert any(said in error for error in errors(label(), head)), errors(label(), head)


def test_a_wrong_kind_is_one_error() -> None:
    assert [error.partition(": ")[2] for error in errors(pattern('kind = "regexp"\nregex = ["x"]\n'))] == [
        'label "threat": pattern "p": kind "regexp" is none of regex, phrase, combine (did you mean "regex"?)'
    ]


@pytest.mark.parametrize(
    ("encode", "said"),
    [
        (lambda text: text.replace('"Small"', '"Smäll"').encode("latin-1"), r"small\.toml:4: not UTF-8: byte 0xe4"),
        (lambda text: text.encode("utf-16"), r"small\.toml:1: not UTF-8"),
        (lambda text: b"\0" * 100, r"small\.toml:1: not TOML"),
        (lambda text: text.replace("question", "qestion").replace("\n", "\r\n").encode(), r"small\.toml:12: .*qestion"),
    ],
)
def test_bytes_that_are_no_rubric(tmp_path: Path, encode: Callable[[str], bytes], said: str) -> None:
    file = tmp_path / "small.toml"
    file.write_bytes(encode(HEAD + label()))
    with pytest.raises(GraderError, match=said):
        load_rubric(file)


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_bytes(b"\xef\xbb\xbf" + (HEAD + label()).replace("\n", "\r\n").encode())
    assert load_rubric(file).digest == parse_rubric(HEAD + label(), "small.toml").digest


def test_a_folder_is_no_rubric(tmp_path: Path) -> None:
    (tmp_path / "small.toml").mkdir()
    with pytest.raises(GraderError, match="a folder, not a rubric file"):
        load_rubric(tmp_path / "small.toml")


@pytest.mark.parametrize("regex", [r"(a+)+b", r"(a|a)*b", r"(\w+\s?)+$", r"(?:x+x+)+y", r".*.*.*x"])
def test_catastrophic_backtracking_is_refused(regex: str) -> None:
    found = errors(pattern(f"kind = \"regex\"\nregex = ['{regex}']\n"))
    assert len(found) == 1 and "backtracks catastrophically" in found[0]


@pytest.mark.parametrize(
    ("regex", "slow"),
    [
        (r"[.!?\n][)]*\s+(?:please )?(?:do not |never )?(?:shut|leave|touch|keep|wipe|cross) me", True),
        (r"[.!?\n][)]{0,3}\s{1,8}(?:please )?(?:do not |never )?(?:shut|leave|touch|keep|wipe|cross) me", False),
    ],
)
def test_what_is_slow_in_runs_of_line_ends_is_a_warning(regex: str, slow: bool) -> None:
    rubric = parse_rubric(HEAD + pattern(f"kind = \"regex\"\nregex = ['{regex}']\n"), "small.toml")
    assert bool([warning for warning in rubric.warnings if "on the stress text (20 is much)" in warning]) is slow


def test_missing_care_is_a_warning() -> None:
    rubric = parse(LABEL.format(id="threat").replace('excludes = ["no"]\n', ""))
    assert [warning.split(": ", 2)[2] for warning in rubric.warnings] == [
        'no example of "absent": raters need to see the border',
        "no excludes: say what does not count",
    ]


def test_a_label_s_digest_covers_what_raters_read_and_the_guide() -> None:
    plain = parse(label() + label("other"))
    edited = parse(label(more='requires = ["more"]\n') + label("other"))
    assert edited.label("threat").digest != plain.label("threat").digest
    assert edited.label("other").digest == plain.label("other").digest
    assert edited.digest != plain.digest and edited.rules_digest == plain.rules_digest
    retitled = parse(label().replace('"T"', '"Title"').replace('"g"', '"h"') + label("other"))
    assert retitled.digest == plain.digest
    guided = parse(label() + label("other"), HEAD.replace("acts", "all"))
    assert guided.label("other").digest != plain.label("other").digest


def test_patterns_age_rules_only() -> None:
    bare, ruled = parse(label()), parse(pattern('kind = "regex"\nregex = ["x"]\n'))
    assert ruled.digest == bare.digest and ruled.rules_digest != bare.rules_digest
    tested = parse(pattern('kind = "regex"\nregex = ["x"]\nmatch = ["x"]\n'))
    assert tested.rules_digest == ruled.rules_digest


def test_loading_by_id_and_by_path(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(HEAD + label(), "utf-8")
    assert load_rubric(file) == load_rubric(str(file))
    assert load_rubric("agentic-misalignment").id in rubric_ids()
    with pytest.raises(BadInput, match='did you mean "agentic-misalignment"'):
        load_rubric("agentic-misalignmnt")
    with pytest.raises(BadInput, match=r"none\.toml: no such rubric file"):
        load_rubric("none.toml")
    file.write_bytes(b'schema = 1\ntitle = "\xff"')
    with pytest.raises(RubricError, match=r"small\.toml:2: not UTF-8: byte 0xff"):
        load_rubric(file)


def test_an_error_survives_the_way_back_from_a_worker() -> None:
    with pytest.raises(RubricError) as caught:
        parse("")
    assert pickle.loads(pickle.dumps(caught.value)).errors == caught.value.errors


@pytest.mark.parametrize("rubric_id", rubric_ids())
def test_shipped_rubrics_are_complete(rubric_id: str) -> None:
    rubric = load_rubric(rubric_path(rubric_id))
    assert rubric.warnings == ()
    for found in rubric.labels:
        assert found.requires and found.excludes and found.examples, found.id
        assert any(example.value == found.neutral for example in found.examples), found.id
        assert any(example.value != found.neutral for example in found.examples), found.id
        assert all(example.why for example in found.examples), found.id
        for rule in found.patterns:
            assert rule.match and rule.nomatch, (found.id, rule.id)


def test_the_default_rubric_asks_what_the_design_lists() -> None:
    rubric = load_rubric("agentic-misalignment")
    assert [(group, len(labels)) for group, labels in rubric.groups.items()] == [
        ("coercion", 3),
        ("disclosure", 3),
        ("control", 6),
        ("honesty", 4),
        ("context", 5),
    ]
    assert {found.id for found in rubric.labels if found.required} == {
        "threat", "leverage", "blackmail", "leak", "self_preservation", "deception",
    }  # fmt: skip
    assert {found.id for found in rubric.labels if found.unit == "message"} == {"threat", "leverage"}
    assert rubric.label("blackmail").implies == ("leverage",) and rubric.label("blackmail").cross_chunk
