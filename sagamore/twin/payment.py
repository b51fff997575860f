"""Payments, refunds and events as they stand on the wire. Amounts are integer minor units of the currency.

A refusal says why twice: `code` for programs, `message` for people. What is empty is left out of the JSON.
"""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

PaymentStatus = Literal["captured", "authorised", "action_required", "pending", "refused", "voided", "lapsed"]
RefundStatus = Literal["succeeded", "pending", "refused", "failed"]
EventType = Literal["payment.captured", "payment.authorised", "payment.refused", "payment.lapsed", "refund.failed"]

MESSAGES = {
    "action_cancelled": "the customer did not confirm the payment",
    "already_captured": "the payment was captured; refund it instead",
    "capture_exceeds": "the amount is more than was authorised",
    "capture_refused": "the issuer refused the capture; the authorisation is gone",
    "card_declined": "the card was declined",
    "lapsed": "the authorisation has lapsed",
    "not_authorised": "the payment is not authorised",
    "refund_exceeds": "the amount is more than what is left of the charge",
    "refund_failed": "the customer's bank returned the refund",
    "refund_refused": "the customer's bank does not take this refund",
    "refused": "the payment was refused",
    "voided": "the payment was voided",
}


class NextAction(Struct):
    """What the customer must do: POST {"outcome"} to `url`."""

    type: str
    url: str


class Payment(Struct, omit_defaults=True):
    """As on the wire. Amounts are integer minor units; `refunded` counts pending refunds until they fail."""

    id: str
    reference: str
    status: PaymentStatus
    amount: int
    captured: int
    refunded: int
    currency: str
    method: str
    capture: bool
    code: str = ""
    message: str = ""
    capture_before: str = ""
    next_action: NextAction | None = None
    metadata: dict[str, str] = {}

    @property
    def left(self) -> int:
        """What can still be refunded."""
        return self.captured - self.refunded

    @property
    def live(self) -> bool:
        """It holds or has the customer's money."""
        return self.status == "authorised" or self.left > 0


class Refund(Struct, omit_defaults=True):
    """As on the wire; `id` is ours, `refund_id` the merchant's."""

    id: str
    refund_id: str
    payment: str
    status: RefundStatus
    amount: int
    code: str = ""
    message: str = ""


class Event(Struct, omit_defaults=True):
    """What happened without the merchant asking; `number` runs 1, 2, 3."""

    number: int
    type: EventType
    at: str
    payment: Payment
    refund: Refund | None = None
    late: bool = False


def rfc3339(at_ms: int) -> str:
    """A time in UTC with milliseconds, such as 2026-01-31T09:30:00.000Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
