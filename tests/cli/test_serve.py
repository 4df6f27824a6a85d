"""`grader serve`: real requests to a real server on loopback, and once a real browser."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest

aiohttp = pytest.importorskip("aiohttp")
pytest.importorskip("textual_serve")

ROWS = [("run-a", "m1", "Proceed.", "I will hurt you unless you stop."), ("run-b", "m1", "Status?", "All is well.")]


@pytest.fixture
def served(grader: Callable, chat_log: Callable, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A running server: rater → address."""
    grader("import", chat_log("a.jsonl", ROWS))
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", "serve", "--rater", "ana", "--rater", "ben", "--port", "0"],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=dict(os.environ),
    )  # fmt: skip
    found = {}
    assert process.stderr is not None
    while len(found) < 2:
        line = process.stderr.readline()
        assert line, "the server did not start"
        if match := re.fullmatch(r"(\w+): (http://127\.0\.0\.1:\d+/\S+/)\n", line):
            found[match[1]] = match[2]
    yield found
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    process.stderr.close()


def events(folder: Path, kind: str, rater: str) -> int:
    with closing(sqlite3.connect(folder / "grader.db")) as connection:
        sql = "SELECT count(*) FROM events e JOIN raters r ON r.key = e.rater WHERE e.kind = ? AND r.name = ?"
        return int(connection.execute(sql, (kind, f"human:{rater}")).fetchone()[0])


def values(folder: Path) -> list[tuple]:
    with closing(sqlite3.connect(folder / "grader.db")) as connection:
        return connection.execute(
            "SELECT rater, label, value, view FROM annotation_log WHERE rater_kind = 'human'"
        ).fetchall()


def command_lines() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


@asynccontextmanager
async def terminal(address: str, headers: dict[str, str] | None = None) -> AsyncIterator[object]:
    origin = {"Origin": address.rsplit("/", 2)[0]}
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{address}ws?width=100&height=30", headers=origin if headers is None else headers) as socket,
    ):
        yield socket


async def shows(socket: object, text: str) -> bytes:
    """What came until `text` was in it."""
    seen = b""
    async with asyncio.timeout(20):
        while text.encode() not in seen:
            message = await socket.receive()
            assert message.type == aiohttp.WSMsgType.BINARY, f"closed before {text!r} was shown"
            seen += message.data
    return seen


async def test_nobody_comes_in_without_the_token_or_from_another_page(served: dict[str, str]) -> None:
    address = served["ana"]
    root, token = address.rsplit("/", 2)[0], address.rsplit("/", 2)[1]
    async with aiohttp.ClientSession() as client:
        async with client.get(address) as answer:
            page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
        assert set(re.findall(r"(?:https?|wss?)://([^/\"']+)", page)) == {root.partition("//")[2]}, (
            "it calls nowhere else"
        )
        assert "default-src 'none'" in policy and "allow-popups" not in policy and "frame-ancestors 'none'" in policy

        async def status(url: str, **headers: str) -> int:
            async with client.get(url, headers=headers) as answer:
                if answer.status == 200:
                    assert answer.headers["Referrer-Policy"] == "no-referrer"
                return answer.status

        assert await status(address) == 200
        assert await status(f"{address}static/js/textual.js") == 200
        for path in ("/", "/ws", "/x/", f"/{token[:-1]}/", f"/{token}x/ws", "/static/js/textual.js", "/%ff/"):
            assert await status(root + path) == 403, path
        for path in (f"/{token}/static/js/../../../server.py", f"/{token}/static/js/none.js", f"/{token}/download/x"):
            assert await status(root + path) in (403, 404), path
        assert await status(address, Origin="http://evil.example") == 403
        assert await status(address, Host="evil.example:80") == 403
        assert await status(address, Origin=root) == 200
    for headers in ({"Origin": "http://evil.example"}, {}, {"Origin": "null"}):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with terminal(address, headers):
                pass
        assert refused.value.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with terminal(f"{root}/{token[::-1]}/"):
            pass


async def test_each_annotator_works_in_a_process_of_their_own(served: dict[str, str], tmp_path: Path) -> None:
    async with terminal(served["ana"]) as ana, terminal(served["ben"]) as ben:
        for name, socket in (("ana", ana), ("ben", ben)):
            await shows(socket, name)
        for socket in (ana, ben):
            for junk in ("not json", "[]", '["stdin", 5]', '["resize", {"width": -1}]', "{}"):
                await socket.send_str(junk)
            await socket.send_json(["stdin", "\r"])  # the warning is read
            await socket.send_json(["stdin", "\r"])  # open the first transcript
            await shows(socket, "M2")
        for key in ("j", "1"):
            await ana.send_json(["stdin", key])
        await shows(ana, "threat present")
    assert values(tmp_path) == [("human:ana", "threat", "present", "blind")]
    assert events(tmp_path, "open", "ana") and events(tmp_path, "open", "ben")


async def test_a_second_window_takes_over_and_a_closed_one_ends_its_process(
    served: dict[str, str], tmp_path: Path
) -> None:
    async with terminal(served["ana"]) as first:
        await shows(first, "ana")
        async with terminal(served["ana"]) as second:
            await shows(second, "ana")
            async with asyncio.timeout(20):
                while (message := await first.receive()).type is aiohttp.WSMsgType.BINARY:
                    pass
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    for _ in range(100):
        running = [process for process in command_lines() if f"{tmp_path}/grader.db" in process]
        if not running:
            break
        await asyncio.sleep(0.1)
    assert not running


def test_a_taken_port_and_a_missing_database_are_told(
    grader: Callable, chat_log: Callable, served: dict[str, str]
) -> None:
    port = served["ana"].split(":")[2].partition("/")[0]
    assert f"port {port}" in grader("serve", "--port", port, code=1).err
    assert "no such database" in grader("serve", "--db", "none.db", "--port", "0", code=1).err


def test_without_the_extra_it_says_what_to_install(grader: Callable, chat_log: Callable, tmp_path: Path) -> None:
    grader("import", chat_log("a.jsonl", ROWS))
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "textual_serve.py").write_text("raise ImportError('not installed')")
    path = os.pathsep.join([str(tmp_path / "shadow"), str(Path(__file__).parents[2])])
    ran = grader("serve", "--rater", "ana", code=2, env={"PYTHONPATH": path})
    assert "pip install 'grader[serve]'" in ran.err and ran.err.count("\n") == 1


CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


class Browser:
    """Headless Chromium, spoken to over its debugging protocol."""

    def __init__(self, socket: object) -> None:
        self._socket, self._last = socket, 0
        self.faults: list[str] = []

    async def call(self, method: str, **parameters: object) -> dict:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json()
            if message.get("method") == "Runtime.exceptionThrown":
                self.faults.append(json.dumps(message))
            if message.get("id") == self._last:
                return message.get("result", {})

    async def press(self, key: str) -> None:
        text = {"Enter": "\r"}.get(key, key)
        await self.call(
            "Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=ord(text.upper())
        )
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def evaluate(self, script: str) -> object:
        return (await self.call("Runtime.evaluate", expression=script, returnByValue=True))["result"].get("value")


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    process = subprocess.Popen(
        [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--no-first-run",
         "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-port=0", f"--user-data-dir={folder}", "--window-size=1100,800", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port_file, until = folder / "DevToolsActivePort", time.monotonic() + 40
        while not port_file.exists():
            assert time.monotonic() < until, "the browser did not start"
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        port = port_file.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as client:
            async with client.get(f"http://127.0.0.1:{port}/json") as answer:
                [page] = [found for found in await answer.json() if found["type"] == "page"][:1]
            async with client.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Browser(socket)
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")
async def test_in_a_browser_a_terminal_appears_labels_and_ends(served: dict[str, str], tmp_path: Path) -> None:
    async with asyncio.timeout(120), browser(tmp_path / "profile") as page:
        await page.call("Page.enable")
        await page.call("Runtime.enable")
        await page.call("Page.navigate", url=served["ana"])

        async def until(script: str) -> None:
            async with asyncio.timeout(40):
                while not await page.evaluate(script):
                    await asyncio.sleep(0.2)

        await until("!!document.querySelector('body.-first-byte .xterm-helper-textarea')")
        await until("document.activeElement === document.querySelector('.xterm-helper-textarea')")
        await asyncio.sleep(1)
        picture = base64.b64decode((await page.call("Page.captureScreenshot", format="png"))["data"])
        assert len(picture) > 8_000, "a blank page compresses to less"
        for key in ("Enter", "Enter", "j", "1"):
            await page.press(key)
            await asyncio.sleep(0.5)
        for _ in range(100):
            if values(tmp_path):
                break
            await asyncio.sleep(0.1)
        assert values(tmp_path) == [("human:ana", "threat", "present", "blind")]
        await page.call("Emulation.setDeviceMetricsOverride", width=640, height=420, deviceScaleFactor=1, mobile=False)
        await until(
            "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth"
        )
        await until("document.querySelector('.xterm-screen').getBoundingClientRect().bottom <= innerHeight")
        await page.press("q")
        await until("!!document.querySelector('body.-closed')")
        assert page.faults == []
