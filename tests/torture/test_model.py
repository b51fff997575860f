"""The real shop against a model of a few lines: whatever is placed, cancelled, refunded, shipped and returned, between
deaths of the process at any moment of rest, stock and money are what arithmetic says."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import Struct

from sagamore import IllegalTransition, Line, Money, OrderSettings
from sagamore.actors.orders.payment_messages import Capture
from sagamore.actors.orders.settings import SagaName
from sagamore.actors.orders.stock import Stock
from sagamore.engine.testing import ManualClock
from tests.torture.bank import Bank
from tests.torture.world import World

PRICE = 500
SAGAS: st.SearchStrategy[SagaName] = st.sampled_from(["pay_first", "reserve_first"])
CAPTURES: st.SearchStrategy[Capture] = st.sampled_from(["at_once", "on_confirm"])
METHODS = st.sampled_from(["pm_card", "pm_card", "pm_refused", "pm_refund_refused"])


class Expected(Struct):
    """An order as the model has it."""

    quantity: int
    method: str
    status: str
    shipped: bool = False
    returned: int = 0
    paid: int = 0

    @property
    def stuck(self) -> bool:
        return self.status == "CANCELLED" and self.paid > 0


class ShopModel(RuleBasedStateMachine):
    """`on_hand` and the orders are the whole model."""

    @initialize(saga=SAGAS, capture=CAPTURES)
    def begin(self, saga: SagaName, capture: Capture) -> None:
        self.runner = asyncio.Runner()
        self.path = Path(tempfile.mkdtemp(prefix="sagamore-model-"))
        self.on_hand = self.calls = 0
        self.orders: dict[str, Expected] = {}

        async def make() -> World:
            clock = ManualClock()
            world = World(self.path / "shop", OrderSettings(saga=saga, capture=capture), clock, Bank(clock))
            await world.open()
            return world

        self.world = self.runner.run(make())

    def do(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Call, and let all that follows come to its end."""

        async def life() -> Any:
            answers: list[Any] = []

            async def one() -> None:
                try:
                    answers.append(await call)
                except IllegalTransition:
                    answers.append(None)

            assert await self.world.live(one())
            return answers[0]

        return self.runner.run(life())

    def key(self) -> str:
        self.calls += 1
        return f"call {self.calls}"

    @property
    def reserved(self) -> int:
        return sum(o.quantity for o in self.orders.values() if o.status == "CONFIRMED" and not o.shipped)

    @rule(quantity=st.integers(1, 8))
    def receive(self, quantity: int) -> None:
        self.do(self.world.shop.inventory.receive("MUG", quantity, reason="in", idempotency_key=self.key()))
        self.on_hand += quantity

    @precondition(lambda self: self.on_hand)
    @rule(quantity=st.integers(1, 4), method=METHODS)
    def place(self, quantity: int, method: str) -> None:
        order = self.do(
            self.world.shop.orders.place(
                user_id="ann",
                lines=[Line("MUG", quantity, Money("5.00", "GBP"))],
                payment_method=method,
                check_stock=False,
                idempotency_key=self.key(),
            )
        )
        enough = quantity <= self.on_hand - self.reserved
        expected = Expected(quantity, method, "CONFIRMED" if enough and method != "pm_refused" else "CANCELLED")
        if expected.status == "CONFIRMED" or self._keeps_money(method):
            expected.paid = quantity * PRICE
        self.orders[order.id] = expected

    def _keeps_money(self, method: str) -> bool:
        """Charged before its stock was refused, and the bank takes no refund."""
        settings = self.world.settings
        return method == "pm_refund_refused" and settings.saga == "pay_first" and settings.capture == "at_once"

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        order_id, order = self._any(data)
        answer = self.do(self.world.shop.orders.cancel(order_id, idempotency_key=self.key()))
        assert (answer is None) == order.shipped
        if order.status == "CONFIRMED" and not order.shipped:
            order.status = "CANCELLED"
            order.paid = order.paid if order.method == "pm_refund_refused" else 0

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), amount=st.integers(1, 3000))
    def refund(self, data: st.DataObject, amount: int) -> None:
        order_id, order = self._any(data)
        money = Money.of_minor(amount, "GBP")
        answer = self.do(self.world.shop.orders.refund(order_id, money, reason="chip", idempotency_key=self.key()))
        assert (answer is not None) == (order.status == "CONFIRMED" and amount <= order.paid)
        if answer is not None and order.method != "pm_refund_refused":
            order.paid -= amount

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def ship(self, data: st.DataObject) -> None:
        order_id, order = self._any(data)
        answer = self.do(self.world.shop.orders.ship(order_id, idempotency_key=self.key()))
        assert (answer is not None) == (order.status == "CONFIRMED" and not order.shipped)
        if answer is not None:
            order.shipped, self.on_hand = True, self.on_hand - order.quantity

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), quantity=st.integers(1, 4), restock=st.booleans())
    def come_back(self, data: st.DataObject, quantity: int, restock: bool) -> None:
        order_id, order = self._any(data)
        back = self.world.shop.orders.return_goods
        answer = self.do(back(order_id, {"MUG": quantity}, restock=restock, idempotency_key=self.key()))
        assert (answer is not None) == (order.shipped and quantity <= order.quantity - order.returned)
        if answer is not None:
            order.returned += quantity
            self.on_hand += quantity * restock

    @rule()
    def die(self) -> None:
        async def again() -> None:
            await self.world.kill()
            await self.world.open()

        self.runner.run(again())

    def _any(self, data: st.DataObject) -> tuple[str, Expected]:
        order_id = data.draw(st.sampled_from(list(self.orders)))
        return order_id, self.orders[order_id]

    @invariant()
    def stock_and_money_are_as_expected(self) -> None:
        async def look() -> None:
            stock = await self.world.engine.read("inventory", "stock:MUG")
            assert stock == (Stock("MUG", self.on_hand, self.reserved) if stock or self.on_hand else None)
            for order_id, expected in self.orders.items():
                order = await self.world.shop.orders.get(order_id)
                assert (order.status, self.world.bank.net(order_id)) == (expected.status, expected.paid)
                settlement = "STUCK" if expected.stuck else "SETTLED"
                assert order.settlement == ("" if order.status == "CONFIRMED" else settlement)
            assert self.world.bank.violations == []

        if hasattr(self, "world"):
            self.runner.run(look())

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.runner.run(self.world.stop())
            self.runner.close()
            shutil.rmtree(self.path)


TestShopModel = ShopModel.TestCase
TestShopModel.settings = settings(max_examples=8, stateful_step_count=15, deadline=None, print_blob=True)
