"""`python -m sagamore.demo.shop DIR URL ARRIVED`: the shop's process. It does what lines on standard input say
(`wire.py`), answers on standard output, tells customers on their phones and in their inboxes, and stops cleanly when
standard input ends."""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import msgspec

from sagamore import Inbox, Line, Money, Order, OrderSettings, OutOfStock, Overloaded, Sagamore, Settings
from sagamore.actors.providers.http_payments import HttpPayments
from sagamore.cli.run import run
from sagamore.demo.phones import Phones
from sagamore.demo.wire import (
    Accepted,
    Command,
    Ended,
    Meet,
    Met,
    Opened,
    Place,
    Provider,
    Receive,
    Received,
    Reply,
    Shelf,
    Snapshot,
    SoldOut,
    Told,
    decode_command,
)

SNAPSHOT_EVERY_S = 0.25
MET_AT_ONCE = 100
SETTLE_MS = 3_000  # longer than the demo's provider is slow
PATIENCE = timedelta(minutes=10)  # the customers' process gives up long before
SETTINGS = Settings(orders=OrderSettings(capture="at_once"))  # money moves before stock: the hard case for a crash


async def serve(directory: Path, url: str, arrived: Path) -> None:
    """Until standard input ends."""
    payments, channels = HttpPayments(url, settle_ms=SETTLE_MS), (Phones(arrived), Inbox())
    async with Sagamore.open(directory, SETTINGS, payments=payments, channels=channels) as shop:
        commands = await _standard_input()
        _say(Opened(os.getpid()))
        async with asyncio.TaskGroup() as group:
            tasks = {group.create_task(_tell_snapshots(shop))}
            while line := await commands.readline():
                task = group.create_task(_do(shop, decode_command(line)))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            for task in tasks:
                task.cancel()


async def _do(shop: Sagamore, command: Command) -> None:
    match command:
        case Place():
            await _place(shop, command)
        case Receive(n, product, quantity):
            await shop.inventory.receive(product, quantity, reason="delivery", idempotency_key=f"delivery-{n}")
            _say(Received(n))
        case Meet(n, customers):
            for first in range(0, customers, MET_AT_ONCE):
                numbers = range(first, min(first + MET_AT_ONCE, customers))
                await asyncio.gather(*(_meet(shop, number) for number in numbers))
            _say(Met(n))


async def _meet(shop: Sagamore, number: int) -> None:
    """Some do not want to be rung up."""
    await shop.users.set(
        f"customer-{number}", addresses=[("sms", f"phone-{number}")],
        preferences={("orders", "sms"): False} if number % 20 == 0 else None,
    )  # fmt: skip


async def _place(shop: Sagamore, wanted: Place) -> None:
    lines = [Line(piece.product, piece.quantity, Money(piece.price, wanted.currency)) for piece in wanted.pieces]
    order: Order | None = None
    while order is None:
        try:
            order = await shop.orders.place(
                user_id=wanted.user, lines=lines, payment_method="pm_card", reference=f"#{wanted.n}",
                idempotency_key=f"order-{wanted.n}",
            )  # fmt: skip
        except OutOfStock:
            _say(SoldOut(wanted.n))
            return
        except Overloaded as error:
            await asyncio.sleep(error.retry_after_ms / 1000)
    _say(Accepted(wanted.n, order.id))
    if wanted.cancel_after_ms is not None:
        await asyncio.sleep(wanted.cancel_after_ms / 1000)
        await shop.orders.cancel(order.id, idempotency_key=f"cancel-{wanted.n}")
    order = await shop.orders.wait(order.id, settled=True, timeout=PATIENCE)
    _say(Ended(wanted.n, order.id, order.status, order.reason))


async def _tell_snapshots(shop: Sagamore) -> None:
    while True:
        calls = shop.statistics().engine.pools["payments"]
        provider = Provider(calls.succeeded, calls.refused, calls.unknown, calls.in_flight, calls.breaker)
        ends, phones = shop.statistics().notifications, shop.statistics().engine.pools["sms"]
        told = Told(ends.sent, ends.suppressed, ends.uncertain, phones.in_flight)
        stocks = (await shop.inventory.list()).items
        shelves = (Shelf(stock.product_id, stock.on_hand, stock.reserved, stock.available) for stock in stocks)
        _say(Snapshot(provider, told, tuple(sorted(shelves, key=lambda shelf: shelf.product))))
        await asyncio.sleep(SNAPSHOT_EVERY_S)


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(reply: Reply) -> None:
    """In one write, so that SIGKILL leaves no half line."""
    os.write(sys.stdout.fileno(), msgspec.json.encode(reply) + b"\n")


if __name__ == "__main__":
    run(serve(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
