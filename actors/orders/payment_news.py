"""What a message means to a payment: the event that its table has a row for.

A verdict on the effect under way takes it off the payment and becomes `captured`, `refused`, `voided` …; so does what
a reading, a provider's event or a person says of a parked one. One whose dead letter is replayed is under way again.
What means nothing (an outcome of an effect that is no longer ours, an event seen before or older than what is known:
Y23) has no event.
"""

from typing import Generic, TypeVar

import msgspec
from msgspec.structs import replace

from sagamore.actors.orders.payment import EVENTS_REMEMBERED_MAX, Payment, PaymentEffect
from sagamore.actors.orders.payment_errors import CannotResolve, NothingToResolve
from sagamore.actors.orders.payment_messages import (
    AuthorisationDue,
    CapturePayment,
    ClosePayment,
    PaymentEvent,
    PollPayment,
    RefundPayment,
    ResolvePayment,
    RetryRefund,
    StartPayment,
)
from sagamore.actors.orders.payment_provider import Operation, PaymentAnswer, Status, decode_answer, ending
from sagamore.actors.orders.payment_steps import park, schedule_poll
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.message import Message
from sagamore.engine.turn import Turn

M_co = TypeVar("M_co", covariant=True)


class News(msgspec.Struct, Generic[M_co], frozen=True, gc=False):
    """An event, the message that brought it, the provider's answer and the effect that it ends."""

    event: str
    message: M_co
    answer: PaymentAnswer = PaymentAnswer("refused")
    effect: PaymentEffect | None = None


NOT_SENT = PaymentAnswer("refused", code="not_sent", message="the call never reached the provider")
NOT_EXPECTED = (
    "no such money is expected: check the order and the ids in the event; if they are right, give it back at the"
    " provider, or cancel the order and tell it again"
)
Heard = tuple[Payment, News[Message] | None]

EVENT_OF: dict[type[Message], str] = {
    StartPayment: "start", CapturePayment: "capture", RefundPayment: "refund", ClosePayment: "close",
    RetryRefund: "retry",
}  # fmt: skip
STATUS_OF_EVENT: dict[str, Status] = {
    "captured": "captured", "authorised": "authorised", "refused": "refused", "lapsed": "voided",
    "refund_succeeded": "refunded", "refund_failed": "refused",
}  # fmt: skip


def heard(payment: Payment, message: Message, turn: Turn) -> Heard:
    """The event, and the payment without the effect that has ended. Raises Unlisted, or Refused to a person."""
    event = EVENT_OF.get(type(message))
    if event is not None:
        return payment, News(event, message)
    match message:
        case EffectOutcome():
            if payment.effect is not None and message.effect == payment.effect.id:
                return _verdict(payment, payment.effect, message)
            if payment.parked is not None and message.effect == payment.parked.id:
                return _of_parked(payment, message)
            return _reading(payment, message, turn)
        case PollPayment() if message.polls == payment.polls and payment.waits:
            return payment, News("poll", message)
        case AuthorisationDue() if message.attempt == payment.attempt and payment.state == "AUTHORISED":
            return payment, News("lapsed", message)
        case PaymentEvent():
            return _pushed(payment, message, turn)
        case ResolvePayment():
            return _resolved(payment, message, turn)
    return payment, None


def _verdict(payment: Payment, effect: PaymentEffect, message: EffectOutcome) -> Heard:
    if message.verdict == "retried":
        raise Unlisted("payment", payment.order_id, payment.state, "retried", "first it has to hear that it was parked")
    if message.verdict in ("unknown", "parked"):
        return payment, News(message.verdict, message, effect=effect)
    payment = replace(payment, effect=None, unknown=False)
    if message.verdict == "withdrawn":
        return payment, News("withdrawn", message, NOT_SENT, effect)
    answer = decode_answer(message.answer)
    ended = ending(effect.operation, answer.status)
    if ended is None and message.verdict == "succeeded":
        raise Unlisted("payment", payment.order_id, payment.state, f"{answer.status} to {effect.operation}")
    return payment, News(ended or "refused", message, answer, effect)


def _of_parked(payment: Payment, message: EffectOutcome) -> Heard:
    """A person has replayed its dead letter: it is tried again from this turn on, and no longer parked."""
    if message.verdict == "unknown":  # in retry while the effect was given up
        return payment, None
    return replace(payment, effect=payment.parked, parked=None), News(message.verdict, message)


def _reading(payment: Payment, message: EffectOutcome, turn: Turn) -> Heard:
    """The outcome of a read, or of an effect that is no longer ours."""
    if message.verdict == "unknown":
        return payment, None
    if message.verdict == "parked":
        turn.settle(message.effect)
    if message.effect != payment.reading:
        return payment, None
    payment = replace(payment, reading="")
    answer = decode_answer(message.answer) if message.verdict == "succeeded" else None
    event = ending("read", answer.status) if answer else None
    if answer is None or event is None:
        return schedule_poll(payment, turn), None
    if other := _other_amount(payment, answer):
        return park(replace(payment, effect=PaymentEffect(message.effect, "read")), turn, other), None
    return payment, News(event, message, answer)


def _other_amount(payment: Payment, answer: PaymentAnswer) -> str:
    """What is wrong with the amount taken or promised, or nothing. It does not pay for the order; a payment that is
    being closed gives back whatever there is."""
    if payment.closing or answer.status not in ("captured", "authorised") or answer.amount in (0, payment.amount):
        return ""
    return f"{answer.amount} {answer.status} where {payment.amount} was asked for"


def _unparked(payment: Payment, news: News[Message], turn: Turn) -> Heard:
    assert payment.parked is not None
    turn.settle(payment.parked.id)
    return replace(payment, parked=None, unknown=False), news


def _pushed(payment: Payment, message: PaymentEvent, turn: Turn) -> Heard:
    """The provider's own news. While an effect is under way its outcome says the same, and is waited for."""
    if message.event_id in payment.events_seen:
        return payment, None
    seen = (*payment.events_seen, message.event_id)[-EVENTS_REMEMBERED_MAX:]
    payment = replace(payment, events_seen=seen)
    answer = PaymentAnswer(STATUS_OF_EVENT[message.kind], message.amount, provider_id=message.provider_id)
    ours = message.attempt == payment.attempt if message.attempt else message.provider_id == payment.provider_id
    if payment.parked:
        ended = ending(payment.parked.operation, answer.status)
        if ended and payment.parked.refund_id == message.refund_id and (ours or message.refund_id):
            _check_amount(payment, answer)
            return _unparked(payment, News(ended, message, answer, payment.parked), turn)
    match message.kind:
        case "captured" | "authorised":
            return _money_pushed(payment, News(message.kind, message, answer), ours)
        case "refused" if payment.waits and ours:
            return payment, News("refused", message, answer)
        case "lapsed" if payment.state == "AUTHORISED" and ours:
            return payment, News("lapsed", message, answer)
        case "refund_failed" | "refund_succeeded":
            refund = payment.refund(message.refund_id)
            if refund and refund.status in ("PENDING", "SUCCEEDED"):
                return payment, News(message.kind, message, answer)
            if refund and message.kind == "refund_failed":  # taken once its acceptance is known
                raise Unlisted("payment", payment.order_id, payment.state, f"refund_failed of {refund.id}")
    return payment, None


def _money_pushed(payment: Payment, news: News[PaymentEvent], ours: bool) -> Heard:
    """Money that is neither known, nor about to be, nor for a closed payment to undo, must not be overlooked: the event
    is tried again, and then kept as a dead letter."""
    provider_id = news.message.provider_id
    if payment.is_confirmed(news.event, provider_id) or payment.is_confirmed("captured", provider_id):
        return payment, None
    if payment.state == "CLOSED" or (payment.waits and ours):
        _check_amount(payment, news.answer)
        return payment, news
    if ours and (payment.effect or payment.parked or payment.state == "AUTHORISED"):
        return payment, None
    if ours and news.event == "authorised" and payment.state == "REFUSED":
        known = payment.provider_id or provider_id
        return replace(payment, authorisation_open=True, provider_id=known), None  # perhaps old: voided to be sure
    told = f"{news.event} {provider_id or 'without the id of a payment'}"
    raise Unlisted("payment of order", payment.order_id, payment.state, told, NOT_EXPECTED)


def _check_amount(payment: Payment, answer: PaymentAnswer) -> None:
    """Raises Unlisted: a dead letter then; replayed once the order is cancelled, it gives the money back."""
    if other := _other_amount(payment, answer):
        raise Unlisted("payment", payment.order_id, payment.state, other)


def _resolved(payment: Payment, message: ResolvePayment, turn: Turn) -> Heard:
    """Y20: a person's word is taken as the provider's, within what was asked of it."""
    effect = payment.parked
    if effect is None and payment.state != "STUCK":
        raise NothingToResolve(message.order_id, payment.state)
    operation: Operation = effect.operation if effect else "void" if payment.authorisation_open else "refund"
    ended = ending(operation, message.outcome)
    if ended is None or (message.outcome == "refused" and (effect is None or operation == "void")):
        raise CannotResolve(message.order_id, "outcome", message.outcome, f"what is open is a {operation}")
    refund = payment.refund(effect.refund_id) if effect else None
    most = refund.amount if refund else payment.net if operation == "refund" else payment.amount
    if not 0 <= message.amount <= most or (refund and message.amount not in (0, most)):
        raise CannotResolve(message.order_id, "amount", message.amount, f"the {operation} was of {most}")
    if _other_amount(payment, PaymentAnswer(message.outcome, message.amount)):
        expected = f"{payment.amount} was asked for: cancel the order first, and what was taken is given back"
        raise CannotResolve(message.order_id, "amount", message.amount, expected)
    turn.note(f"resolved as {message.outcome} by {message.by}, reference {message.reference}")
    provider_id = payment.provider_id or message.reference
    # Of a capture that was refused the authorisation may still be open: then closing voids it.
    status = "authorised" if operation == "capture" and ended == "refused" else message.outcome
    news = News(ended, message, PaymentAnswer(status, message.amount or most, provider_id=provider_id), effect)
    return _unparked(payment, news, turn) if effect else (payment, news)
