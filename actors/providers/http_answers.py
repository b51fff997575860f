"""What the provider behind `http_payments.py` says on the wire, and what it means.

200                                                     Succeeded
402                                                     Declined: a definitive no, and how the payment stands
400 invalid_request                                     Declined: refused at the door, as it always will be
429                                                     Throttled
3xx, 404, 409, 5xx, another request's key, not JSON     Unknown: it may have happened
"""

from datetime import datetime
from typing import Literal

import msgspec

from sagamore.actors.orders.payment_messages import NextAction, PaymentEvent
from sagamore.actors.orders.payment_provider import PaymentAnswer, Status, declined, succeeded
from sagamore.actors.providers.http_client import RETRY_AFTER_MAX_MS, SHOWN_CHARACTERS_MAX
from sagamore.engine.effect import Outcome, Throttled, Unknown

RETRY_AFTER_DEFAULT_MS = 1_000  # where the provider does not say

_STATUSES: dict[str, Status] = {
    "captured": "captured", "authorised": "authorised", "action_required": "action_required", "pending": "pending",
    "refused": "refused", "voided": "voided", "lapsed": "voided",
}  # fmt: skip
_REFUND_STATUSES: dict[str, Status] = {
    "succeeded": "refunded", "pending": "refund_pending", "refused": "refused", "failed": "refused",
}  # fmt: skip
_EventKind = Literal["captured", "authorised", "refused", "lapsed", "refund_failed"]
_EVENTS: dict[str, _EventKind] = {
    "payment.captured": "captured", "payment.authorised": "authorised", "payment.refused": "refused",
    "payment.lapsed": "lapsed", "refund.failed": "refund_failed",
}  # fmt: skip


class _Action(msgspec.Struct):
    type: str
    url: str


class WirePayment(msgspec.Struct):
    """A payment; `amount` is what was asked for, what is empty is left out."""

    id: str
    reference: str
    status: Literal["captured", "authorised", "action_required", "pending", "refused", "voided", "lapsed"]
    amount: int
    captured: int
    refunded: int
    code: str = ""
    message: str = ""
    capture_before: str = ""
    next_action: _Action | None = None
    metadata: dict[str, str] = {}

    def answer(self, base_url: str) -> PaymentAnswer:
        """The payment as the payments actor takes it."""
        action = self.next_action
        return PaymentAnswer(
            _STATUSES[self.status],
            self.captured if self.status == "captured" else self.amount,
            self.captured,
            self.refunded,
            self.id,
            self.code,
            self.message,
            NextAction(action.type, base_url + action.url) if action else None,
            int(datetime.fromisoformat(self.capture_before).timestamp() * 1000) if self.capture_before else 0,
        )


class WireRefund(msgspec.Struct):
    """A refund; `refund_id` is ours."""

    refund_id: str
    payment: str
    status: Literal["succeeded", "pending", "refused", "failed"]
    amount: int
    code: str = ""
    message: str = ""

    def answer(self, _: str) -> PaymentAnswer:
        """The refund as the payments actor takes it."""
        status = _REFUND_STATUSES[self.status]
        return PaymentAnswer(status, self.amount, provider_id=self.payment, code=self.code, message=self.message)


class WirePayments(msgspec.Struct):
    """All payments of one reference."""

    payments: list[WirePayment]


class WireRefunds(msgspec.Struct):
    """All refunds of one payment."""

    refunds: list[WireRefund]


class _Event(msgspec.Struct):
    number: int
    type: Literal["payment.captured", "payment.authorised", "payment.refused", "payment.lapsed", "refund.failed"]
    payment: WirePayment
    refund: WireRefund | None = None

    def message(self) -> PaymentEvent:
        """For the payments actor."""
        refund = self.refund
        attempt = self.payment.metadata.get("attempt", "")
        return PaymentEvent(
            self.payment.reference,
            f"evt_{self.number}",
            _EVENTS[self.type],
            refund.amount if refund else self.payment.amount,
            refund.refund_id if refund else "",
            self.payment.id,
            int(attempt) if attempt.isdecimal() else 0,
        )


class WireEvents(msgspec.Struct):
    """What happened unasked; ask again after `last`."""

    events: list[_Event]
    last: int


class _Error(msgspec.Struct):
    code: str = ""
    message: str = ""
    retry_after_ms: int = 0


def outcome_of(
    status: int, body: bytes, kind: type[WirePayment | WireRefund], base_url: str, *, stands: Status = "refused"
) -> Outcome:
    """The outcome of a call that was answered with a payment or a refund, or was not; `stands` is how the payment (or
    the refund) stands where the call was refused at the door."""
    if status in (200, 402):
        try:
            answer = msgspec.json.decode(body, type=kind).answer(base_url)
        except (msgspec.MsgspecError, ValueError):
            return Unknown(f"{status} with a body that cannot be read: {body[:SHOWN_CHARACTERS_MAX]!r}")
        return succeeded(answer) if status == 200 else declined(answer)
    error = _error(body)
    if status == 429:
        wait_ms = error.retry_after_ms if error.retry_after_ms > 0 else RETRY_AFTER_DEFAULT_MS
        return Throttled(min(wait_ms, RETRY_AFTER_MAX_MS))
    if status == 400 and error.code == "invalid_request":
        return declined(PaymentAnswer(stands, code=error.code, message=error.message))
    return Unknown(f"{status} {error.code}: {error.message}"[:SHOWN_CHARACTERS_MAX])


def _error(body: bytes) -> _Error:
    try:
        return msgspec.json.decode(body, type=_Error)
    except (msgspec.MsgspecError, ValueError):
        return _Error(message=repr(body[:SHOWN_CHARACTERS_MAX]))
