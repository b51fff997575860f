"""The load that the order benchmarks share: two-line orders, `pay_first`, charged at once, a provider that answers at
once, placed by so many clients at a time until so many are confirmed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from sagamore import Line, Money, OrderSettings, Overloaded, Sagamore, Settings, SimulatedPayments

CLIENTS = 512  # enough to fill a batch of every partition on the way
LINES = (Line("MUG", 2, Money("12.50", "GBP")), Line("TEA", 1, Money("3.10", "GBP")))
ENOUGH = 10**9


def open_shop(path: Path) -> AbstractAsyncContextManager[Sagamore]:
    """A shop with plenty of both products, whose provider answers at once."""
    return _open(path, SimulatedPayments())


def open_waiting_shop(path: Path) -> AbstractAsyncContextManager[Sagamore]:
    """A shop without a provider: its orders stay unfinished."""
    return _open(path, None)


@asynccontextmanager
async def _open(path: Path, payments: SimulatedPayments | None) -> AsyncIterator[Sagamore]:
    settings = Settings(orders=OrderSettings(capture="at_once"))
    async with Sagamore.open(path, settings, payments=payments) as shop:
        for line in LINES:
            await shop.inventory.receive(line.product_id, ENOUGH, reason="benchmark", idempotency_key=line.product_id)
        yield shop


async def confirm(shop: Sagamore, orders: int, *, clients: int = CLIENTS) -> float:
    """Place orders and wait until all of them are confirmed; the seconds from the first to the last."""
    before = shop.statistics().orders.confirmed
    numbers = iter(range(orders))

    async def client() -> None:
        for n in numbers:
            await place(shop, n)

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    while shop.statistics().orders.confirmed < before + orders:  # noqa: ASYNC110 - a counter has no event
        await asyncio.sleep(0.002)
    return time.perf_counter() - started


async def place(shop: Sagamore, n: int) -> str:
    """Place one order, coming back as long as the shop says that it has too much to do; its id."""
    while True:
        try:
            order = await shop.orders.place(
                user_id=f"user-{n % 1000}", lines=LINES, payment_method="pm_card", reference=f"#{n}"
            )
        except Overloaded as error:
            await asyncio.sleep(error.retry_after_ms / 1000)
        else:
            return order.id
