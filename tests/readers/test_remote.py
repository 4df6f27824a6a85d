"""Logs at a URL: fsspec's filesystem in memory stands for any."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from logs import Reading

from grader.errors import BadInput

CHAT = json.dumps(
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}
).encode()


@pytest.fixture
def memory() -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.pipe({"/runs/a/one.json": CHAT, "/runs/b/two.json.gz": gzip.compress(CHAT), "/runs/notes.md": b"# no log"})
    yield system
    system.rm("/runs", recursive=True)


@pytest.mark.usefixtures("memory")
def test_a_file_is_read_and_keeps_its_url() -> None:
    reading = Reading("memory://runs/a/one.json")
    assert [message.text for message in reading.only.messages] == ["Hi", "Hello."]
    assert reading.file.path == "memory://runs/a/one.json"
    assert reading.only.source == "memory://runs/a/one.json:1"


@pytest.mark.usefixtures("memory")
def test_a_folder_is_walked_in_order_and_names_what_is_no_log() -> None:
    reading = Reading("memory://runs")
    assert [file.path for file in reading.files] == [
        *("memory://runs/a/one.json", "memory://runs/b/two.json.gz", "memory://runs/notes.md"),
    ]
    assert len(reading.transcripts) == 2
    assert reading.skips == ["unrecognised"]


@pytest.mark.usefixtures("memory")
def test_a_pattern_is_expanded() -> None:
    assert [file.path for file in Reading("memory://runs/**/*.json").files] == ["memory://runs/a/one.json"]


def test_an_archive_is_read_member_by_member(memory: Any) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("inner/log.json", CHAT)
    memory.pipe("/runs/all.zip", data.getvalue())
    assert Reading("memory://runs/all.zip").only.source == "memory://runs/all.zip!inner/log.json:1"


@pytest.mark.usefixtures("memory")
def test_nothing_there_is_said() -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        Reading("memory://runs/none.json")


def test_an_address_that_is_none_is_said() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(BadInput, match="cannot be opened: Invalid IPv6 URL"):
        Reading("https://[x/log.json")


def test_an_unknown_scheme_is_said() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(BadInput, match="opens no nosuchscheme://"):
        Reading("nosuchscheme://bucket/log.json")


class _Refusing(BaseHTTPRequestHandler):
    """Answers every request with the number in its path."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:4]))
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    pytest.importorskip("aiohttp")
    with HTTPServer(("127.0.0.1", 0), _Refusing) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize(
    ("path", "said"),
    [("404.json", "no such file or folder"), ("403.json", "cannot be opened: 403, message='Forbidden'")],
)
def test_a_server_that_lets_nobody_in_is_not_one_without_the_file(server: str, path: str, said: str) -> None:
    with pytest.raises(BadInput, match=f"{path}: {said}"):
        Reading(f"{server}/{path}")


def test_a_server_that_is_not_there_is_said(server: str) -> None:
    with pytest.raises(BadInput, match=r"cannot be opened: .*\('127.0.0.1', 9\)"):
        Reading("http://127.0.0.1:9/log.json")


@pytest.mark.usefixtures("memory")
def test_a_pattern_without_a_match_is_called_one() -> None:
    with pytest.raises(BadInput, match="nothing matches this pattern"):
        Reading("memory://runs/*.eval")


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    for name in [name for name in sys.modules if name.startswith("fsspec")]:
        monkeypatch.delitem(sys.modules, name)
    reading = Reading("https://example.org/log.json")
    assert reading.skips == ["needs_extra"]
    assert "aiohttp" in reading.file.skipped[0].detail


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    reading = Reading("s3://bucket/log.json")
    assert reading.skips == ["needs_extra"]
    assert reading.file.path == "s3://bucket/log.json"
    assert "grader[remote]" in reading.file.skipped[0].detail


def test_a_failing_read_is_named_and_loses_no_other_file(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = type(memory).open

    def failing(self: Any, path: str, *given: Any, **more: Any) -> Any:
        if "one.json" in path:
            raise LookupError("no credentials")
        return opened(self, path, *given, **more)

    monkeypatch.setattr(type(memory), "open", failing)
    reading = Reading("memory://runs")
    assert len(reading.transcripts) == 1
    assert "no credentials" in reading.files[0].skipped[0].detail


def test_a_file_url_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a log.json"
    path.write_bytes(CHAT)
    assert Reading(path.as_uri()).only.source == f"{path}:1"


@pytest.mark.usefixtures("memory")
def test_a_root_shuts_urls_out(tmp_path: Path) -> None:
    assert Reading("memory://runs/a/one.json", root=tmp_path).skips == ["outside_root"]
