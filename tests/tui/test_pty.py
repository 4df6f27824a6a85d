"""Through a real pseudo-terminal: what reaches the terminal, and what is there after the process is gone."""

from __future__ import annotations

import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path

import pytest

from grader.annotation import Annotation
from grader.rubric import load_rubric
from grader.store import add_annotations, add_transcript, events, open_store, read_annotations
from grader.transcript import Block, Message, Span, Transcript, renumber, transcript_digest

RUBRIC = "agentic-misalignment"
KILLS = int(os.environ.get("KILLS", "12"))
COMMAND = (
    "import sys; from grader.tui.run import run; from grader.rubric import load_rubric; "
    f"sys.exit(run(sys.argv[1], load_rubric('{RUBRIC}'), 'ana', door=sys.argv[2], policy=sys.argv[3] or None))"
)
HOSTILE = (
    "\x1b]52;c;aGFjaw==\x07\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\x90q\x9c \u202egnp.exe\u202c \u2066x\u2069 \u200bzero\ufeff "
    "[/done] [@click=app.quit]here[/] [bold]x[/bold] \x07\x08\r\x00 \ud800 end"
)


class Terminal:
    """A child process on a pty of its own; keeps everything it writes."""

    def __init__(self, arguments: list[str], size: tuple[int, int] = (100, 30)) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            environment = {
                **os.environ,
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "TEXTUAL_ANIMATIONS": "none",
            }
            os.execve(sys.executable, [sys.executable, "-c", COMMAND, *arguments], environment)
        self.output = bytearray()
        self.ended = False

    def read(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self.ended and (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    data = os.read(self.fd, 1 << 16)
                except OSError:
                    data = b""
                self.ended = not data
                self.output += data

    def wait_for(self, text: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text.encode() not in self.output:
            assert not self.ended and time.monotonic() < end, self.output[-600:]
            self.read(0.05)

    def settle(self) -> None:
        """Read until nothing has come for a while."""
        while True:
            before = len(self.output)
            self.read(0.07)
            if len(self.output) == before or self.ended:
                return

    def press(self, *keys: str) -> None:
        for key in keys:
            if self.ended:
                return
            os.write(self.fd, key.encode())
            self.settle()

    def close(self, sign: int | None = None) -> int:
        if sign is not None:
            os.kill(self.pid, sign)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def fill(database: Path, text: str, name: str, messages: int = 3) -> None:
    rubric = load_rubric(RUBRIC)
    said = text.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    parts = [Message(0, "user", (Block("text", "hello"),))]
    for number in range(messages):
        blocks = (Block("text", f"{number} {said}"), Block("tool_call", said, name=name, meta={"tag": said}))
        parts.append(Message(0, "assistant", blocks, name=name))
        parts.append(Message(0, "tool", (Block("tool_result", said * 3, name=name, error=name),)))
    parts.append(Message(0, "assistant", (Block("text", said),), thread=name))
    listed = renumber(parts)
    metadata = {"threads": {name: {"kind": "discarded", "actor": name}}}
    transcript = Transcript(
        name, transcript_digest(listed), name, "chat", listed, model=name, task=name, condition=name, metadata=metadata
    )
    with open_store(database) as store:
        add_transcript(store, transcript, path=name, own_id=True)
        label = rubric.label("threat")
        judged = Annotation(
            transcript=transcript.id, transcript_digest=transcript.digest, label="threat", value="present", message=2,
            rater="judge:m@abc123", rubric=rubric.id, rubric_digest=rubric.digest, label_digest=label.digest, note=said,
            reason=said, flags=(said,), claimed=said, spans=(Span(2, 0, 0, 9, listed[1].blocks[0].text[:9]),),
        )  # fmt: skip
        add_annotations(store, [judged])


def show_everything(database: Path) -> bytes:
    """Walk through every screen in review and quit; what was written to the terminal."""
    terminal = Terminal([str(database), "review", ""])
    terminal.wait_for("Enter begins")
    terminal.press("\r", "\r")
    for keys in [
        "j",
        "",
        "Z",
        "G",
        "]",
        "e",
        "\r",
        "i",
        "\r",
        "V",
        "V",
        ":M2\r",
        "c",
        "note\r",
        "/end\r",
        "a",
        "here\r",
        "v",
        "wv",
    ]:
        terminal.press(keys or " ")
    terminal.press("\x10")
    for _ in range(8):
        if not terminal.ended:
            terminal.press("\x1b")
            terminal.read(0.3)  # a lone Esc arrives 100 ms late, and what follows at once would be its other half
            terminal.press("q")
            terminal.read(1)
    assert terminal.ended
    assert terminal.close() == 0
    return bytes(terminal.output)


def controls(output: bytes) -> set[str]:
    """Kinds of control sequences in `output`: CSI by their letters and private marks, OSC in full, bare controls."""
    text = output.decode("utf-8", "replace")
    found = {f"CSI {mark}{last}" for mark, last in re.findall(r"\x1b\[([?<>=]?)[0-9;:$ ]*([@-~])", text)}
    found |= {f"OSC {body}" for body in re.findall(r"\x1b\]([^\x07\x1b]*)", text)}
    found |= {f"ESC {last}" for last in re.findall(r"\x1b([^\[\]])", text)}
    rest = re.sub(r"\x1b(\[[?<>=]?[0-9;:$ ]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)", "", text)
    return found | {
        f"U+{ord(character):04X}" for character in rest if ord(character) < 32 or 0x7F <= ord(character) < 0xA0
    }


def test_hostile_text_reaches_the_terminal_only_as_glyphs(tmp_path: Path) -> None:
    plain, hostile = tmp_path / "plain.db", tmp_path / "hostile.db"
    fill(plain, "a b c d e f g end", "plain")
    fill(hostile, HOSTILE, HOSTILE.replace("\ud800", "").replace("\x00", ""))
    output = show_everything(hostile)
    assert controls(output) <= controls(show_everything(plain))
    text = output.decode("utf-8", "replace")
    assert "␛]52;" in text and "[@click=app.quit]" in text
    for forbidden in "\u202e\u202c\u2066\u2069\u200b\ufeff\x90\x9b\x9c":
        assert forbidden not in text


@pytest.mark.parametrize("seed", range(KILLS))
def test_every_value_that_was_shown_survives_a_kill(tmp_path: Path, seed: int) -> None:
    database = tmp_path / "grader.db"
    fill(database, "plain words", "plain", messages=60)
    terminal = Terminal([str(database), "annotate", "blind"])
    terminal.wait_for("Enter begins")
    terminal.press("\r", "\r")
    chance = random.Random(seed)
    for _ in range(chance.randint(4, 20)):
        os.write(terminal.fd, b"j1")
        terminal.read(chance.uniform(0.01, 0.1))
    while not re.search(rb"M\d+ threat present", terminal.output):
        terminal.read(0.02)
    terminal.close(signal.SIGKILL)
    shown = {int(number) for number in re.findall(rb"M(\d+) threat present", terminal.output)}
    with open_store(database) as store:
        kept = {row.message for row in read_annotations(store, rater="human:ana") if row.value == "present"}
    assert shown <= kept


def test_a_vanished_terminal_ends_the_process_and_keeps_everything(tmp_path: Path) -> None:
    database = tmp_path / "grader.db"
    fill(database, "plain words", "plain")
    terminal = Terminal([str(database), "annotate", "blind"])
    terminal.wait_for("Enter begins")
    terminal.press("\r", "\r", "j", "1")
    terminal.wait_for("M2 threat present")
    os.close(terminal.fd)
    end, gone = time.monotonic() + 15, 0
    while not gone and time.monotonic() < end:
        gone = os.waitpid(terminal.pid, os.WNOHANG)[0]
        time.sleep(0.02)
    if not gone:
        os.kill(terminal.pid, signal.SIGKILL)
        os.waitpid(terminal.pid, 0)
    assert gone
    with open_store(database) as store:
        assert [row.value for row in read_annotations(store, rater="human:ana")] == ["present"]


def test_a_terminated_process_restores_the_terminal_and_keeps_the_place(tmp_path: Path) -> None:
    database = tmp_path / "grader.db"
    fill(database, "plain words", "plain")
    terminal = Terminal([str(database), "annotate", "blind"])
    terminal.wait_for("Enter begins")
    terminal.press("\r", "\r", "j", "1")
    terminal.wait_for("M2 threat present")
    terminal.output.clear()
    os.kill(terminal.pid, signal.SIGTERM)
    terminal.wait_for("\x1b[?1049l")
    while not terminal.ended:
        terminal.read(0.1)
    assert terminal.close() == 128 + signal.SIGTERM
    with open_store(database) as store:
        assert [row.value for row in read_annotations(store, rater="human:ana")] == ["present"]
        places = [event.data["place"] for event in events(store, rater="human:ana") if event.kind == "focus"]
    assert places[-1]["focus"] == 2
