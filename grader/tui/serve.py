"""The terminal application in a browser: textual-serve behind an address nobody can guess, on this machine only.

textual-serve has no authentication and no check of the origin. Here every request, the websocket too, must carry the
annotator's token in its path, name this server as its host and, where it says where it comes from, come from its own page.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.errors import GraderError, UsageError
from grader.text import one_line

if TYPE_CHECKING:
    from aiohttp import web
    from textual_serve.app_service import AppService

__all__ = ["HOST", "serve"]

HOST = "127.0.0.1"
_PATIENCE = 5.0
"""Seconds a terminal has to end after its browser went; every key press is already saved."""

# The page needs its own script, styles and websocket, and nothing from elsewhere; `sandbox` without popups keeps addresses
# in transcripts from becoming links that open.
_POLICY = (
    "default-src 'none'; script-src {origin}; style-src {origin} 'unsafe-inline'; font-src {origin} data:;"
    " img-src {origin} data:; connect-src {socket}; sandbox allow-scripts allow-same-origin; frame-ancestors 'none';"
    " base-uri 'none'; form-action 'none'"
)
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>grader · {rater}</title>
<link rel="stylesheet" href="static/css/xterm.css"><link rel="icon" href="data:,">
<script src="static/js/textual.js"></script><script src="keys.js"></script>
<style>
@font-face {{ font-family: "Roboto Mono"; src: url(static/fonts/RobotoMono-VariableFont_wght.ttf); }}
html, body {{ margin: 0; height: 100%; overflow: hidden; }}
body {{ background: #121417; color: #d8d8d8; font-family: "Roboto Mono", monospace; }}
#terminal {{ position: fixed; inset: 0; }}
#ended {{ display: none; padding: 2em; }} body.-closed #ended {{ display: block; }} body.-closed #terminal {{ display: none; }}
</style></head>
<body><div id="ended">Ended. Everything is saved; reload the page to go on.</div><div id="start"></div>
<div id="terminal" class="textual-terminal" data-session-websocket-url="{socket}" data-font-size="16"></div>
</body></html>
"""

# The first key works without a click. The page's script fits rows to the window with the cell it measured before; a window
# that changes makes it measure again, with another result once the font is there, so it is asked to fit once more.
_KEYS = """const wait = setInterval(() => {
  const keys = document.querySelector(".xterm-helper-textarea");
  if (keys) { keys.focus(); clearInterval(wait); }
}, 50);
let again = 0;
const fit = () => { again = 0; const event = new Event("resize"); event.again = true; dispatchEvent(event); };
const soon = () => { clearTimeout(again); again = setTimeout(fit, 150); };
addEventListener("resize", (event) => { if (!event.again) soon(); });
document.fonts.ready.then(soon);
"""


def serve(
    database: str, raters: Sequence[str], options: Sequence[str], *, port: int = 8790, rubric: str | None = None
) -> int:
    """Serve until interrupted; returns the exit code. Addresses are told on stderr, one a rater.

    `options`: the command each terminal runs, as `annotate --round main`. Raises UsageError without the extra `serve`,
    GraderError where the port is taken.
    """
    try:
        import aiohttp  # noqa: F401
        import textual_serve  # noqa: F401
    except ImportError as error:
        raise UsageError("serving a browser needs an extra: pip install 'grader[serve]'") from error
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(_commands(database, raters, options, rubric), port))
    return 0


def _commands(database: str, raters: Sequence[str], options: Sequence[str], rubric: str | None) -> dict[str, str]:
    common = [sys.executable, "-m", "grader", "--db", str(Path(database).absolute())]
    if rubric is not None:
        file = Path(rubric)
        common += ["--rubric", str(file.absolute()) if file.is_file() else rubric]
    return {rater: "exec " + shlex.join([*common, *options, "--rater", rater]) for rater in dict.fromkeys(raters)}


async def _serve(commands: dict[str, str], port: int) -> None:
    from aiohttp import web

    door = _Door(commands)
    runner = web.AppRunner(door.application(), access_log=None)  # an access log would hold the tokens
    await runner.setup()
    try:
        try:
            site = web.TCPSite(runner, HOST, port)
            await site.start()
        except OSError as error:
            raise GraderError(f"port {port} on {HOST}: {error.strerror or error}; choose another --port") from error
        [address] = runner.addresses
        door.port = int(address[1])
        for rater, token in door.tokens.items():
            print(f"{one_line(rater)}: http://{HOST}:{door.port}/{token}/", file=sys.stderr, flush=True)
        print("each address is a key: hand it to that annotator alone. ctrl+c ends", file=sys.stderr, flush=True)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


class _Door:
    """Who may come in, and the terminal each has open."""

    def __init__(self, commands: dict[str, str]) -> None:
        self._commands = commands
        self.tokens = {rater: secrets.token_urlsafe(32) for rater in commands}
        self.port = 0
        self._open: dict[str, web.WebSocketResponse] = {}
        self._turn: dict[str, asyncio.Lock] = {}

    def application(self) -> web.Application:
        """Routes below `/<token>/`; everything else is not found."""
        import textual_serve
        from aiohttp import web

        app = web.Application(middlewares=[self._checked()])
        static = Path(textual_serve.__file__).parent / "static"
        app.router.add_get("/{token}/", self._page)
        app.router.add_get("/{token}/keys.js", _keys)
        app.router.add_get("/{token}/ws", self._terminal)
        for kind in ("css", "js", "fonts", "images"):
            app.router.add_get(f"/{{token}}/static/{kind}/{{name}}", _file(static / kind))
        app.on_shutdown.append(self._close_all)
        return app

    def _checked(self) -> Callable[..., Awaitable[Any]]:
        from aiohttp import web

        @web.middleware
        async def check(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
            here = {f"http://{name}:{self.port}" for name in (HOST, "localhost")}
            origin = request.headers.get("Origin")
            rater = self._rater(request.path.split("/", 2)[1])
            # the host too: a name that was made to point here is another site's page (DNS rebinding)
            if f"http://{request.headers.get('Host', '')}" not in here or (origin is not None and origin not in here):
                raise web.HTTPForbidden(text="not from here")
            if rater is None:
                raise web.HTTPForbidden(text="this address is not valid, or no longer")
            if request.path.endswith("/ws") and origin is None:
                raise web.HTTPForbidden(text="not from here")
            request["rater"] = rater
            return await handler(request)

        return check

    def _rater(self, token: str) -> str | None:
        found = None
        for rater, expected in self.tokens.items():
            if hmac.compare_digest(token.encode("utf-8", "replace"), expected.encode()):
                found = rater
        return found

    async def _page(self, request: web.Request) -> web.Response:
        from html import escape

        from aiohttp import web

        rater, host = request["rater"], request.headers["Host"]
        socket = f"ws://{host}{request.path}ws"
        policy = _POLICY.format(origin=f"http://{host}", socket=f"ws://{host}")
        return web.Response(
            text=_PAGE.format(rater=escape(one_line(rater)), socket=escape(socket)),
            content_type="text/html",
            headers=_HEADERS | {"Content-Security-Policy": policy},
        )

    async def _terminal(self, request: web.Request) -> web.StreamResponse:
        """One process an annotator: a second window takes over from the first."""
        from aiohttp import web

        rater = request["rater"]
        socket = web.WebSocketResponse(heartbeat=15)
        await socket.prepare(request)
        before = self._open.pop(rater, None)
        self._open[rater] = socket
        if before is not None:
            await before.close(message=b"opened elsewhere")
        async with self._turn.setdefault(rater, asyncio.Lock()):
            if not socket.closed:
                await _run(self._commands[rater], socket, request)
        if self._open.get(rater) is socket:
            del self._open[rater]
        await socket.close()
        return socket

    async def _close_all(self, app: web.Application) -> None:
        for socket in list(self._open.values()):
            await socket.close(message=b"the server ends")


async def _run(command: str, socket: web.WebSocketResponse, request: web.Request) -> None:
    """A terminal process for as long as the socket lives."""
    from aiohttp import WSMsgType
    from textual_serve.app_service import AppService
    from textual_serve.download_manager import DownloadManager

    async def close() -> None:
        await socket.close()

    service = AppService(
        command,
        write_bytes=socket.send_bytes,
        write_str=socket.send_str,
        close=close,
        download_manager=DownloadManager(),
    )
    width, height = (_size(request.query.get(name), default) for name, default in (("width", 80), ("height", 24)))
    await service.start(width, height)
    with suppress(ConnectionError):
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await _hear(message.data, service, socket)
    try:
        await asyncio.wait_for(service.stop(), _PATIENCE)
    except (TimeoutError, ConnectionError):
        process = service._process
        if process is not None and process.returncode is None:
            process.kill()


async def _hear(text: str, service: AppService, socket: web.WebSocketResponse) -> None:
    """One message of the page: keys, a size, focus. What is not of that form is left unheard."""
    try:
        kind, data = (*json.loads(text), None)[:2]
    except (ValueError, TypeError):
        return
    match kind, data:
        case "stdin", str():
            await service.send_bytes(data.encode("utf-8", "replace"))
        case "resize", {"width": int(width), "height": int(height)} if 0 < width < 2000 and 0 < height < 2000:
            await service.set_terminal_size(width, height)
        case "ping", _:
            await socket.send_json(["pong", data])
        case "blur", _:
            await service.blur()
        case "focus", _:
            await service.focus()


async def _keys(request: web.Request) -> web.Response:
    from aiohttp import web

    return web.Response(text=_KEYS, content_type="text/javascript", headers=_HEADERS)


def _size(given: str | None, default: int) -> int:
    return min(max(int(given), 1), 2000) if given and given.isdecimal() else default


def _file(folder: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    names = frozenset(path.name for path in folder.iterdir() if path.is_file())

    async def send(request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        name = request.match_info["name"]
        if name not in names:
            raise web.HTTPNotFound
        return web.FileResponse(folder / name, headers=_HEADERS)

    return send


_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
