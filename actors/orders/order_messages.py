"""What is said to orders, and what orders publishes (SAGAS.md): the messages whose tag begins with `orders`.

Commands are imperative, events past tense. Amounts are integer minor units of the order's currency; ids are text.
"""

from typing import Literal

from sagamore.actors.orders.payment_messages import NextAction
from sagamore.actors.orders.stock_messages import ProductQuantity
from sagamore.engine.message import Message, Record

Reason = Literal[
    "REQUESTED", "PAYMENT_REFUSED", "OUT_OF_STOCK", "EXPIRED", "AUTHORISATION_LAPSED", "OPERATOR"
]  # fmt: skip


class OrderLine(Record, frozen=True):
    """`quantity` of one product at `unit_price`."""

    product_id: str
    quantity: int
    unit_price: int


class OrderCharge(Record, frozen=True):
    """Shipping, tax, discount or adjustment: signed, carried, never computed."""

    kind: str
    amount: int


# --- clients to orders ---


class PlaceOrder(Message, tag="orders.place", version=1):
    """Verified at the door: `amount` is the sum of lines and charges."""

    order_id: str
    user_id: str
    lines: tuple[OrderLine, ...]
    charges: tuple[OrderCharge, ...]
    amount: int
    currency: str
    payment_method: str = ""
    """Empty: pay later, which needs `pay_by_ms`."""
    reference: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    pay_by_ms: int = 0
    placed_at_ms: int = 0
    """When the order was placed where it comes from; 0: now."""


class PayOrder(Message, tag="orders.pay", version=1):
    """Pay, or pay again after a refusal."""

    order_id: str
    payment_method: str


class CancelOrder(Message, tag="orders.cancel", version=1):
    """Cancel and undo everything; `by` is the operator's name for OPERATOR."""

    order_id: str
    reason: Literal["REQUESTED", "OPERATOR"] = "REQUESTED"
    by: str = ""


class RefundOrder(Message, tag="orders.refund", version=1):
    """Give back part of what was paid; the goods stay."""

    order_id: str
    amount: int
    reason: str


class ShipOrder(Message, tag="orders.ship", version=1):
    """All that was ordered leaves."""

    order_id: str
    tracking: str = ""


class DeliverOrder(Message, tag="orders.deliver", version=1):
    """The goods arrived."""

    order_id: str


class ReturnOrder(Message, tag="orders.return", version=1):
    """Goods came back: `amount` is refunded (0: nothing), `restock` puts them on the shelf."""

    order_id: str
    lines: tuple[ProductQuantity, ...]
    amount: int
    restock: bool
    reason: str = ""


# --- its own timer, and what payments and inventory gave up ---


class DeadlinePassed(Message, tag="orders.deadline_passed", version=1):
    """The order's own timer: `pay_by`, `hold_time` or `action_timeout` is over."""

    order_id: str


class UndoAbandoned(Message, tag="orders.undo_abandoned", version=1):
    """A person discarded the dead letter of a compensation: the order stays STUCK, with an alert."""

    order_id: str
    what: str


# --- published ---


class OrderCreated(Message, tag="orders.created", version=1):
    """An order was accepted."""

    order_id: str
    user_id: str
    amount: int
    currency: str


class OrderConfirmed(Message, tag="orders.confirmed", version=1):
    """Paid and reserved."""

    order_id: str
    user_id: str
    amount: int
    currency: str


class OrderCancelled(Message, tag="orders.cancelled", version=1):
    """The decision is irrevocable; `settlement` of the order says when all is undone."""

    order_id: str
    user_id: str
    reason: Reason


class OrderShipped(Message, tag="orders.shipped", version=1):
    """The goods left."""

    order_id: str
    user_id: str
    tracking: str


class PaymentFailed(Message, tag="orders.payment_failed", version=1):
    """A payment was refused."""

    order_id: str
    user_id: str
    attempt: int
    refusal: str


class PaymentActionRequired(Message, tag="orders.payment_action_required", version=1):
    """The customer must act before the payment can go on."""

    order_id: str
    user_id: str
    action: NextAction


class RefundIssued(Message, tag="orders.refund_issued", version=1):
    """A refund was accepted by the provider."""

    order_id: str
    user_id: str
    refund_id: str
    amount: int
    currency: str
