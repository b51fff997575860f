"""A shop in which everything has happened once, so that every law has something to hold for."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sagamore import Line, Money, Order, OrderSettings, Sagamore, Settings, SimulatedPayments
from sagamore.actors.orders.payment import Payment
from sagamore.audit import Law, audit
from sagamore.engine.runtime.inspection import Alert
from sagamore.files import Files

SETTINGS = Settings(orders=OrderSettings(capture="at_once"), partitions={"inventory": 2})
LINES = (("MUG", 2, "12.50"), ("TEA", 1, "3.10"), ("MUG", 1, "12"))
SOON = timedelta(seconds=20)


async def place(
    shop: Sagamore, method: str = "pm_card", pay_by: datetime | None = None, currency: str = "GBP"
) -> Order:
    """An order of three lines, of two products that live in two partitions."""
    lines = [Line(product, quantity, Money(price, currency)) for product, quantity, price in LINES]
    return await shop.orders.place(user_id="ann", lines=lines, payment_method=method, pay_by=pay_by, reference="#1")


async def confirmed(shop: Sagamore) -> Order:
    """The same, at rest."""
    return await shop.orders.wait((await place(shop)).id, timeout=SOON)


async def make_shop(path: Path) -> dict[str, str]:
    """Make it; the ids of its orders by what happened to them."""
    buried = asyncio.Event()

    def alerted(alert: Alert) -> None:
        if alert.name == "dead_letter":
            buried.set()

    async with Sagamore.open(path, SETTINGS, payments=SimulatedPayments(), on_alert=alerted) as shop:
        for product in ("MUG", "TEA"):
            await shop.inventory.receive(product, 100, reason="delivery")
        await shop.inventory.adjust("MUG", -3, reason="broken")
        await shop.inventory.set("TEA", 90, expected=100, reason="counted")
        orders = {name: await confirmed(shop) for name in ("confirmed", "refunded", "returned", "cancelled")}
        orders["euro"] = await shop.orders.wait((await place(shop, currency="EUR")).id, timeout=SOON)
        await shop.orders.refund(orders["refunded"].id, Money("5", "GBP"), reason="late")
        await shop.orders.ship(orders["returned"].id)
        await shop.orders.return_goods(orders["returned"].id, {"MUG": 1}, amount=Money("12", "GBP"), restock=True)
        await shop.orders.cancel(orders["cancelled"].id)
        orders["stuck"] = await place(shop, "pm_refund_refused")
        await shop.orders.wait(orders["stuck"].id, timeout=SOON)
        await shop.orders.cancel(orders["stuck"].id)
        await buried.wait()
        orders["refused"] = await place(shop, "pm_refused")
        for name in ("cancelled", "refused"):
            await shop.orders.wait(orders[name].id, settled=True, timeout=SOON)
        async for order in shop.orders.changes(orders["refunded"].id):
            if order.refunds[0].status == "SUCCEEDED":
                break
        async for order in shop.orders.changes(orders["returned"].id):
            if order.refunds[0].status == "SUCCEEDED":
                break
        orders["pending"] = await place(shop, "pm_pending")
        await shop.engine.until("payments", orders["pending"].id, lambda p: isinstance(p, Payment) and p.waits, 20_000)
        orders["unpaid"] = await place(shop, "", pay_by=datetime.now(UTC) + timedelta(days=1))
        return {name: order.id for name, order in orders.items()}


async def letter_of(shop: Sagamore, notification_id: str, pause_s: float = 0.005) -> str:
    """Its dead letter, once it waits."""
    async with asyncio.timeout(20):
        for _ in count():
            for alert in shop.alerts():
                if alert.name == "dead_letter":
                    letter = await shop.dead_letters.show(alert.subject)
                    if (letter.correlation, letter.status) == (notification_id, "WAITING"):
                        return letter.id
            await asyncio.sleep(pause_s)
    raise AssertionError("no letter")


def change(path: Path, file: str, sql: str, **values: str) -> None:
    """Break a file by hand; something must be changed by it."""
    with closing(sqlite3.connect(path / f"{file}.sqlite", isolation_level=None)) as connection:
        assert connection.execute(sql, values).rowcount > 0, sql


async def audited(path: Path) -> dict[str, Law]:
    """How each law fares."""
    files = Files(path)
    try:
        return {law.name: law for law in await audit(files)}
    finally:
        await files.close()


def broken(path: Path) -> set[str]:
    """The names of the laws that do not hold, asked without an event loop."""
    return {name for name, law in asyncio.run(audited(path)).items() if not law.ok}
