"""The customers: what they order and when, drawn from a seed, and what they know of it.

They live longer than the shop. Whatever it has not answered they ask again under the same number, as a client that
retries does, so an order that was accepted must be the same order then.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec

from sagamore.demo.process import Process
from sagamore.demo.state import State
from sagamore.demo.wire import (
    Accepted,
    Command,
    Ended,
    Meet,
    Met,
    Piece,
    Place,
    Receive,
    Received,
    Snapshot,
    SoldOut,
    decode_reply,
)

ORDERS_PER_SECOND = 150  # two cores have room for the shop, the provider and the panel
OPEN_MAX = 1_500  # what is not at its end; beyond it customers wait outside
TICK_S = 0.02
CATALOGUE = {"MUG": "12.50", "TEA": "3.10", "POT": "24.00", "LAMP": "89.00"}
DELIVERED = {"MUG": 100_000, "TEA": 100_000, "POT": 100_000}
CUSTOMERS = 1_000
LAMP_SHARE, LAMPS_DELIVERED, LAMPS_EVERY_S = 0.1, 30, 3  # more are wanted than come: they sell out again and again
EURO_SHARE, CANCEL_SHARE, CANCEL_WITHIN_MS = 0.2, 0.02, 1_000


class Customers:
    """All of them. `accepted` and `ended` are what they were told: number → order, order → status."""

    def __init__(self, seed: int, state: State) -> None:
        self.accepted: dict[int, str] = {}
        self.ended: dict[str, str] = {}
        self.contradictions: list[str] = []
        self._chance = random.Random(seed)
        self._state = state
        self._open: dict[int, Command] = {}
        self._numbers = 0
        self._next_lamps_s = 0.0

    @asynccontextmanager
    async def visiting(self, shop: Process) -> AsyncIterator[None]:
        """Hear the shop until it is gone, after asking again what it never answered."""
        for command in tuple(self._open.values()):
            self._send(shop, command)
        self._hearing = asyncio.create_task(self._hear(shop))
        try:
            yield
            await self._hearing
        finally:
            self._hearing.cancel()

    async def stock_up(self, shop: Process) -> None:
        """Fill the shelves, and have the customers' phones known. Raises ProcessFailed."""
        self._ask(shop, Meet(self._number(), CUSTOMERS))
        for product, quantity in DELIVERED.items():
            self._ask(shop, Receive(self._number(), product, quantity))
        await self.all_ended(shop)

    async def order(self, shop: Process, seconds: float) -> None:
        """Place orders for so long. Raises ProcessFailed."""
        started_s, arrived = time.monotonic(), 0
        while (passed_s := time.monotonic() - started_s) < seconds:
            while arrived < passed_s * ORDERS_PER_SECOND and len(self._open) < OPEN_MAX:
                self._ask(shop, self._draw())
                arrived += 1
            if time.monotonic() >= self._next_lamps_s:
                self._next_lamps_s = time.monotonic() + LAMPS_EVERY_S
                self._ask(shop, Receive(self._number(), "LAMP", LAMPS_DELIVERED))
            await self._tick(shop)

    async def all_ended(self, shop: Process) -> None:
        """Until everything asked for is at its end. Raises ProcessFailed."""
        while self._open:
            await self._tick(shop)

    async def all_told(self, shop: Process, told: Callable[[], Awaitable[bool]]) -> None:
        """Until no message to them is on its way. Raises ProcessFailed."""
        while not await told():
            await self._tick(shop)

    @property
    def waiting(self) -> list[str]:
        """The orders that were accepted and are not at their end."""
        return [order for order in self.accepted.values() if order not in self.ended]

    @property
    def unended(self) -> int:
        """What was asked for and is not at its end."""
        return len(self._open)

    async def _tick(self, shop: Process) -> None:
        await asyncio.sleep(TICK_S)
        if self._hearing.done():
            self._hearing.result()
            await shop.fail()

    def _draw(self) -> Place:
        chance = self._chance
        products = chance.sample(("MUG", "TEA", "POT"), chance.randint(1, 2))
        if chance.random() < LAMP_SHARE:
            products.append("LAMP")
        pieces = tuple(Piece(product, chance.randint(1, 2), CATALOGUE[product]) for product in products)
        cancel_after_ms = chance.randrange(CANCEL_WITHIN_MS) if chance.random() < CANCEL_SHARE else None
        currency = "EUR" if chance.random() < EURO_SHARE else "GBP"
        return Place(self._number(), f"customer-{chance.randrange(CUSTOMERS)}", currency, pieces, cancel_after_ms)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _ask(self, shop: Process, command: Command) -> None:
        self._open[command.n] = command
        self._send(shop, command)

    def _send(self, shop: Process, command: Command) -> None:
        shop.write(msgspec.json.encode(command) + b"\n")

    async def _hear(self, shop: Process) -> None:
        while line := await shop.read():
            match decode_reply(line):
                case Accepted(n, order):
                    self._accept(n, order)
                case Ended(n, order, status, reason):
                    del self._open[n]
                    self.ended[order] = status
                    self._state.count_end(status, reason)
                case SoldOut(n):
                    del self._open[n]
                    self._state.sold_out += 1
                    if n in self.accepted:
                        self.contradictions.append(f"#{n} was accepted as {self.accepted[n]} and then turned away")
                case Received(n) | Met(n):
                    del self._open[n]
                case Snapshot() as snapshot:
                    self._state.take(snapshot)

    def _accept(self, n: int, order: str) -> None:
        known = self.accepted.setdefault(n, order)
        if known != order:
            self.contradictions.append(f"#{n} was accepted as {known} and then as {order}")
        self._state.placed = len(self.accepted)
