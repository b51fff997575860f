"""What programs outside see of orders, payments, stock and the rest: JSON in camelCase.

Money is `{"amount": "12.50", "currency": "GBP"}`, a time RFC 3339 with milliseconds and `Z`, or null for never. The
command line's `--json` and the control socket speak these.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, Self

import msgspec

from sagamore.actors.money import Money
from sagamore.actors.orders.order import Order, Refund
from sagamore.actors.orders.payment import Payment
from sagamore.actors.orders.payment_messages import NextAction
from sagamore.actors.orders.stock import Stock
from sagamore.engine.dead_letters import DeadLetter
from sagamore.engine.envelope import Address
from sagamore.engine.ports import AlertRow


class View(msgspec.Struct, frozen=True, rename="camel"):
    """Camel case, all fields always there."""


class MoneyView(View, frozen=True):
    """`amount` in major units, with all decimals of the currency."""

    amount: str
    currency: str

    @classmethod
    def of(cls, minor: int, currency: str) -> Self:
        """Of so many minor units; a payment that was closed before it began has no currency, and nothing moved."""
        if not currency:
            return cls(amount=str(minor), currency="")
        return cls(amount=Money.of_minor(minor, currency).amount, currency=currency)

    def money(self) -> Money:
        """Checked. Raises InvalidInput."""
        return Money(self.amount, self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class LineView(View, frozen=True):
    """So many of one product."""

    product_id: str
    quantity: int
    unit_price: MoneyView


class ChargeView(View, frozen=True):
    """Shipping, tax, discount, adjustment."""

    kind: str
    amount: MoneyView


class RefundView(View, frozen=True):
    """A refund that was asked for."""

    id: str
    amount: MoneyView
    status: str
    reason: str
    refusal: str

    @classmethod
    def of(cls, refund: Refund, currency: str) -> Self:
        """A refund of an order in that currency."""
        return cls(
            id=refund.id, amount=MoneyView.of(refund.amount, currency), status=refund.status, reason=refund.reason,
            refusal=refund.refusal,
        )  # fmt: skip


class OrderView(View, frozen=True):
    """An order as last committed."""

    id: str
    user_id: str
    reference: str
    status: str
    state: str
    payment: str
    settlement: str
    fulfilment: str
    reason: str
    cancelled_by: str
    refusal: str
    lines: tuple[LineView, ...]
    charges: tuple[ChargeView, ...]
    amount: MoneyView
    captured: MoneyView
    refunded: MoneyView
    refundable: MoneyView
    refunds: tuple[RefundView, ...]
    next_action: NextAction | None
    metadata: Mapping[str, str]
    saga: str
    capture: str
    placed_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    pay_by: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    tracking: str
    returned: Mapping[str, int]
    version: int

    @classmethod
    def of(cls, order: Order) -> Self:
        """The view of an order."""

        def money(minor: int) -> MoneyView:
            return MoneyView.of(minor, order.currency)

        return cls(
            id=order.id, user_id=order.user_id, reference=order.reference, status=order.status, state=order.state,
            payment=order.payment, settlement=order.settlement, fulfilment=order.fulfilment, reason=order.reason,
            cancelled_by=order.cancelled_by, refusal=order.snapshot.refusal,
            lines=tuple(
                LineView(product_id=line.product_id, quantity=line.quantity, unit_price=money(line.unit_price))
                for line in order.lines
            ),
            charges=tuple(ChargeView(kind=charge.kind, amount=money(charge.amount)) for charge in order.charges),
            amount=money(order.amount), captured=money(order.snapshot.captured), refunded=money(order.refunded),
            refundable=money(order.refundable),
            refunds=tuple(RefundView.of(refund, order.currency) for refund in order.refunds),
            next_action=order.next_action, metadata=dict(order.metadata), saga=order.saga, capture=order.capture,
            placed_at=time_of(order.placed_at_ms), created_at=time_of(order.created_at_ms),
            updated_at=time_of(order.updated_at_ms), pay_by=time_of(order.pay_by_ms),
            shipped_at=time_of(order.shipped_at_ms), delivered_at=time_of(order.delivered_at_ms),
            tracking=order.tracking, returned={line.product_id: line.quantity for line in order.returned},
            version=order.version,
        )  # fmt: skip


class PaymentView(View, frozen=True):
    """An order's payment. `parked` names the operation whose outcome only a person can find out."""

    id: str
    order_id: str
    state: str
    attempt: int
    amount: MoneyView
    captured: MoneyView
    refunded: MoneyView
    left: MoneyView
    unknown: bool
    parked: str
    refusal: str
    provider_id: str

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """The view of a payment."""
        currency = payment.currency
        return cls(
            id=payment.id, order_id=payment.order_id, state=payment.state, attempt=payment.attempt,
            amount=MoneyView.of(payment.amount, currency), captured=MoneyView.of(payment.captured, currency),
            refunded=MoneyView.of(payment.refunded, currency), left=MoneyView.of(payment.left, currency),
            unknown=payment.unknown, parked="" if payment.parked is None else payment.parked.operation,
            refusal=payment.refusal, provider_id=payment.provider_id,
        )  # fmt: skip


class StockView(View, frozen=True):
    """What there is of one product."""

    product_id: str
    on_hand: int
    reserved: int
    available: int

    @classmethod
    def of(cls, stock: Stock) -> Self:
        """The view of a stock."""
        return cls(
            product_id=stock.product_id, on_hand=stock.on_hand, reserved=stock.reserved, available=stock.available
        )


class AttemptView(View, frozen=True):
    """One attempt that failed."""

    at: datetime | None
    error: str


class LetterView(View, frozen=True):
    """A dead letter; `story` is what `trace` tells, `body` the message as stored."""

    id: str
    status: str
    address: Address
    sender: Address
    story: str
    message_id: str
    message_type: str
    body: str
    effect: str
    attempts: tuple[AttemptView, ...]
    buried_at: datetime | None
    replays: int
    closed_by: str
    reason: str

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """The view of a letter."""
        return cls(
            id=letter.id, status=letter.status, address=letter.address, sender=letter.sender, story=letter.correlation,
            message_id=letter.message_id, message_type=letter.message_type, body=letter.body, effect=letter.effect,
            attempts=tuple(AttemptView(at=time_of(tried.at_ms), error=tried.error) for tried in letter.attempts),
            buried_at=time_of(letter.buried_at_ms), replays=letter.replays, closed_by=letter.closed_by,
            reason=letter.reason,
        )  # fmt: skip


class AlertView(View, frozen=True):
    """A condition that stands, raised `count` times."""

    name: str
    subject: str
    actor: Address
    since: datetime | None
    count: int
    advice: str

    @classmethod
    def of(cls, actor: Address, row: AlertRow) -> Self:
        """The view of an alert of that partition."""
        return cls(
            name=row.name, subject=row.subject, actor=actor, since=time_of(row.since_ms), count=row.count,
            advice=row.advice,
        )  # fmt: skip


class HealthView(View, frozen=True):
    """Whether someone should look, a problem a line; `pid` is the owner's, null on a stopped directory; `runBy` says it
    in words."""

    status: Literal["GREEN", "YELLOW", "RED"]
    run_by: str
    pid: int | None
    problems: tuple[str, ...]


def time_of(at_ms: int) -> datetime | None:
    """Unix milliseconds as a time; 0 is never."""
    return datetime.fromtimestamp(at_ms / 1000, UTC) if at_ms else None
