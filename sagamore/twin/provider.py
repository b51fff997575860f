"""The rules of the card provider: what a request does to the books, and what it is answered.

Each method decides, lets the ledger count the movement, and gives back both for the journal. A refusal is an answer
with status 402 and no movement unless it changes something; its body is the payment as it is, with the refusal's
`code` and `message`. Bounds and types are checked when a request is decoded.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.structs import replace

from sagamore.twin.errors import Rejected
from sagamore.twin.faults import Draw, FaultSettings
from sagamore.twin.idempotency import Answer
from sagamore.twin.ledger import Ledger
from sagamore.twin.movement import Changed, Movement, Opened, Refunded, RefundFailed
from sagamore.twin.payment import MESSAGES, Payment, Refund, RefundStatus

Amount = Annotated[int, Meta(ge=1, le=2**53 - 1)]  # minor units; beyond it JSON readers begin to round
Name = Annotated[str, Meta(min_length=1, max_length=255)]
WAITING = ("action_required", "pending")  # for the customer, or for the customer's bank


class Pay(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/payments."""

    reference: Name
    amount: Amount
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    method: Name
    capture: bool
    metadata: dict[str, str] = {}


class Capture(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/payments/{id}/capture; what is not captured of the authorisation is released."""

    amount: Amount


class Void(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/payments/{id}/void."""


class RefundPart(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/payments/{id}/refunds."""

    refund_id: Name
    amount: Amount


class Complete(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/payments/{id}/complete. late: also when the payment is over, as money that turns up does."""

    outcome: Literal["captured", "refused"]
    late: bool = False


class Done(Struct, frozen=True):
    """A request's movement and answer."""

    movement: Movement | None
    answer: Answer

    @property
    def outcome(self) -> str:
        """The status that this brought about, for statistics."""
        if isinstance(self.movement, Opened | Changed | Refunded):
            return self.movement.status
        return "refused" if self.answer.status == 402 else "unchanged"


class Provider:
    """One card provider with one merchant."""

    def __init__(self, ledger: Ledger, authorisation_ttl_ms: int) -> None:
        self.ledger = ledger
        self._authorisation_ttl_ms = authorisation_ttl_ms
        self._refunds = sum(len(refunds) for refunds in ledger.refunds.values())

    def find(self, payment: str) -> Payment:
        """Raises: Rejected: 404."""
        found = self.ledger.payments.get(payment)
        if found is None:
            raise Rejected(404, "not_found", f"there is no payment {payment}")
        return found

    def pay(self, request: Pay, draw: Draw, settings: FaultSettings, now_ms: int) -> Done:
        """Charge or authorise, or say why not or not yet."""
        payment = f"pay_{len(self.ledger.payments) + 1:08d}"
        opened = Opened(
            payment=payment,
            reference=request.reference,
            status="captured" if request.capture else "authorised",
            amount=request.amount,
            currency=request.currency,
            method=request.method,
            capture=request.capture,
            metadata=request.metadata,
            due_ms=None if request.capture else now_ms + self._authorisation_ttl_ms,
        )
        settles_ms = None if settings.settles_after_ms is None else now_ms + settings.settles_after_ms
        match draw.verdict:
            case "refuse":
                opened = replace(opened, status="refused", code="card_declined", due_ms=None)
            case "action":
                opened = replace(opened, status="action_required", due_ms=settles_ms)
            case "pending":
                opened = replace(opened, status="pending", due_ms=settles_ms)
        return self._move(opened, 402 if draw.verdict == "refuse" else 200, now_ms)

    def capture(self, payment: Payment, request: Capture, draw: Draw, now_ms: int) -> Done:
        """Take what was authorised, once."""
        if payment.status != "authorised":
            codes = {"captured": "already_captured", "voided": "voided", "lapsed": "lapsed", "refused": "refused"}
            return _refused(payment, codes.get(payment.status, "not_authorised"))
        if request.amount > payment.amount:
            return _refused(payment, "capture_exceeds")
        if draw.verdict == "refuse":
            return self._move(Changed(payment.id, "refused", code="capture_refused"), 402, now_ms)
        return self._move(Changed(payment.id, "captured", captured=request.amount), 200, now_ms)

    def void(self, payment: Payment, now_ms: int) -> Done:
        """Give up what is not captured; 200 whenever nothing is held afterwards."""
        if payment.status == "captured":
            return _refused(payment, "already_captured")
        if payment.status == "authorised" or payment.status in WAITING:
            return self._move(Changed(payment.id, "voided"), 200, now_ms)
        return Done(None, Answer(200, _json(payment)))

    def refund(self, payment: Payment, request: RefundPart, draw: Draw, settings: FaultSettings, now_ms: int) -> Done:
        """Give back up to what is left. A refused refund is kept and listed too."""
        status: RefundStatus = "succeeded"
        code, due_ms = "", None
        if request.amount > payment.left:
            status, code = "refused", "refund_exceeds"
        elif draw.verdict == "refuse":
            status, code = "refused", "refund_refused"
        elif draw.verdict == "refund_fails_later":
            status, due_ms = "pending", now_ms + settings.refund_fails_after_ms
        self._refunds += 1
        refund = f"ref_{self._refunds:08d}"
        refunded = Refunded(payment.id, refund, request.refund_id, status, request.amount, code, due_ms)
        self.ledger.apply(refunded, now_ms)
        body = _json(self.ledger.refunds[payment.id][refund])
        return Done(refunded, Answer(402 if status == "refused" else 200, body))

    def complete(self, payment: Payment, request: Complete, now_ms: int) -> Done:
        """The customer did what was asked, or money turned up late.

        Raises:
            Rejected: 409, nothing waits for the customer.
        """
        waits = payment.status in WAITING
        if not waits and not (request.late and payment.status in ("refused", "voided", "lapsed")):
            raise Rejected(409, "not_completable", f"{payment.id} is {payment.status}")
        completed = self._completed(payment, request.outcome == "captured", not waits, now_ms)
        return self._move(completed, 200, now_ms)

    def take_due(self, now_ms: int) -> list[Movement]:
        """What the provider does by itself: authorisations lapse, payments settle, refunds come back."""
        movements: list[Movement] = []
        for payment_id, item in list(self.ledger.take_due(now_ms)):
            payment = self.ledger.payments[payment_id]
            if item != payment_id:
                movements.append(RefundFailed(payment_id, item))
            elif payment.status == "authorised":
                movements.append(Changed(payment_id, "lapsed", event=True))
            else:
                assert payment.status in WAITING, f"{payment_id} is {payment.status} and yet due"
                movements.append(self._completed(payment, True, False, now_ms))
            self.ledger.apply(movements[-1], now_ms)
        return movements

    def _completed(self, payment: Payment, paid: bool, late: bool, now_ms: int) -> Changed:
        if not paid:
            return Changed(payment.id, "refused", code="action_cancelled", event=True, late=late)
        if payment.capture:
            return Changed(payment.id, "captured", captured=payment.amount, event=True, late=late)
        return Changed(payment.id, "authorised", due_ms=now_ms + self._authorisation_ttl_ms, event=True, late=late)

    def _move(self, movement: Opened | Changed, status: int, now_ms: int) -> Done:
        self.ledger.apply(movement, now_ms)
        return Done(movement, Answer(status, _json(self.ledger.payments[movement.payment])))


def _refused(payment: Payment, code: str) -> Done:
    return Done(None, Answer(402, _json(replace(payment, code=code, message=MESSAGES[code]))))


def _json(row: Payment | Refund) -> Raw:
    return Raw(msgspec.json.encode(row))
