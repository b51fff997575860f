"""The operations on orders: place, cancel, refund and ship. All but the last may wait: for the order to come to rest,
or for the provider's answer to the refund."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from sagamore.actors.checks import check_whole
from sagamore.actors.money import Money
from sagamore.actors.orders.door import Charge, Line
from sagamore.actors.orders.order import Order, Refund
from sagamore.engine.runtime.deadline import Deadline
from sagamore.operation import Operation
from sagamore.shop import Shop
from sagamore.views import ChargeView, LineView, OrderView, RefundView

WAIT_MS_MAX = 60_000  # a client that has gone holds its connection for as long as it wanted to wait


class PlaceOrder(Operation, frozen=True, kw_only=True, tag="orders.place"):
    """Place an order, and wait so long for it to come to rest."""

    answer: ClassVar[type[Any]] = OrderView
    user_id: str
    lines: tuple[LineView, ...]
    charges: tuple[ChargeView, ...] = ()
    payment_method: str = ""
    reference: str = ""
    metadata: Mapping[str, str] = {}
    pay_by: datetime | None = None
    idempotency_key: str | None = None
    wait_ms: int = 0

    async def run(self, shop: Shop) -> OrderView:
        """At the door of orders."""
        check_whole("waitMs", self.wait_ms, 0, WAIT_MS_MAX)
        order = await shop.orders.place(
            user_id=self.user_id,
            lines=[Line(line.product_id, line.quantity, line.unit_price.money()) for line in self.lines],
            charges=[Charge(charge.kind, charge.amount.money()) for charge in self.charges],
            payment_method=self.payment_method, reference=self.reference, metadata=self.metadata, pay_by=self.pay_by,
            idempotency_key=self.idempotency_key,
        )  # fmt: skip
        return OrderView.of(await _until(at_rest, shop, order, self.wait_ms))


class CancelOrder(Operation, frozen=True, kw_only=True, tag="orders.cancel"):
    """Cancel an order and undo everything; `by` is the operator, empty if the customer wished it."""

    answer: ClassVar[type[Any]] = OrderView
    order_id: str
    by: str = ""
    idempotency_key: str | None = None
    wait_ms: int = 0

    async def run(self, shop: Shop) -> OrderView:
        """At the door of orders."""
        check_whole("waitMs", self.wait_ms, 0, WAIT_MS_MAX)
        order = await shop.orders.cancel(self.order_id, by=self.by, idempotency_key=self.idempotency_key)
        return OrderView.of(await _until(at_rest, shop, order, self.wait_ms))


class RefundOrder(Operation, frozen=True, kw_only=True, tag="orders.refund"):
    """Give part of the money back, and wait so long for the provider's answer. `amount` is in major units; without a
    currency it is the order's."""

    answer: ClassVar[type[Any]] = RefundView
    order_id: str
    amount: str
    currency: str = ""
    reason: str
    idempotency_key: str | None = None
    wait_ms: int = 0

    async def run(self, shop: Shop) -> RefundView:
        """At the door of orders."""
        check_whole("waitMs", self.wait_ms, 0, WAIT_MS_MAX)
        order = await shop.orders.get(self.order_id)
        amount = Money(self.amount, self.currency or order.currency)
        asked = await shop.orders.refund(
            self.order_id, amount, reason=self.reason, idempotency_key=self.idempotency_key
        )

        def refund_of(order: Order) -> Refund:
            return next((refund for refund in order.refunds if refund.id == asked.id), asked)

        def answered(order: Order) -> bool:
            return refund_of(order).status != "REQUESTED"

        order = await _until(answered, shop, await shop.orders.get(self.order_id), self.wait_ms)
        return RefundView.of(refund_of(order), order.currency)


class ShipOrder(Operation, frozen=True, kw_only=True, tag="orders.ship"):
    """All that was ordered leaves."""

    answer: ClassVar[type[Any]] = OrderView
    order_id: str
    tracking: str = ""
    idempotency_key: str | None = None

    async def run(self, shop: Shop) -> OrderView:
        """At the door of orders."""
        return OrderView.of(
            await shop.orders.ship(self.order_id, tracking=self.tracking, idempotency_key=self.idempotency_key)
        )


def at_rest(order: Order) -> bool:
    """Whether the next move, if there is one, is a person's."""
    if order.state == "AWAITING_PAYMENT" or order.payment in ("ACTION_REQUIRED", "STUCK"):
        return True
    asked = any(refund.status == "REQUESTED" for refund in order.refunds)
    return order.status != "PENDING" and order.settlement != "DUE" and not asked


async def _until(reached: Callable[[Order], bool], shop: Shop, order: Order, wait_ms: int) -> Order:
    """The order once it has come so far, or as it is when the time is up."""
    if not wait_ms or reached(order):
        return order
    clock = shop.engine.clock
    try:
        with Deadline(clock, clock.now_ms() + wait_ms):
            async for changed in shop.orders.changes(order.id):
                order = changed
                if reached(order):
                    break
    except TimeoutError:
        pass  # it goes on by itself; what it has come to is the answer
    return order
