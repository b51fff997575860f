"""The load: customers, each with a script drawn from (seed, number), who repeat every call under its key until it is
answered, in this life of the shop or a later one; and the operator, who works through the dead letters.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from random import Random
from time import time
from typing import TypeVar

from sagamore import (
    IllegalTransition,
    Line,
    Money,
    Order,
    OutcomeUnknown,
    Overloaded,
    Refund,
    Sagamore,
    Unavailable,
)
from tests.torture.ledger import ClientLedger

T = TypeVar("T")
PRICE = Money("1.00", "GBP")
PLENTY, RARE = ("mug", "tea", "pot"), "gem"
PAY_BY_S = 20
REFUND_OVER = ("SUCCEEDED", "PENDING", "REFUSED", "FAILED_LATER")


class Customers:
    """`serve` is one of those who order at once, until it is cancelled; `finish` ends when all that was begun has."""

    def __init__(self, shop: Sagamore, ledger: ClientLedger, seed: int) -> None:
        self._shop, self._ledger, self._seed = shop, ledger, seed
        self._todo = sorted(set(ledger.begun) - ledger.ended)
        self._next = max(ledger.begun, default=0)

    async def serve(self) -> None:
        """One order after another: first what earlier lives left, then new ones."""
        while True:
            await self._customer(self._number())

    async def finish(self) -> None:
        """What was begun and has not ended."""
        while self._todo:
            await self._customer(self._todo.pop(0))

    def _number(self) -> int:
        if self._todo:
            return self._todo.pop(0)
        self._next += 1
        return self._next

    async def _customer(self, n: int) -> None:
        try:
            await self._script(n, Random(f"{self._seed}/{n}"))
        except Unavailable:
            raise  # the shop closes
        except Exception as error:
            self._ledger.write(breach=f"order {n}: {type(error).__name__}: {error}")
        self._ledger.write(n=n, did="end")

    async def _script(self, n: int, chance: Random) -> None:
        later, again = chance.random() < 0.15, chance.random() < 0.15
        if n not in self._ledger.begun:
            self._ledger.write(n=n, did="begin", pay_by=time() + PAY_BY_S)
        order_id = await self._place(n, chance, later, again)
        orders = self._shop.orders
        if later:
            await self._step(n, "pay", lambda key: orders.pay(order_id, "pm_card", idempotency_key=key))
        if chance.random() < 0.2:
            await asyncio.sleep(chance.random() * 0.1)
            await self._step(n, "cancel", lambda key: orders.cancel(order_id, idempotency_key=key))
        order = await self._until(order_id, lambda order: order.state not in ("PAYING", "RESERVING", "CAPTURING"))
        if order.state == "AWAITING_PAYMENT":
            await self._step(n, "pay again", lambda key: orders.pay(order_id, "pm_card", idempotency_key=key))
        order = await self._until(order_id, lambda order: order.status != "PENDING")
        if order.status == "CONFIRMED":
            await self._afterwards(n, order, chance)
        await self._until(order_id, _is_over)

    async def _place(self, n: int, chance: Random, later: bool, again: bool) -> str:
        products = chance.sample(PLENTY, 2) + [RARE] * (chance.random() < 0.1)
        lines = [Line(product, chance.randint(1, 3), PRICE) for product in products]
        pay_by = datetime.fromtimestamp(self._ledger.begun[n]["pay_by"], UTC) if later or again else None

        async def place(key: str) -> Order:
            return await self._shop.orders.place(
                user_id=f"user {n % 50}", lines=lines, payment_method="" if later else "pm_card", pay_by=pay_by,
                reference=f"{n}", check_stock=False, idempotency_key=key,
            )  # fmt: skip

        order = await self._persist(lambda: place(f"{n} place"))
        self._ledger.write(n=n, did="place", order=order.id)
        return order.id

    async def _afterwards(self, n: int, order: Order, chance: Random) -> None:
        orders, order_id = self._shop.orders, order.id
        what = chance.choice(("nothing", "cancel", "refund", "refund", "ship", "ship"))
        if what == "cancel":
            await self._step(n, "cancel 2", lambda key: orders.cancel(order_id, by="oli", idempotency_key=key))
        if what == "refund":
            steps = [self._refund(n, order_id, f"refund {i}") for i in range(chance.randint(1, 3))]
            await asyncio.gather(*steps)
            if chance.random() < 0.3:
                await self._step(n, "cancel 2", lambda key: orders.cancel(order_id, idempotency_key=key))
        if what == "ship":
            await self._step(n, "ship", lambda key: orders.ship(order_id, idempotency_key=key))
            await self._step(n, "deliver", lambda key: orders.deliver(order_id, idempotency_key=key))
            if chance.random() < 0.5:
                product, restock = order.lines[0].product_id, chance.random() < 0.5
                await self._step(
                    n,
                    "return",
                    lambda key: orders.return_goods(
                        order_id, {product: 1}, amount=Money("0.50", "GBP"), restock=restock, idempotency_key=key
                    ),
                )

    async def _refund(self, n: int, order_id: str, step: str) -> None:
        refund = await self._step(
            n, step, lambda key: self._shop.orders.refund(order_id, PRICE, reason=step, idempotency_key=key)
        )
        if isinstance(refund, Refund):
            self._ledger.write(n=n, did=step, refund=refund.id)

    async def _step(self, n: int, step: str, call: Callable[[str], Awaitable[T]]) -> T | None:
        """Do it, or be told that the order's state does not allow it (any more)."""
        try:
            answer = await self._persist(lambda: call(f"{n} {step}"))
        except IllegalTransition:
            return None
        self._ledger.write(n=n, did=step)
        return answer

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await call()
            except Overloaded as error:
                await asyncio.sleep(error.retry_after_ms / 1000)
            except OutcomeUnknown:
                await asyncio.sleep(0.05)

    async def _until(self, order_id: str, right: Callable[[Order], bool]) -> Order:
        async with asyncio.timeout(120):
            async for order in self._shop.orders.changes(order_id):
                if right(order):
                    return order
        raise AssertionError("changes never end")


def _is_over(order: Order) -> bool:
    settled = order.status == "CONFIRMED" or order.settlement == "SETTLED"
    return settled and all(refund.status in REFUND_OVER for refund in order.refunds)


async def deliveries(shop: Sagamore, life: int) -> None:
    """Plenty of most things, a few of one."""
    for product in PLENTY:
        await shop.inventory.receive(product, 10**6, reason="delivery", idempotency_key=f"in {product}")
    await shop.inventory.receive(RARE, 3, reason="delivery", idempotency_key=f"in {RARE} {life}")
