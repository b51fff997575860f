"""The events that orders publish, as notifications tell them: ORDER_CREATED, ORDER_CONFIRMED, ORDER_CANCELLED,
ORDER_SHIPPED, PAYMENT_FAILED and REFUND_ISSUED, in the category `orders`.

Amounts are told as text with their currency; ids only, since orders keep nothing personal.
"""

from collections.abc import Callable
from typing import Any

from sagamore.actors.money import Money
from sagamore.actors.notifications.event_type import Category, EventType
from sagamore.actors.orders.order_messages import (
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderShipped,
    PaymentFailed,
    RefundIssued,
)
from sagamore.engine.message import Record

ORDERS = Category(name="orders")


class OrderCreatedData(Record, tag="ORDER_CREATED", version=1):
    """An order was accepted."""

    order_id: str
    total: str


class OrderConfirmedData(Record, tag="ORDER_CONFIRMED", version=1):
    """Paid and reserved."""

    order_id: str
    total: str


class OrderCancelledData(Record, tag="ORDER_CANCELLED", version=1):
    """`reason` as orders know it, as OUT_OF_STOCK."""

    order_id: str
    reason: str


class OrderShippedData(Record, tag="ORDER_SHIPPED", version=1):
    """The goods left."""

    order_id: str
    tracking: str = ""


class PaymentFailedData(Record, tag="PAYMENT_FAILED", version=1):
    """A payment was refused."""

    order_id: str
    refusal: str


class RefundIssuedData(Record, tag="REFUND_ISSUED", version=1):
    """A refund was accepted by the provider."""

    order_id: str
    refund_id: str
    amount: str


OrderEvent = OrderCreated | OrderConfirmed | OrderCancelled | OrderShipped | PaymentFailed | RefundIssued
_DATA: dict[type[Any], Callable[[Any], Record]] = {
    OrderCreated: lambda e: OrderCreatedData(e.order_id, str(Money.of_minor(e.amount, e.currency))),
    OrderConfirmed: lambda e: OrderConfirmedData(e.order_id, str(Money.of_minor(e.amount, e.currency))),
    OrderCancelled: lambda e: OrderCancelledData(e.order_id, e.reason),
    OrderShipped: lambda e: OrderShippedData(e.order_id, e.tracking),
    PaymentFailed: lambda e: PaymentFailedData(e.order_id, e.refusal),
    RefundIssued: lambda e: RefundIssuedData(e.order_id, e.refund_id, str(Money.of_minor(e.amount, e.currency))),
}
ORDER_EVENTS: tuple[type[Any], ...] = tuple(_DATA)


def order_event_types(channels: tuple[str, ...]) -> tuple[EventType, ...]:
    """Their types, which go to these channels."""
    data = (
        OrderCreatedData, OrderConfirmedData, OrderCancelledData, OrderShippedData, PaymentFailedData, RefundIssuedData,
    )  # fmt: skip
    return tuple(EventType(each, ORDERS.name, channels) for each in data)


def data_of(event: OrderEvent) -> Record:
    """The event's data as notifications have it."""
    return _DATA[type(event)](event)
