"""Durable turns a second through one actor of a host's own: `ask`, 1,000 keys, 1,000 asks in flight.

Goal: the engine without orders; each ask is a turn, a state, a history row and an idempotency key, on disk before it is
answered. Non-goal: messages between actors. Caveat: the asking clients are on the same event loop.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.figure import Figure
from bench.floor import recording
from sagamore import Actor, Message, Sagamore, State, Turn

TURNS = 100_000
KEYS = 1_000
IN_FLIGHT = 1_000


class Visit(Message, tag="bench.visit", version=1):
    """Somebody came by."""

    customer: str
    points: int


class Card(State, tag="bench.card", version=1):
    """Their points."""

    points: int = 0


class Loyalty(Actor[Card, Visit], kind="loyalty"):
    """Adds up points."""

    def entity(self, message: Visit) -> str:
        """The customer."""
        return message.customer

    def handle(self, state: Card, message: Visit, turn: Turn) -> Card:
        """Add."""
        card = Card(state.points + message.points)
        turn.reply(card)
        return card


async def run(scale: float) -> list[Figure]:
    """Asks answered."""
    turns = max(2_000, int(TURNS * scale))
    with tempfile.TemporaryDirectory() as folder:
        async with Sagamore.open(Path(folder) / "shop", actors=[Loyalty()]) as shop:
            await _ask(shop, 2_000)
            seconds = await _ask(shop, turns)
            with recording() as recorded:
                await _ask(shop, turns)
        floor_s = recorded.replay_s(Path(folder) / "floor")
    return [Figure("durable turns of one actor", turns / seconds, "turns/s", 30_000, 100_000, floor=turns / floor_s)]


async def _ask(shop: Sagamore, turns: int) -> float:
    numbers = iter(range(turns))

    async def client() -> None:
        for n in numbers:
            await shop.ask("loyalty", Visit(f"customer-{n % KEYS}", 1))

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - started
