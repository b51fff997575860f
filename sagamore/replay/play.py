"""A plan through a shop's doors, as a host would: a bounded number of steps at once, in the order of the file.

A step is done when its order is at rest. Each has an idempotency key of its own, so that what the shop could not answer
(it was overloaded, or a partition died under it) is asked again and done once. Passes follow each other without a
pause; what is in memory does not grow with their number.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import TypeVar

from sagamore.actors.money import Money
from sagamore.actors.orders.errors import IllegalTransition
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.stock_errors import StockChanged
from sagamore.app import Sagamore
from sagamore.engine.errors import OutcomeUnknown, Overloaded, Refused
from sagamore.engine.runtime.deadline import Deadline, sleep_ms
from sagamore.order_operations import at_rest
from sagamore.replay.plan import PAYMENT_METHOD, Adjustment, Cancellation, Plan, Sale, Step, opening_stock
from sagamore.replay.report import Report
from sagamore.replay.rows import CURRENCY

IN_FLIGHT_MAX = 256  # steps at once: enough that every commit has company, few enough that stock is seen as it is
ORDER_TIMEOUT_MS = 300_000  # for one order to come to rest: an unknown outcome may take minutes to resolve
ASKED_AGAIN_MS = 100  # after a partition died: it is reopened in less
BY = "replay"

T = TypeVar("T")
Placed = dict[int, "asyncio.Future[str]"]
"""Of one pass: the ids of orders that cancellations are for, by step; empty if there is none."""


class Player:
    """Plays a plan; `report` counts as it goes."""

    def __init__(self, shop: Sagamore, plan: Plan) -> None:
        self.report = Report(plan.file)
        self._shop, self._plan = shop, plan
        self._clock = shop.engine.clock
        self._run = f"replay-{self._clock.now_ms():x}"
        self._stopped = False

    async def stock(self, share: Decimal | int, passes: int) -> None:
        """Receive that share of all that the sales of all passes want; a product that gets none becomes known."""
        products = iter(opening_stock(self._plan, share, passes).items())
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT_MAX):
                group.create_task(self._stock(products))

    async def _stock(self, products: Iterator[tuple[str, int]]) -> None:
        for product, quantity in products:
            await self._stock_one(product, quantity)

    async def _stock_one(self, product: str, quantity: int) -> None:
        inventory, key = self._shop.inventory, f"{self._run}/stock/{product}"
        if quantity:
            await self._asked(
                lambda: inventory.receive(product, quantity, reason="opening stock", by=BY, idempotency_key=key)
            )
            return
        try:
            await self._asked(
                lambda: inventory.set(product, 0, expected=0, reason="opening stock", by=BY, idempotency_key=key)
            )
        except StockChanged:
            pass  # the directory knows it already

    async def play(self, passes: int, seconds: float | None) -> None:
        """Play so many passes; after `seconds` begin nothing more. What was begun is finished."""
        started_ms = self._clock.elapsed_ms()
        until_ms = None if seconds is None else started_ms + seconds * 1000
        steps = self._steps(passes, until_ms)
        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT_MAX):
                group.create_task(self._work(steps, started_ms))

    def _steps(self, passes: int, until_ms: float | None) -> Iterator[tuple[str, Placed, int, Step]]:
        loop = asyncio.get_running_loop()
        for n in range(1, passes + 1):
            self.report.passes = n
            suffix = "" if n == 1 else f"/{n}"
            placed: Placed = {}
            for number, step in enumerate(self._plan.steps):
                if until_ms is not None and self._clock.elapsed_ms() >= until_ms:
                    return
                if isinstance(step, Sale) and step.is_cancelled:
                    placed[number] = loop.create_future()
                yield suffix, placed, number, step

    async def _work(self, steps: Iterator[tuple[str, Placed, int, Step]], started_ms: float) -> None:
        for suffix, placed, number, step in steps:
            name = step.invoice + suffix
            try:
                if isinstance(step, Sale):
                    await self._sell(step, suffix, placed.get(number))
                elif isinstance(step, Cancellation):
                    order_id = await asyncio.shield(placed[step.sale])  # others wait for it too
                    await self._cancel(step, name, order_id)
                else:
                    await self._adjust(step, name)
            except Refused as error:
                self.report.refuse(error.code, f"{name}: {error}")
            self.report.lines += step.rows
            self.report.seconds = (self._clock.elapsed_ms() - started_ms) / 1000

    # --- the steps ---

    async def _sell(self, sale: Sale, suffix: str, placed: "asyncio.Future[str] | None") -> None:
        order_id = ""
        reference = sale.invoice + suffix
        try:
            order = await self._asked(
                lambda: self._shop.orders.place(
                    user_id=sale.user_id(suffix), lines=sale.lines, charges=sale.charges, reference=reference,
                    payment_method=PAYMENT_METHOD, placed_at=sale.at, idempotency_key=f"{self._run}/{reference}",
                )
            )  # fmt: skip
            order_id = order.id
            self.report.placed += 1
            rested = await self._rest(order_id, reference)
            if rested is not None and rested.status == "CONFIRMED":
                self.report.confirmed += 1
            elif rested is not None:
                self.report.cancelled[rested.reason] += 1
        finally:
            if placed is not None:
                placed.set_result(order_id)

    async def _cancel(self, cancellation: Cancellation, name: str, order_id: str) -> None:
        orders = self._shop.orders
        order = await orders.get(order_id) if order_id else None
        if order is None or order.status != "CONFIRMED":
            self.report.nothing_to_cancel.add(name)
            return
        key = f"{self._run}/{name}/{cancellation.sale}"
        if cancellation.whole:
            await self._asked(lambda: orders.cancel(order_id, idempotency_key=key))
            self.report.orders_cancelled += 1
            self.report.confirmed -= 1
            self.report.cancelled["REQUESTED"] += 1
        else:
            await self._take_back(cancellation, order, name, key)
        await self._rest(order_id, name)

    async def _take_back(self, cancellation: Cancellation, order: Order, name: str, key: str) -> None:
        """Part of an order. A cancellation may name a higher price than was paid: no more than is left goes back."""
        orders = self._shop.orders
        amount = Money.of_minor(min(cancellation.amount, order.refundable), CURRENCY)
        if cancellation.goods:
            if not order.shipped_at_ms:
                await self._ship(order.id, f"{key}/ship")
            back = cancellation.goods
            await self._asked(
                lambda: orders.return_goods(
                    order.id, back, amount=amount, restock=True, reason=f"cancellation {name}", idempotency_key=key
                )
            )
            self.report.orders_returned += 1
        elif amount.minor:
            await self._asked(
                lambda: orders.refund(order.id, amount, reason=f"cancellation {name}", idempotency_key=key)
            )
            self.report.credits += 1

    async def _ship(self, order_id: str, key: str) -> None:
        try:
            await self._asked(lambda: self._shop.orders.ship(order_id, idempotency_key=key))
        except IllegalTransition:
            if not (await self._shop.orders.get(order_id)).shipped_at_ms:  # another cancellation may have been first
                raise

    async def _adjust(self, adjustment: Adjustment, name: str) -> None:
        inventory = self._shop.inventory
        product, quantity = adjustment.product, adjustment.quantity
        key = f"{self._run}/{name}/{adjustment.line}"
        if adjustment.returned:
            reason = f"return {name}, sold before the file"
            await self._asked(lambda: inventory.receive(product, quantity, reason=reason, by=BY, idempotency_key=key))
            self.report.returns_before_file += 1
        else:
            reason = f"correction {name}"
            await self._asked(lambda: inventory.adjust(product, quantity, reason=reason, by=BY, idempotency_key=key))
            self.report.adjustments += 1

    # --- patience ---

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer; the key in it makes that safe."""
        while True:
            try:
                return await ask()
            except Overloaded as error:
                self.report.waits += 1
                await sleep_ms(self._clock, error.retry_after_ms)
            except OutcomeUnknown:
                await sleep_ms(self._clock, ASKED_AGAIN_MS)

    async def _rest(self, order_id: str, name: str) -> Order | None:
        """The order once nothing of it is under way; None if that takes too long, or waits for a person."""
        try:
            with Deadline(self._clock, self._clock.now_ms() + ORDER_TIMEOUT_MS):
                async for order in self._shop.orders.changes(order_id):
                    if at_rest(order):
                        if order.status == "PENDING":
                            break
                        return order
        except TimeoutError:
            pass
        self.report.pending.add(name)
        return None
