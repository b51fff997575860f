"""What is shown while a demo runs: lines that stay, and the panel, which is redrawn on a terminal where rich is
installed and is otherwise three plain lines every few seconds."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from sagamore.cli.output import say
from sagamore.demo.kill import reason_text
from sagamore.demo.state import State

PLAIN_EVERY_S = 5.0
LINE_CHARACTERS_MAX = 100


class Screen(Protocol):
    """Where a demo is watched."""

    def say(self, line: str = "") -> None:
        """A line that stays."""
        ...

    def showing(self, state: State) -> "asyncio.Task[None]":
        """The panel, until it is cancelled."""
        ...


class Silence:
    """Nothing is shown, for `--json`."""

    def say(self, line: str = "") -> None:
        """Nothing."""

    async def show(self, state: State) -> None:
        """Nothing."""


class Plain:
    """Lines."""

    def say(self, line: str = "") -> None:
        """A line, at once."""
        say(line)
        sys.stdout.flush()

    async def show(self, state: State) -> None:
        """Every few seconds, until it is cancelled."""
        while True:
            await asyncio.sleep(PLAIN_EVERY_S)
            for line in plain_lines(state):
                self.say(line)
