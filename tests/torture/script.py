"""What a client's script says: commands under keys of their own, so that it can be run again from its first line, and
waits that are over as soon as the order is where it should be, or beyond.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from sagamore.actors.money import Money
from sagamore.actors.orders.door import Charge, Line
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment_messages import Capture, PaymentEvent
from sagamore.actors.orders.settings import SagaName
from sagamore.actors.orders.stock import stock_key
from sagamore.engine.dead_letters import DEAD_LETTERS, DeadLetter
from sagamore.engine.message import Message
from sagamore.engine.testing import NOON_MS
from tests.torture.bank import Bank, Gate
from tests.torture.world import INVENTORY_PARTITIONS, World

IN_STOCK = 10
UNIT = Money("5.00", "GBP")
OVER = ("CONFIRMED", "CANCELLING", "CANCELLED")


class Script:
    """One life of a client; `name` is the client's own name of an order."""

    def __init__(self, world: World) -> None:
        self.world, self.shop, self.bank = world, world.shop, world.bank
        self.ids: dict[str, str] = {}
        self.products = _one_product_a_partition(world)
        self.first_life = world.lives == 1

    async def stock_up(self) -> None:
        """Some of each product."""
        for product in self.products:
            await self.shop.inventory.receive(product, IN_STOCK, reason="delivery", idempotency_key=f"in {product}")

    async def place(self, name: str = "a", method: str = "pm_card", *, quantity: int = 1, pay_by_ms: int = 0) -> Order:
        """An order of each product, for 5 GBP a piece and 2 GBP shipping."""
        order = await self.shop.orders.place(
            user_id="ann", lines=[Line(product, quantity, UNIT) for product in self.products],
            charges=[Charge("shipping", Money("2.00", "GBP"))], payment_method=method, check_stock=False,
            pay_by=datetime.fromtimestamp((NOON_MS + pay_by_ms) / 1000, UTC) if pay_by_ms else None,
            reference=name, idempotency_key=f"place {name}",
        )  # fmt: skip
        self.ids[name] = order.id
        return order

    async def pay(self, name: str, method: str, key: str) -> None:
        """Pay, or pay again."""
        await self.shop.orders.pay(self.ids[name], method, idempotency_key=key)

    async def cancel(self, name: str = "a", *, by: str = "", key: str = "cancel") -> None:
        """Cancel."""
        await self.shop.orders.cancel(self.ids[name], by=by, idempotency_key=f"{key} {name}")

    async def refund(self, name: str, pounds: str, key: str) -> str:
        """Ask for a refund; its id."""
        refund = await self.shop.orders.refund(self.ids[name], Money(pounds, "GBP"), reason=key, idempotency_key=key)
        return refund.id

    async def event(self, name: str, kind: Any, *, refund_id: str = "", provider_id: str = "", amount: int = 0) -> None:
        """The provider pushes news, as often as it is not acknowledged."""
        order_id = self.ids[name]
        await self.shop.payments.event(
            PaymentEvent(order_id, f"evt {kind} {order_id}", kind, amount, refund_id, provider_id)
        )

    # --- waits ---

    async def order(self, name: str = "a") -> Order:
        """The order as last committed."""
        return await self.shop.orders.get(self.ids[name])

    async def until(self, right: Callable[[Order], bool], name: str = "a") -> Order:
        """Wait until the order is right, or the bank; looked at again and again, since the bank tells nobody."""
        with self.world.engine.watch("orders", self.ids[name]) as watcher:
            order = await self.order(name)
            change = asyncio.ensure_future(watcher.next())
            try:
                await asyncio.sleep(0)
                while not right(order):
                    await asyncio.sleep(0)
                    if change.done():
                        changed = change.result()
                        assert isinstance(changed, Order)
                        order, change = changed, asyncio.ensure_future(watcher.next())
                return order
            finally:
                change.cancel()

    async def reach(self, *states: str, name: str = "a") -> Order:
        """Wait until the order is in one of the states, or it is decided."""
        return await self.until(lambda order: order.state in (*states, *OVER), name)

    async def end(self, name: str = "a") -> Order:
        """Wait until nothing of the order is under way."""
        return await self.until(lambda order: order.status != "PENDING" and order.settlement != "DUE", name)

    async def at_gate(self, gate: Gate, *states: str, name: str = "a") -> None:
        """Wait until a call stands at the gate, or the order is no longer in these states."""
        await self.until(lambda order: gate.waiting > 0 or order.state not in states, name)

    async def hold_stock(self) -> None:
        """Inventory's disk is slow."""
        for n in range(INVENTORY_PARTITIONS):
            self.world.store.faults.hold(f"inventory/{n}")

    def let_stock_go(self) -> None:
        """It is fast again."""
        for n in range(INVENTORY_PARTITIONS):
            self.world.store.faults.release(f"inventory/{n}")

    def break_on(self, *messages: type[Message]) -> None:
        """The turns of these messages raise from now on."""
        self.world.broken |= {*messages}

    def mend(self, *messages: type[Message]) -> None:
        """They raise no longer."""
        self.world.broken -= {*messages}

    # --- what an operator does ---

    async def letters(self) -> list[DeadLetter]:
        """The letters that wait, by id."""
        subjects = sorted(alert.subject for alert in self.shop.alerts() if alert.name == "dead_letter")
        letters = [await self.world.engine.read(DEAD_LETTERS, letter) for letter in subjects]
        return [letter for letter in letters if isinstance(letter, DeadLetter) and letter.status == "WAITING"]

    def any_letter(self) -> bool:
        """Whether one waits."""
        return any(alert.name == "dead_letter" for alert in self.shop.alerts())

    async def replay_until(self, right: Callable[[Order], bool], name: str = "a") -> None:
        """Replay each that waits, until the order is right."""
        while not right(await self.until(lambda order: self.any_letter() or right(order), name)):
            for letter in await self.letters():
                await self.shop.dead_letters.replay(letter.id, by="oli")

    async def discard_letters(self) -> None:
        """What is left after the case was solved."""
        for letter in await self.letters():
            await self.shop.dead_letters.discard(letter.id, by="oli", reason="solved")


Life = Callable[[Script], Awaitable[None]]


class Scenario(Struct, frozen=True):
    """A script, and the tables and ways to charge for which it makes sense."""

    name: str
    life: Life
    sagas: tuple[SagaName, ...]
    captures: tuple[Capture, ...]
    look_up: bool
    """Whether the provider can be asked what became of a call."""
    places: int
    """Calls that the provider takes at once."""


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *,
    sagas: tuple[SagaName, ...] = ("pay_first", "reserve_first"),
    captures: tuple[Capture, ...] = ("at_once", "on_confirm"),
    look_up: bool = True,
    places: int = 64,
) -> Callable[[Life], Life]:
    """Register a script under its function's name."""

    def register(life: Life) -> Life:
        name = life.__name__
        SCENARIOS[name] = Scenario(name, life, sagas, captures, look_up, places)
        return life

    return register


def _one_product_a_partition(world: World) -> list[str]:
    names: dict[int, str] = {}
    n = 0
    while len(names) < INVENTORY_PARTITIONS:
        names.setdefault(world.engine.routes.partition("inventory", stock_key(f"mug{n}")), f"mug{n}")
        n += 1
    return [names[partition] for partition in sorted(names)]


__all__ = ["SCENARIOS", "Bank", "Scenario", "Script", "scenario"]
