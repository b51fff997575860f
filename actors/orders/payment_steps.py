"""What the rows of a payment do: begin an effect, advance, report, give up.

Keys: sha256("ORDER/KIND/N"). N of a charge, an authorisation and a capture is the attempt, which rises only after a
definitive refusal; of a void how many there were; of a refund its id.
"""

from hashlib import sha256
from typing import Literal

from msgspec.structs import replace

from sagamore.actors.orders.payment import Payment, PaymentEffect, Refund
from sagamore.actors.orders.payment_messages import (
    AuthorisationDue,
    PaymentReport,
    PollPayment,
    RefundReport,
    RetryRefund,
    StartPayment,
)
from sagamore.actors.orders.payment_provider import (
    CaptureRequest,
    ChargeRequest,
    Operation,
    PaymentRequest,
    ReadRequest,
    RefundRequest,
    VoidRequest,
)
from sagamore.engine.policy import DAY_MS, HOUR_MS, SECOND_MS, Backoff, EffectPolicy
from sagamore.engine.turn import Turn

POLL_FIRST_MS = 5 * SECOND_MS
POLL_MOST_MS = HOUR_MS
AUTHORISATION_MARGIN_MS = HOUR_MS  # a capture must not race the provider's clock
PROVIDER = "payments"

EFFECT_POLICIES = {
    "": EffectPolicy(),
    # An undo is money that is not the shop's: tried for three days, then a person is asked. The deadline is the bound.
    "undo": EffectPolicy(attempts_max=1_000, backoff=Backoff(SECOND_MS, HOUR_MS), deadline_ms=3 * DAY_MS),
    # A read moves nothing: it is tried until the provider answers.
    "read": EffectPolicy(attempts_max=1_000, backoff=Backoff(5 * SECOND_MS, HOUR_MS), deadline_ms=3 * DAY_MS),
}


def key_of(order_id: str, kind: str, n: int | str) -> str:
    """The idempotency key, 64 characters, the same whenever it is derived."""
    return sha256(f"{order_id}/{kind}/{n}".encode()).hexdigest()


def _begin(turn: Turn, operation: Operation, request: PaymentRequest, n: int | str, policy: str = "") -> PaymentEffect:
    key = key_of(request.order_id, operation, n)
    return PaymentEffect(turn.start(PROVIDER, operation, request, key=key, policy=policy), operation)


def begin_charge(payment: Payment, message: StartPayment, turn: Turn) -> Payment:
    """Charge at once, or authorise for a later capture."""
    operation: Operation = "charge" if message.capture == "at_once" else "authorise"
    request = ChargeRequest(
        payment.order_id, payment.attempt, payment.amount, payment.currency, message.payment_method
    )  # fmt: skip
    return replace(payment, state="CHARGING", effect=_begin(turn, operation, request, payment.attempt))


def begin_capture(payment: Payment, turn: Turn) -> Payment:
    """Take what is authorised."""
    request = CaptureRequest(
        payment.order_id, payment.attempt, payment.provider_id, payment.amount, payment.currency
    )  # fmt: skip
    return replace(payment, state="CAPTURING", effect=_begin(turn, "capture", request, payment.attempt))


def begin_void(payment: Payment, turn: Turn) -> Payment:
    """Let go of an authorisation, or of a payment that waits for the customer."""
    voids = payment.voids + 1
    request = VoidRequest(payment.order_id, payment.attempt, payment.provider_id)
    return replace(payment, state="VOIDING", voids=voids, effect=_begin(turn, "void", request, voids, "undo"))


def begin_refund(payment: Payment, refund: Refund, turn: Turn) -> Payment:
    """Send a refund that waits, or the same one again under the same id and key."""
    request = RefundRequest(
        payment.order_id, payment.attempt, payment.provider_id, refund.id, refund.amount, payment.currency,
        refund.reason,
    )  # fmt: skip
    effect = replace(_begin(turn, "refund", request, refund.id, "undo"), refund_id=refund.id)
    return replace(payment.with_refund(replace(refund, status="SENT")), effect=effect)


def begin_read(payment: Payment, turn: Turn) -> Payment:
    """Ask how the payment stands."""
    request = ReadRequest(payment.order_id, payment.attempt, payment.provider_id)
    return replace(payment, reading=_begin(turn, "read", request, payment.polls, "read").id)


def advance(payment: Payment, turn: Turn) -> Payment:
    """ADVANCE: what next, where no effect is under way."""
    if payment.effect or payment.parked or payment.state in ("CHARGING", "STUCK", "CLOSED"):
        return payment
    if not payment.closing:
        waiting = next((refund for refund in payment.refunds if refund.status == "WAITING"), None)
        return begin_refund(payment, waiting, turn) if waiting and payment.state == "CAPTURED" else payment
    if payment.state == "ACTION_REQUIRED" or payment.authorisation_open:
        return begin_void(payment, turn)
    if payment.net > 0:
        refund = Refund(turn.new_id("ref"), payment.net, reason="order cancelled", closing=True)
        payment = replace(payment, state="REFUNDING", refunds=(*payment.refunds, refund))
        return begin_refund(payment, refund, turn)
    return replace(payment, state="CLOSED", next_action=None)


def report(payment: Payment, turn: Turn) -> Payment:
    """Tell orders how the payment stands."""
    payment = replace(payment, revision=payment.revision + 1)
    assert payment.state != "ABSENT"
    turn.send(
        "orders",
        PaymentReport(
            payment.order_id, payment.revision, payment.state, payment.attempt, payment.unknown,
            payment.parked is not None, payment.captured, payment.refunded, payment.next_action, payment.refusal,
            payment.lapsed,
        ),
    )  # fmt: skip
    return payment


REPORTED = ("AUTHORISED", "CAPTURED", "REFUSED", "ACTION_REQUIRED", "CLOSED", "STUCK")
ENDS_OF_CLOSING = ("CLOSED", "STUCK")


def is_news(before: Payment, after: Payment) -> bool:
    """Whether orders must hear of it: after ADVANCE a state of the list is reached, CLOSED or STUCK was left, or it has
    changed what is unknown or parked, or what the customer must do."""
    if (before.unknown, before.parked is None) != (after.unknown, after.parked is None):
        return True
    if before.state == after.state:
        return after.state == "ACTION_REQUIRED" and before.next_action != after.next_action
    return after.state in REPORTED or before.state in ENDS_OF_CLOSING


RefundStatus = Literal["PENDING", "SUCCEEDED", "REFUSED", "FAILED_LATER"]


def report_refund(payment: Payment, refund: Refund, turn: Turn, status: RefundStatus, refusal: str = "") -> None:
    """Tell orders what became of a refund that it asked for."""
    if not refund.closing:
        turn.send(
            "orders",
            RefundReport(
                payment.order_id, refund.id, refund.amount, status, payment.refunded, payment.left, refusal
            ),
        )  # fmt: skip


def schedule_poll(payment: Payment, turn: Turn) -> Payment:
    """Ask again after 5 s, doubling to an hour."""
    delay_ms = min(POLL_FIRST_MS << min(payment.polls, 40), POLL_MOST_MS)
    payment = replace(payment, polls=payment.polls + 1, reading="")
    turn.schedule("poll", PollPayment(payment.order_id, payment.polls), at_ms=turn.now_ms + delay_ms)
    return payment


def schedule_lapse(payment: Payment, turn: Turn) -> None:
    """Give up an authorisation an hour before the provider does, or half-way to then if that is nearer."""
    if payment.capture_before_ms:
        margin_ms = min(AUTHORISATION_MARGIN_MS, (payment.capture_before_ms - turn.now_ms) // 2)
        due = AuthorisationDue(payment.order_id, payment.attempt)
        turn.schedule("authorisation", due, at_ms=payment.capture_before_ms - margin_ms)


def park(payment: Payment, turn: Turn, last_heard: str) -> Payment:
    """The engine has given up finding out what became of the effect, and has made a dead letter of it: replayed, the
    effect is tried again under its key. Or a person says what became of it (Y20)."""
    assert payment.effect is not None
    effect = payment.effect
    what = f"{effect.operation} {effect.refund_id or payment.provider_id}".strip()
    reason = f"{what} has no known outcome; last heard: {last_heard}"
    turn.raise_alert("payment_parked", payment.order_id, f"{reason}; look at the provider's records, then resolve it")
    turn.note(f"{reason}; {story(payment)}")
    return replace(payment, effect=None, parked=effect)


def stick(payment: Payment, turn: Turn, cause: str) -> Payment:
    """STUCK: an undo was refused for good. The dead letter, replayed, begins another one (Y19)."""
    reason = f"the payment cannot be closed: {cause}"
    advice = f"{reason}; replay the dead letter, or undo it by hand and resolve"
    turn.raise_alert("payment_stuck", payment.order_id, advice)
    turn.bury(RetryRefund(payment.order_id), f"{reason}; {story(payment)}")
    return replace(payment, state="STUCK")


def story(payment: Payment) -> str:
    """What a person who reads the dead letter needs to know."""
    refunds = ", ".join(f"{refund.id} of {refund.amount} {refund.status}" for refund in payment.refunds)
    return (
        f"payment {payment.id} of order {payment.order_id}, attempt {payment.attempt}, at the provider "
        f"{payment.provider_id or 'under no known id'}: {payment.captured} captured, {payment.refunded} refunded, "
        f"in minor units of {payment.currency or 'no currency'}; refunds: {refunds or 'none'}"
    )
