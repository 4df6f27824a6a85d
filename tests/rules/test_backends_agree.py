"""Every back end finds exactly the spans of `re`: nothing missed, nothing moved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.raters.rules import Matcher
from grader.raters.rules.folding import plain
from grader.raters.rules.literals import clauses
from grader.rubric.regexes import compile_regex, regex_fault

FAST = ("re2", "literal")

# Letters that are equal only to some: long s, Kelvin, dotted and dotless i, sharp s, ligatures, final sigma, micro; blanks of
# every kind, among them those only Python counts; combining and astral characters; digits of other scripts; line ends.
CHARACTERS = (
    "aAbBiIkKsSxX019_ -.'\"(>"
    "ſ\u212aİıßẞﬁςσΣµμÅåéÉñç’“…—"
    "\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u00a0\u2003\u2028\u200b"
    "\u0301\u0307\u0345\U0001d400\U0001f600\U00010400\U00010428٣३"
    "\x00\x7f"
)
ATOMS = (
    *(
        "a",
        "b",
        "i",
        "k",
        "s",
        "I",
        "K",
        "S",
        "x",
        "0",
        "_",
        "-",
        "'",
        "’",
        " ",
        "é",
        "ß",
        "ſ",
        "İ",
        "ı",
        "\u212a",
        "σ",
        "ς",
        "µ",
        "ﬁ",
    ),
    *(
        r"\w",
        r"\W",
        r"\d",
        r"\D",
        r"\s",
        r"\S",
        r".",
        r"\.",
        r"\n",
        r"\x1c",
        r"\x0b",
        r"\xa0",
        "\U0001d400",
        "\U00010428",
    ),
    *(
        "[a-k]",
        "[^a-k]",
        "[aiks]",
        r"[\w’]",
        r"[^\s]",
        r"[\s\d]",
        "[’']",
        "[^’]",
        "[A-Z]",
        "[İ-ŉ]",
        "[à-ÿ]",
        "[^i]",
        "[^ks]",
    ),
    *(
        "(?-i:k)",
        "(?-i:ı)",
        "(?-i:[^i])",
        r"(?a:\w)",
        r"(?a:\W)",
        r"(?a:\bs)",
        "(?s:.)",
        "(?i:İ)",
        "(?x: a b )",
        r"(?-s:.)",
    ),
    *(
        "[^\\W\\d_]",
        r"[\w\s]",
        r"[^\w]",
        "[?a]",
        r"\?",
        "[^?]",
        "(?-i:[A-Z])",
        "(?-i:S)",
        "st",
        "ss",
        "if ",
        "key",
        "\r",
        "\x85",
    ),
)
ANCHORS = (
    r"\b",
    r"\b",
    r"\B",
    "^",
    "$",
    r"\A",
    r"\Z",
    "(?m:^)",
    "(?m:$)",
    r"(?<=\s)",
    r"(?!\n)",
    r"(?=\W)",
    r"(?<!\w)",
)


def _joined(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(
        ["?", "*", "+", "{2}", "{0,3}", "{1,80}", "{3,2000}", "??", "*?", "{0,80}?", "?+", "++", "*+", "{1,3}+", "{12}"]
    )
    return st.one_of(
        st.lists(children, min_size=2, max_size=4).map("".join),
        st.lists(children, min_size=2, max_size=3).map(lambda parts: "(?:" + "|".join(parts) + ")"),
        st.tuples(children, repeats).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        children.map(lambda part: f"({part})"),
        children.map(lambda part: f"(?>{part})"),
        st.tuples(st.sampled_from(["(?i:", "(?s:", "(?m:", "(?-i:", "(?a:", "(?is-m:", "(?x:"]), children)
        .map("".join)
        .map(lambda part: part + ")"),
        st.tuples(children, children).map(lambda pair: f"({pair[0]})?{pair[1]}(?(1)x|{pair[0]})"),
        st.tuples(children, children).map(lambda pair: rf"(?P<n>{pair[0]}){pair[1]}(?P=n)"),
        st.tuples(
            children, st.sampled_from([".{0,9}", r"[^.\n]{0,40}", r"(?: \w+){0,2}", r"\w*", r"\s+"]), children
        ).map("".join),
        st.lists(children, min_size=2, max_size=3).map(lambda parts: "|".join(parts)),
        st.tuples(children, children).map(lambda pair: f"{pair[0]}(?={pair[1]})"),
        st.tuples(children, children).map(lambda pair: f"{pair[0]}(?!{pair[1]})"),
        st.tuples(st.sampled_from(ATOMS[:20]), children).map(lambda pair: f"(?<={pair[0]}){pair[1]}"),
        st.tuples(st.sampled_from(ATOMS[:20]), children).map(lambda pair: f"(?<!{pair[0]}){pair[1]}"),
        st.tuples(st.sampled_from(ANCHORS), children).map("".join),
        st.tuples(children, st.sampled_from(ANCHORS)).map("".join),
    )


PATTERNS = st.recursive(st.sampled_from(ATOMS), _joined, max_leaves=7).filter(
    lambda pattern: regex_fault(pattern) is None and not _nested(pattern)
)
TEXTS = st.lists(st.text(st.sampled_from(CHARACTERS), max_size=24), min_size=1, max_size=12)


def _nested(pattern: str) -> bool:
    """Repetitions of repetitions: correct, but too slow for a test."""
    return len(re.findall(r"[*+}]", pattern)) > 3


def _spans(patterns: list[str], texts: list[str], backend: str) -> list[list[tuple[int, int, int]]]:
    return Matcher(patterns, backend).spans_of(texts)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PATTERNS, min_size=1, max_size=6), TEXTS)
def test_generated_patterns_and_texts(patterns: list[str], texts: list[str]) -> None:
    expected = _spans(patterns, texts, "re")
    for backend in FAST:
        assert _spans(patterns, texts, backend) == expected
        assert [Matcher(patterns, backend).spans(text) for text in texts] == expected  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PATTERNS, min_size=1, max_size=6), TEXTS)
def test_generated_patterns_in_long_texts(patterns: list[str], texts: list[str]) -> None:
    # Long texts are sifted in pieces: here of a few characters.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("grader.raters.rules.matcher.LONG", 10)
        patched.setattr("grader.raters.rules.sieve._PIECE", 7)
        patched.setattr("grader.raters.rules.sieve.NEAR", 20)
        patched.setattr("grader.raters.rules.literals.NEAR", 20)
        clauses.cache_clear()
        joined = ["".join(texts), *texts]
        expected = _spans(patterns, joined, "re")
        for backend in FAST:
            assert _spans(patterns, joined, backend) == expected
    clauses.cache_clear()


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\bsecret\b", "the ſecret, the \u017fECRET"),
        (r"\bkeys?\b", "my \u212aey and \u212aEYS"),
        (r"\bif\b", "\u0130f or \u0131f"),
        (r"stra(?:ß|ss)e", "STRAßE straſſe STRASSE"),
        (r"\bor\selse\b", "or\u00a0else or\x0belse or\x1celse or\x1felse or\u2003else"),
        (r"cafe\b", "cafe\u0301 cafe"),
        (r"\bnaïve\b", "NAÏVE naı\u0308ve"),
        (r"\w+\b", "\U0001d400\U0001d401 \U00010400"),
        (r"\bkey\b", "\U0001d400key key\U0001f600"),
        (r"end$", "the end\n"),
        (r"end\Z", "the end\n"),
        (r"^end", "not\nend"),
        (r"(?m)^end$", "not\nend\nend"),
        (r"(?<=not )paid(?! yet)", "not paid, not paid yet"),
        (r"\b(\w+) \1\b", "the the THE the cat"),
        (r"(a)?b(?(1)c|d)", "abc bd abd bc"),
        (r"a.{0,5000}b", "a" + "x" * 4000 + "b"),
        (r"(?:ab){2,1500}", "ab" * 2000),
        (r"x{1200}", "x" * 1300),
        (r"(?i:é)t\u0301?", "ÉT\u0301 ét"),
        (r"\d+", "٣३7"),
        (r"[^i]k", "ık İk Ik xK"),
        (r"\Bs", "aſ as"),
        (r"s(?a:\W)", "S\u212a sſ s"),
        (r"(?a:\w)(?:s|k)\?", "éſ? aſ? a\u212a?"),
        (r"a(?:[?]|é)b", "a?b aéb a\ud800b"),
    ],
)
def test_hard_cases(backend: str, pattern: str, text: str) -> None:
    for one in (text, text * 3, f"plain ascii\n{text}", f"é {text}", f"{text} é"):
        assert _spans([pattern], [one], backend) == [
            [(0, *found.span()) for found in compile_regex(pattern).finditer(one)]
        ]


def test_only_four_letters_beyond_ascii_count_as_ascii_ones() -> None:
    everything = "".join(map(chr, (*range(0x80, 0xD800), *range(0xE000, 0x110000))))
    for code in range(128):
        letters = re.findall(re.escape(chr(code)), everything, re.IGNORECASE)
        assert [plain(letter).lower() for letter in letters] == [chr(code).lower()] * len(letters)


def test_literals_are_the_rare_ones() -> None:
    def literals(regex: str) -> list[set[bytes]]:
        return [set(factor.literals) for clause in clauses(regex) for factor in clause.factors]

    assert literals(r"\b(?:i|we) know what you\b.{0,9}z") == [{b" i know what you", b" we know what yo"}, {b"z"}]
    assert literals(r"\bblackmail\w*\b") == [{b" blackmail"}]
    assert literals(r"\w+\s") == []


@pytest.mark.parametrize("backend", FAST)
def test_a_lone_surrogate_rules_nothing_out(backend: str) -> None:
    assert _spans(["a.b"], ["a\ud800b"], backend) == [[(0, 0, 3)]]


@pytest.mark.parametrize("backend", FAST)
def test_texts_that_hold_the_sieve_s_own_marks(backend: str) -> None:
    texts = ["\n\x00grader canary\x00 pay now", "\n\x00grader canary\x00", "pay", ""]
    assert _spans(["pay", "canary"], texts, backend) == _spans(["pay", "canary"], texts, "re")


@pytest.mark.parametrize("missing", ["ahocorasick_rs", "re2"])
def test_what_is_not_installed_changes_no_answer(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = [r"\bpay(?: \w+){0,3} now\b", r"[A-Z]{5,}", r"(?<!not )\bpublish\w*"]
    texts = ["PLEASE pay us all now, or we publiſh it", "nothing", "x" * 9000 + " do not publish, publishing"]
    expected = _spans(patterns, texts, "re")
    monkeypatch.setattr("grader.raters.rules.matcher._is_installed", lambda module: module != missing)
    matcher = Matcher(patterns)
    assert matcher.backend == ("literal" if missing == "re2" else "re2")
    assert matcher.spans_of(texts) == expected
    if missing == "re2":
        with pytest.raises(UsageError, match="pip install google-re2"):
            Matcher(patterns, "re2")


def test_an_automaton_that_fails_rules_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import re2

    matcher = Matcher([r"[a-z]{3}", r"\bnow\b"], "re2")
    monkeypatch.setattr(re2.Set, "Match", lambda _set, _text: None)
    assert matcher.candidates(["1"]) == [(0,)]
    assert matcher.spans("pay now") == [(0, 0, 3), (0, 4, 7), (1, 4, 7)]


def test_realistic_patterns_on_real_text(shared_data: Path) -> None:
    patterns = (shared_data.parent / "bench" / "patterns.txt").read_text("utf-8").splitlines()
    texts = []
    for path in sorted((shared_data / "labelled" / "ransomchats").rglob("*.json"))[:60]:
        raw = path.read_text("utf-8", "replace")[:6_000]
        texts += [raw[start : start + 1500] for start in range(0, len(raw), 1500)]
    texts = texts[:200] + [text.replace("s", "ſ").replace(" ", "\u00a0") for text in texts[:40]]
    expected = _spans(patterns, texts, "re")
    assert sum(map(len, expected)) > 20
    for backend in FAST:
        assert _spans(patterns, texts, backend) == expected
