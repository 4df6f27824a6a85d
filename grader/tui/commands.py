"""The palette: every action of the active screen and every theme, titled `area: verb`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider

from grader.tui.keys import Key, Mode, shown_key, table_for

__all__ = ["Actions", "Command", "commands_for"]


class Command(NamedTuple):
    """An entry of the palette."""

    title: str
    help: str
    action: str


_EXTRA: dict[str, list[Command]] = {
    "read": [
        Command("work: skip", "release the transcript with a reason", "screen.skip"),
        Command("work: reopen", "take a submission or a skip back", "screen.reopen"),
    ],
    "queue": [],
}
_THEMES = [
    Command("theme: dark", "our dark colours", "app.theme('grader-dark')"),
    Command("theme: light", "our light colours", "app.theme('grader-light')"),
    Command("theme: terminal, dark", "the terminal's own sixteen colours", "app.theme('ansi-dark')"),
    Command("theme: terminal, light", "the terminal's own sixteen colours", "app.theme('ansi-light')"),
]


def commands_for(table: tuple[Key, ...], mode: Mode | None) -> list[Command]:
    """Every action of a mode (None: a page or a field, which has none), what the footer names first; then the themes."""
    found = []
    for entry in sorted(table_for(table, mode), key=_use) if mode else ():
        area, _, verb = entry.id.partition(".")
        action = entry.action if entry.action.startswith("app.") else f"screen.{entry.action}"
        keys = " ".join(shown_key(key) for key in entry.keys)
        found.append(Command(f"{area}: {verb.replace('_', ' ')}", f"{entry.does} ({keys})", action))
    return [*found, *_EXTRA.get(mode or "", []), *_THEMES]


def _use(entry: Key) -> tuple[bool, bool]:
    """Moving a line or a page is nobody's errand in a palette."""
    return entry.id.partition(".")[2] in _MOVES or entry.id[-1].isdigit(), not entry.hint


_MOVES = frozenset({"up", "down", "page_up", "page_down", "top", "end"})


class Actions(Provider):
    """Feeds the palette from the key table."""

    def _commands(self) -> Iterator[Command]:
        from grader.tui.app import Terminal

        app = self.app
        if isinstance(app, Terminal):
            yield from commands_for(app.key_entries, getattr(self.screen, "MODE", None))

    async def discover(self) -> Hits:
        for command in self._commands():
            yield DiscoveryHit(command.title, partial(self.app.run_action, command.action), help=command.help)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._commands():
            score = max(matcher.match(command.title), matcher.match(command.help) * 0.8)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(command.title),
                    partial(self.app.run_action, command.action),
                    help=command.help,
                )
