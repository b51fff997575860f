"""Many at once on the real shop: a thousand orders for a hundred pieces, two hundred refunds of one payment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sagamore import IllegalTransition, Line, Money, OrderSettings, Overloaded, Refund, Sagamore, Settings
from sagamore.actors.orders.payment_messages import Capture
from sagamore.actors.orders.settings import SagaName
from sagamore.engine.runtime.clock import SystemClock
from tests.torture.bank import Bank

ONE = Money("1.00", "GBP")
SOON = timedelta(seconds=30)


@asynccontextmanager
async def shop_of(path: Path, **settings: Any) -> AsyncIterator[tuple[Sagamore, Bank]]:
    bank = Bank(SystemClock())
    async with Sagamore.open(path, Settings(orders=OrderSettings(**settings)), payments=bank) as shop:
        yield shop, bank


async def place(shop: Sagamore, n: int, quantity: int = 1) -> str:
    while True:
        try:
            line = Line("MUG", quantity, ONE)
            order = await shop.orders.place(
                user_id=f"u{n}", lines=[line], payment_method="pm_card", check_stock=False, idempotency_key=f"{n}"
            )
            return order.id
        except Overloaded as error:
            await asyncio.sleep(error.retry_after_ms / 1000)


@pytest.mark.parametrize(("saga", "capture"), [("pay_first", "on_confirm"), ("reserve_first", "at_once")])
async def test_of_a_thousand_orders_at_once_for_a_hundred_mugs_a_hundred_are_confirmed_and_all_come_back(
    tmp_path: Path, saga: SagaName, capture: Capture
) -> None:
    async with shop_of(tmp_path / "shop", saga=saga, capture=capture) as (shop, bank):
        await shop.inventory.receive("MUG", 100, reason="delivery")
        ids = await asyncio.gather(*(place(shop, n) for n in range(1000)))
        orders = await asyncio.gather(*(shop.orders.wait(order, settled=True, timeout=SOON) for order in ids))
        confirmed = [order for order in orders if order.status == "CONFIRMED"]
        assert (len(confirmed), {order.reason for order in orders}) == (100, {"", "OUT_OF_STOCK"})
        assert (await shop.inventory.get("MUG")).available == 0
        assert sum(bank.net(order) for order in ids) == 100 * ONE.minor
        await asyncio.gather(*(shop.orders.cancel(order.id) for order in confirmed))
        await asyncio.gather(*(shop.orders.wait(order.id, settled=True, timeout=SOON) for order in confirmed))
        stock = await shop.inventory.get("MUG")
        assert (stock.on_hand, stock.reserved, stock.available) == (100, 0, 100)
        assert sum(bank.net(order) for order in ids) == 0
        assert bank.violations == []


async def test_two_hundred_parallel_refunds_never_give_back_more_than_was_paid(tmp_path: Path) -> None:
    async with shop_of(tmp_path / "shop") as (shop, bank):
        bank.lose_answer = 0.03  # each costs a second or two
        await shop.inventory.receive("MUG", 100, reason="delivery")
        order_id = await place(shop, 0, quantity=100)
        assert (await shop.orders.wait(order_id, timeout=SOON)).status == "CONFIRMED"

        async def refund(n: int) -> Refund | None:
            try:
                money = Money("0.97", "GBP")
                return await shop.orders.refund(order_id, money, reason="chip", idempotency_key=f"r{n}")
            except IllegalTransition:
                return None

        refunds = [r for r in await asyncio.gather(*(refund(n) for n in range(200))) if r is not None]
        async with asyncio.timeout(30):
            async for order in shop.orders.changes(order_id):
                if order.refunded == sum(r.amount for r in refunds):
                    break
        assert len(refunds) == 10_000 // 97
        assert bank.net(order_id) == 10_000 - 97 * len(refunds)
