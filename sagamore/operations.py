"""The fixed table of operations: all that the control socket takes."""

import os
from functools import reduce
from operator import or_
from typing import Any, ClassVar

import msgspec

from sagamore.actors.money import Money
from sagamore.actors.orders.payment_messages import Resolution
from sagamore.actors.text import shown
from sagamore.engine.errors import InvalidInput
from sagamore.notification_operations import (
    CancelNotification,
    EraseUser,
    PublishEvent,
    SetUser,
    StartBroadcast,
    Subscribe,
    Unsubscribe,
)
from sagamore.operation import Operation
from sagamore.order_operations import CancelOrder, PlaceOrder, RefundOrder, ShipOrder
from sagamore.shop import Shop
from sagamore.views import HealthView, LetterView, PaymentView, StockView


class _StockChange(Operation, frozen=True, kw_only=True):
    answer: ClassVar[type[Any]] = StockView
    product_id: str
    reason: str
    by: str = ""
    idempotency_key: str | None = None


class ReceiveStock(_StockChange, frozen=True, kw_only=True, tag="stock.receive"):
    """A delivery."""

    quantity: int

    async def run(self, shop: Shop) -> StockView:
        """At the door of inventory."""
        key = self.idempotency_key
        stock = await shop.inventory.receive(
            self.product_id, self.quantity, reason=self.reason, by=self.by, idempotency_key=key
        )
        return StockView.of(stock)


class SetStock(_StockChange, frozen=True, kw_only=True, tag="stock.set"):
    """A count of the shelf; `expected` is what it corrects."""

    on_hand: int
    expected: int

    async def run(self, shop: Shop) -> StockView:
        """At the door of inventory."""
        key, expected = self.idempotency_key, self.expected
        stock = await shop.inventory.set(
            self.product_id, self.on_hand, expected=expected, reason=self.reason, by=self.by, idempotency_key=key
        )
        return StockView.of(stock)


class AdjustStock(_StockChange, frozen=True, kw_only=True, tag="stock.adjust"):
    """A correction, signed."""

    quantity: int

    async def run(self, shop: Shop) -> StockView:
        """At the door of inventory."""
        key = self.idempotency_key
        stock = await shop.inventory.adjust(
            self.product_id, self.quantity, reason=self.reason, by=self.by, idempotency_key=key
        )
        return StockView.of(stock)


class ResolvePayment(Operation, frozen=True, kw_only=True, tag="payments.resolve"):
    """What the provider's records show. `amount` is in major units; empty is all that was asked for."""

    answer: ClassVar[type[Any]] = PaymentView
    order_id: str
    outcome: Resolution
    reference: str
    by: str
    amount: str = ""

    async def run(self, shop: Shop) -> PaymentView:
        """At the door of payments."""
        payment = await shop.payments.get(self.order_id)
        minor = Money(self.amount, payment.currency).minor if self.amount else 0
        return PaymentView.of(
            await shop.payments.resolve(
                self.order_id, outcome=self.outcome, reference=self.reference, by=self.by, amount=minor
            )
        )


class ReplayLetter(Operation, frozen=True, kw_only=True, tag="dead_letters.replay"):
    """Send a dead letter again, once."""

    answer: ClassVar[type[Any]] = LetterView
    letter: str
    by: str

    async def run(self, shop: Shop) -> LetterView:
        """At the door of dead letters."""
        return LetterView.of(await shop.dead_letters.replay(self.letter, by=self.by))


class DiscardLetter(Operation, frozen=True, kw_only=True, tag="dead_letters.discard"):
    """Never send it."""

    answer: ClassVar[type[Any]] = LetterView
    letter: str
    by: str
    reason: str

    async def run(self, shop: Shop) -> LetterView:
        """At the door of dead letters."""
        return LetterView.of(await shop.dead_letters.discard(self.letter, by=self.by, reason=self.reason))


class GetHealth(Operation, frozen=True, kw_only=True, tag="health"):
    """Of the running process."""

    answer: ClassVar[type[Any]] = HealthView

    async def run(self, shop: Shop) -> HealthView:
        """What the shop says of itself."""
        health = shop.health()
        return HealthView(health.status, f"process {os.getpid()}", os.getpid(), health.problems)


OPERATIONS = (
    PlaceOrder, CancelOrder, RefundOrder, ShipOrder, ReceiveStock, SetStock, AdjustStock, ResolvePayment, ReplayLetter,
    DiscardLetter, GetHealth, PublishEvent, CancelNotification, SetUser, EraseUser, Subscribe, Unsubscribe,
    StartBroadcast,
)  # fmt: skip
REQUEST_BYTES_SHOWN = 200
_any: Any = reduce(or_, OPERATIONS)
_decoder = msgspec.json.Decoder(_any)


def decode_operation(line: bytes) -> Operation:
    """The operation that a line of JSON asks for. Raises InvalidInput."""
    try:
        operation: Operation = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        begins = line[:REQUEST_BYTES_SHOWN].decode(errors="replace")
        raise InvalidInput("request", shown(begins), f"an operation in a line of JSON: {shown(str(error))}") from error
    return operation
