"""A payment in any state, and the messages that reach it."""

from typing import Any

import msgspec

from sagamore.actors.orders.payment import Payment, PaymentEffect, Refund
from sagamore.actors.orders.payment_messages import (
    ClosePayment,
    PaymentEvent,
    PaymentReport,
    RefundPayment,
    RefundReport,
    StartPayment,
)
from sagamore.actors.orders.payment_provider import PaymentAnswer
from sagamore.actors.orders.payments import PaymentsActor
from sagamore.engine.effect import EffectOutcome, Verdict
from sagamore.engine.message import Message, encode
from sagamore.engine.testing import TurnResult
from sagamore.engine.turn import Buried, EffectStarted
from tests.inventory import kit

ACTOR = PaymentsActor()
ORDER = "ord_1"
EFFECT = "eff_1"
PARKED = "eff_parked"
AMOUNT = 1250


def paid(state: Any, **fields: Any) -> Payment:
    """A payment of 12.50 GBP at its first attempt, as the state has it unless said otherwise."""
    captured = AMOUNT if state in ("CAPTURED", "REFUNDING") else 0
    usual: dict[str, Any] = {
        "attempt": 1, "amount": AMOUNT, "currency": "GBP", "captured": captured, "provider_id": "px_1", "revision": 3,
        "authorisation_open": state in ("AUTHORISED", "CAPTURING"),
        "confirmed": ("captured/px_1",) if captured else (),
    }  # fmt: skip
    return Payment("pay_1", ORDER, state, **(usual | fields))


def under_way(state: Any, operation: Any, **fields: Any) -> Payment:
    """The same with an effect under way."""
    refund = fields.pop("refund", None)
    effect = PaymentEffect(EFFECT, operation, refund.id if refund else "")
    return paid(state, effect=effect, refunds=(refund,) if refund else (), **fields)


def refunding(amount: int = AMOUNT, **fields: Any) -> Payment:
    """Closing, its last refund under way."""
    refund = Refund("ref_c", amount, "SENT", "order cancelled", closing=True)
    return under_way("REFUNDING", "refund", refund=refund, closing=True, **fields)


def refund_under_way(amount: int = 400, **fields: Any) -> Payment:
    """Captured, a requested refund under way."""
    return under_way("CAPTURED", "refund", refund=Refund("ref_1", amount, "SENT", "broken"), **fields)


def start(attempt: int = 1, capture: Any = "at_once") -> StartPayment:
    return StartPayment(ORDER, attempt, AMOUNT, "GBP", "pm_card", capture)


def refund(amount: int, refund_id: str = "ref_1") -> RefundPayment:
    return RefundPayment(ORDER, refund_id, amount, "broken")


def outcome(verdict: Verdict, answer: PaymentAnswer | str = "", effect: str = EFFECT) -> EffectOutcome:
    text = answer if isinstance(answer, str) else encode(answer).decode()
    return EffectOutcome(effect, ORDER, "", verdict, text)


def succeeded(status: Any, amount: int = AMOUNT, **fields: Any) -> EffectOutcome:
    effect = fields.pop("effect", EFFECT)
    return outcome("succeeded", PaymentAnswer(status, amount, **({"provider_id": "px_1"} | fields)), effect)


def refused(
    code: str = "card_declined", message: str = "the card was declined", status: Any = "refused"
) -> EffectOutcome:
    return outcome("refused", PaymentAnswer(status, code=code, message=message))


def take(payment: Payment | None, message: Message, **options: Any) -> TurnResult:
    return kit.take(ACTOR, message, {ORDER: payment} if payment else {}, **options)


def reports(result: TurnResult) -> list[tuple[str, bool, bool]]:
    """State, unknown and parked of the reports sent."""
    return [(r.state, r.unknown, r.parked) for r in result.sent(PaymentReport) if isinstance(r, PaymentReport)]


def started(result: TurnResult) -> list[str]:
    """The operations of the effects started."""
    return [effect.operation for effect in result.of(EffectStarted)]


def request_of(result: TurnResult) -> dict[str, Any]:
    """What the provider is asked."""
    (effect,) = result.of(EffectStarted)
    request: dict[str, Any] = msgspec.json.decode(effect.request)
    return request


def event(kind: Any, amount: int = AMOUNT, provider_id: str = "px_1", refund_id: str = "", n: int = 1) -> PaymentEvent:
    return PaymentEvent(ORDER, f"evt_{n}", kind, amount, refund_id, provider_id)


def refund_reports(result: TurnResult) -> list[tuple[str, int, int]]:
    """Status, what is refunded and what is left, of the refund reports sent."""
    return [(r.status, r.refunded, r.left) for r in result.sent(RefundReport) if isinstance(r, RefundReport)]


def buried(result: TurnResult) -> list[str]:
    """The reasons of the dead letters made."""
    return [letter.reason for letter in result.of(Buried)]


CLOSE = ClosePayment(ORDER)
CLOSED_REPORT = [("CLOSED", False, False)]
STUCK_REPORT = [("STUCK", False, False)]
