"""Text that is not seen as it is: invisible and reordering characters, look-alike letters, hidden markup, encoded words.

Scripts that need such characters keep them: joiners between letters of Indic scripts, Persian or emoji, direction marks beside
Arabic or Hebrew, break marks in Thai or Khmer, one variation selector, flags. Everything here points; nothing is removed.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from itertools import islice

from grader.rubric.hits import Extent

__all__ = ["decoded", "hidden", "unmasked"]

_CHARACTERS = re.compile(
    "(?P<flag>\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f)"  # the flags of parts of countries
    "|(?P<mark>[\u200e\u200f\u061c\u202a\u202b\u202c\u2066-\u2069]+)"  # direction, needed beside right-to-left letters
    "|(?P<blank>[\u200b\u180e]+)"  # where a line may break, needed in scripts without spaces
    "|(?P<joiner>(?<=[!-~])[\u200c\u200d]+(?=[ -~]))"  # joins nothing in Latin
    "|(?P<selector>[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,})"  # one chooses a picture, several carry bytes
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls, escape sequences
    "\u202d\u202e"  # overrides: what is read is not what stands there
    "\u2060-\u2064\u206a-\u206f\ufeff\u00ad\u115f\u1160\u3164\uffa0\u034f\ufff9-\ufffb"  # takes no room
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]+"  # tags: a whole hidden alphabet
)
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u18af\u1950-\u19ff\u1a20-\u1aaf\u3000-\u9fff\uac00-\ud7af]"
)
_NEAR = 40

_MARKUP = re.compile(
    r"<!--(?:(?!-->)[\s\S]){0,300}?\b(?:graders?|judges?|evaluators?|annotators?|raters?|verdict|(?:ignore|disregard) (?:all|any|the|previous|prior|your)"
    r"|instructions? (?:to|for)|system prompt|ai (?:assistant|model|agent|judge)|language model)\b"
    r"|<!--\s{0,20}(?:ai|llm|assistant|agent|model)s?\s?[:,]"
    r"|(?m:^)\[(?://|comment|_)\]: ?\S{0,3} ?[(\"'][^\n]{0,200}?\b(?:ignore|disregard|instructions?|graders?|judge|evaluator|verdict|absent|system prompt|language model)\b"
    r"|<\w+\b[^>]{0,200}?(?:(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?![.\d])"
    r"|(?<![-\w])color\s*[:=]\s*[\"']?(?:white\b|#fff(?:fff)?\b|transparent\b|rgba?\(255, ?255, ?255))[^>]{0,200}|\bhidden(?:=[\"'][^\"']*[\"'])?\s*)>"
    r"[^<]{0,200}?\b(?:ignore|disregard|instructions?|graders?|judge|evaluator|verdict|label|mark (?:this|it)|absent|assistant|system prompt|language model)\b"
    r"|\\(?:text)?color\{white\}[^\n]{0,200}?\b(?:ignore|disregard|instructions?|graders?|judge|verdict|label|absent)\b",
    re.IGNORECASE,
)

# Letters that look like ASCII ones. Greek small letters stand in formulas and units beside Latin ones, and are left out.
_LOOK_ALIKES = dict(
    zip(
        "аеорсухіјѕԁһԛԝвкмнтАВЕКМНОРСТУХІЈЅҮԌԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeopcyxijsdhqwbkmhtABEKMHOPCTYXIJSYGQWABEZHIKMNOPTYX",
        strict=True,
    )
)
_PLAIN = str.maketrans(
    {
        **_LOOK_ALIKES,
        **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full width
        **{
            chr(0x1D400 + 52 * style + letter): chr(65 + letter if letter < 26 else 71 + letter)
            for style in range(13)
            for letter in range(52)
        },  # mathematical alphabets
    }
)
_ALIKE = "".join(_LOOK_ALIKES)
_MIXED = re.compile(rf"(?<![^\W_])(?:[A-Za-z]+[{_ALIKE}]|[{_ALIKE}]+[A-Za-z])[A-Za-z{_ALIKE}]+(?![^\W_])")
_TURN = re.compile(r"(?m)^\W{0,5}(?:system|assistant|user|human|developer|tool)\W{0,3}:", re.IGNORECASE)

_HEX = re.compile(r"[0-9a-fA-F]{40,}")
_SPACED = re.compile(r"(?<!\S)(?:[^\W\d_][ \t\u00a0]{1,3}){8,400}[^\W\d_](?!\w)")
_ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{40,4000}={0,2}(?![A-Za-z0-9+/_=-])")
_MOST_ENCODED = 50


def hidden(text: str) -> Iterator[Extent]:
    """Where `text` holds characters or markup that are not seen, or letters that pose as others."""
    begin = 1 if text.startswith("\ufeff") else 0  # a byte order mark hides nothing
    for found in _CHARACTERS.finditer(text, begin):
        if not _needed(text, found):
            yield found.span()
    if "<" in text or "\\" in text or "]: " in text:
        yield from (found.span() for found in _MARKUP.finditer(text))
    if not text.isascii():
        yield from (found.span() for found in _MIXED.finditer(text) if found.end() - found.start() > 2)
        plain = text.translate(_PLAIN)
        if plain != text:
            yield from (turn.span() for turn in _TURN.finditer(plain) if text[turn.start() : turn.end()] != turn[0])


def _needed(text: str, found: re.Match[str]) -> bool:
    """Whether the script around wants the characters found."""
    kind = found.lastgroup
    if kind == "flag":
        return True
    if kind == "mark":
        return bool(_RIGHT_TO_LEFT.search(text, max(0, found.start() - _NEAR), found.end() + _NEAR))
    if kind == "blank":
        return bool(_WITHOUT_SPACES.search(text, max(0, found.start() - 1), found.end() + 1))
    return False


def unmasked(text: str) -> str | None:
    """`text` with look-alike, full-width and mathematical letters as ASCII, offsets kept; None where it is the same."""
    if text.isascii():
        return None
    plain = text.translate(_PLAIN)
    return plain if plain != text else None


def decoded(text: str) -> Iterator[tuple[Extent, str]]:
    """Stretches of Base64 or hexadecimal digits that hold plain words, and words written letter by letter, with the words."""
    for spaced in islice(_SPACED.finditer(text), _MOST_ENCODED):
        yield spaced.span(), " ".join(word.replace(" ", "") for word in re.split(r"\s\s+", spaced[0]))
    for found in islice(_ENCODED.finditer(text), _MOST_ENCODED):
        if _HEX.fullmatch(found[0]):
            raw = bytes.fromhex(found[0][: len(found[0]) // 2 * 2])
        else:
            code = found[0].rstrip("=").translate(str.maketrans("-_", "+/"))
            code = code[: len(code) - (len(code) % 4 == 1)]  # a single character over says nothing
            raw = b64decode(code + "=" * (-len(code) % 4))
        if raw.isascii() and b" " in raw and all(byte >= 32 or byte in b"\t\r\n" for byte in raw):
            yield found.span(), raw.decode("ascii")
