"""What is shown while a demo runs: lines that stay, and how it stands, again and again. Here as plain lines; `panel.py`
redraws it in place on a terminal."""

import asyncio
import sys
from collections import Counter
from typing import Protocol

from sagamore.cli.output import printable, say
from sagamore.demo.kill import reason_text
from sagamore.demo.state import State

PLAIN_EVERY_S = 5.0


class Screen(Protocol):
    """Where a demo is watched."""

    def say(self, line: str = "") -> None:
        """A line that stays."""
        ...

    def paste(self, line: str) -> None:
        """A line that stays and is to be copied whole."""
        ...

    def heading(self, text: str) -> None:
        """What comes next."""
        ...

    async def show(self, state: State) -> None:
        """How it stands, until this is cancelled."""
        ...


class Silence:
    """Nothing is shown, for `--json`."""

    def say(self, line: str = "") -> None:
        """Nothing."""

    def paste(self, line: str) -> None:
        """Nothing."""

    def heading(self, text: str) -> None:
        """Nothing."""

    async def show(self, state: State) -> None:
        """Nothing."""


class Plain:
    """Lines of text."""

    def say(self, line: str = "") -> None:
        """At once, for who reads it through a pipe."""
        say(printable(line))
        sys.stdout.flush()

    paste = say

    def heading(self, text: str) -> None:
        """In capitals after an empty line."""
        self.say()
        self.say(text.upper())

    async def show(self, state: State) -> None:
        """Four lines every few seconds."""
        while True:
            await asyncio.sleep(PLAIN_EVERY_S)
            provider = state.provider
            self.say(
                f"{state.elapsed_s:4.0f} s  orders    {state.placed:,} placed, {state.confirmed:,} confirmed"
                f" ({state.rate:,.0f}/s), {cancelled_text(state.cancelled)}"
            )
            self.say(
                f"        provider  calls: {provider.ok:,} ok, {provider.refused:,} refused, {provider.unanswered:,}"
                f" lost or 5xx, {provider.in_flight} under way; breaker {provider.breaker}"
            )
            told = state.told
            self.say(
                f"        messages  {told.sent:,} sent, {told.suppressed:,} suppressed, {told.uncertain:,} uncertain,"
                f" {told.in_flight} under way"
            )
            shelves = "; ".join(f"{shelf.product} {shelf.available:,}" for shelf in state.shelves)
            self.say(f"        stock     available: {shelves or 'not known yet'}")


def cancelled_text(cancelled: Counter[str]) -> str:
    """How many orders were cancelled, by reason."""
    reasons = ", ".join(f"{count:,} {reason_text(reason)}" for reason, count in cancelled.most_common())
    return f"{cancelled.total():,} cancelled" + (f" ({reasons})" if reasons else "")
