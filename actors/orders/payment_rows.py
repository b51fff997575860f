"""What the rows of the payment table do, Y1 to Y22 of SAGAS 1.3; `payment_table.py` says when.

A row takes the payment, the news and the turn, and returns the payment in its next state. The effect that has ended is
off the payment by then. ADVANCE, the report to orders and the line in the history follow every row, in `payments.py`.
"""

from typing import Any

from msgspec.structs import replace

from sagamore.actors.orders.facts import MoneyMoved
from sagamore.actors.orders.payment import REFUNDS_MAX, Payment, Refund
from sagamore.actors.orders.payment_messages import (
    AuthorisationDue,
    CapturePayment,
    ClosePayment,
    PaymentEvent,
    RefundPayment,
    StartPayment,
)
from sagamore.actors.orders.payment_news import News
from sagamore.actors.orders.payment_provider import PaymentAnswer
from sagamore.actors.orders.payment_steps import (
    RefundStatus,
    begin_capture,
    begin_charge,
    begin_read,
    begin_void,
    park,
    report,
    report_refund,
    schedule_lapse,
    schedule_poll,
    stick,
)
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.turn import Turn

AnyNews = News[Any]


def y1_start(payment: Payment, news: News[StartPayment], turn: Turn) -> Payment:
    message = news.message
    payment = replace(
        payment, attempt=message.attempt, amount=message.amount, currency=message.currency, provider_id="", polls=0,
        authorisation_open=False, refusal="", lapsed=False, capture_before_ms=0,
    )  # fmt: skip
    if not payment.amount:  # providers take no charge of nothing, and need not hear of it
        return replace(payment, state="CAPTURED")
    return begin_charge(payment, message, turn)


def y2_again(payment: Payment, _: News[StartPayment | CapturePayment], turn: Turn) -> Payment:
    return report(payment, turn) if payment.state == "REFUSED" and not payment.closing else payment


def y3_y9_y14_y22_captured(payment: Payment, news: AnyNews, turn: Turn) -> Payment:
    answer = news.answer
    provider_id = answer.provider_id or payment.provider_id
    amount = answer.amount or payment.amount
    payment = replace(
        payment, state="CAPTURED", captured=payment.captured + amount, provider_id=provider_id, next_action=None,
        authorisation_open=False, confirmed=(*payment.confirmed, f"captured/{provider_id}"),
    )  # fmt: skip
    _moved(payment, "captured", amount, provider_id, turn)
    return payment


def y3_y22_authorised(payment: Payment, news: AnyNews, turn: Turn) -> Payment:
    provider_id = news.answer.provider_id or payment.provider_id
    payment = replace(
        payment, state="AUTHORISED", provider_id=provider_id, next_action=None, authorisation_open=True,
        capture_before_ms=news.answer.capture_before_ms, confirmed=(*payment.confirmed, f"authorised/{provider_id}"),
    )  # fmt: skip
    if not payment.closing:
        schedule_lapse(payment, turn)
    return payment


def y4_refused(payment: Payment, news: AnyNews, _: Turn) -> Payment:
    answer = news.answer
    return replace(
        payment, state="REFUSED", refusal=refusal_of(answer), next_action=None,
        provider_id=answer.provider_id or payment.provider_id,
        authorisation_open=payment.state == "CAPTURING" and answer.status == "authorised",
        lapsed=payment.state == "CAPTURING" and answer.status == "voided",
    )  # fmt: skip


def y5_waits(payment: Payment, news: AnyNews, turn: Turn) -> Payment:
    answer = news.answer
    state = "ACTION_REQUIRED" if answer.status == "action_required" else "CHARGING"
    payment = replace(
        payment, state=state, next_action=answer.next_action, provider_id=answer.provider_id or payment.provider_id
    )  # fmt: skip
    return payment if payment.closing and state == "ACTION_REQUIRED" else schedule_poll(payment, turn)


def y5_poll(payment: Payment, _: AnyNews, turn: Turn) -> Payment:
    return begin_read(payment, turn)


def y6_unknown(payment: Payment, _: AnyNews, __: Turn) -> Payment:
    return replace(payment, unknown=True)


def y6_parked(payment: Payment, news: News[EffectOutcome], turn: Turn) -> Payment:
    return park(payment, turn, news.message.answer)


def y7_capture(payment: Payment, _: AnyNews, turn: Turn) -> Payment:
    return begin_capture(payment, turn)


def y8_lapsed(payment: Payment, news: News[AuthorisationDue | PaymentEvent], _: Turn) -> Payment:
    # At our own timer the provider still holds it: ClosePayment will void it.
    gone = isinstance(news.message, PaymentEvent)
    refusal = "authorisation_lapsed: the authorisation was not captured in time"
    return replace(payment, state="REFUSED", lapsed=True, refusal=refusal, authorisation_open=not gone)


def y10_y13_close(payment: Payment, _: News[ClosePayment], turn: Turn) -> Payment:
    again = payment.state in ("CLOSED", "STUCK") or payment.parked is not None
    payment = _closing(payment, turn)
    return report(payment, turn) if again else payment


def y11_close(payment: Payment, _: News[ClosePayment], turn: Turn) -> Payment:
    if payment.effect is not None and not payment.closing:
        turn.withdraw(payment.effect.id)
    return _closing(payment, turn)


def y14_voided(payment: Payment, _: AnyNews, __: Turn) -> Payment:
    return replace(
        payment, state="REFUSED", authorisation_open=False, refusal=payment.refusal or "voided", next_action=None
    )  # fmt: skip


def y14_y18_y20_not_undone(payment: Payment, news: AnyNews, turn: Turn) -> Payment:
    """Refused: what was tried will never be done, so that a replay tries anew, under a new key."""
    if news.effect is not None:
        payment = payment.without_refund(news.effect.refund_id)
        payment = replace(payment, authorisation_open=news.effect.operation == "void")
    return stick(payment, turn, refusal_of(news.answer))


def y15_known(payment: Payment, _: News[RefundPayment], __: Turn) -> Payment:
    return payment


def y15_refund(payment: Payment, news: News[RefundPayment], _: Turn) -> Payment:
    message = news.message
    refund = Refund(message.refund_id, message.amount, reason=message.reason)
    return replace(payment, refunds=(*payment.refunds, refund))


def y15_no_refund(payment: Payment, news: News[RefundPayment], turn: Turn) -> Payment:
    message = news.message
    refund = Refund(message.refund_id, message.amount)
    many = len(payment.refunds) >= REFUNDS_MAX
    refusal = f"more than {REFUNDS_MAX} refunds" if many else f"{payment.left} can be refunded while {payment.state}"
    report_refund(payment, refund, turn, "REFUSED", refusal)
    return payment


def y16_refunded(payment: Payment, news: AnyNews, turn: Turn) -> Payment:
    """Without an effect: a person did by hand what a STUCK payment could not."""
    refund = payment.refund(news.effect.refund_id) if news.effect else None
    amount = refund.amount if refund else news.answer.amount
    payment = replace(payment, state="CAPTURED", refunded=payment.refunded + amount)
    _moved(payment, "refunded", amount, news.answer.provider_id or payment.provider_id, turn)
    turn.clear_alert("refund_refused", payment.order_id)
    if refund:
        status: RefundStatus = "PENDING" if news.answer.status == "refund_pending" else "SUCCEEDED"
        payment = payment.with_refund(replace(refund, status=status))
        report_refund(payment, refund, turn, status)
    return payment


def y16_landed(payment: Payment, news: News[PaymentEvent], turn: Turn) -> Payment:
    refund = payment.refund(news.message.refund_id)
    if refund is None or refund.status != "PENDING":
        return payment
    payment = payment.with_refund(replace(refund, status="SUCCEEDED"))
    report_refund(payment, refund, turn, "SUCCEEDED")
    return payment


def y17_refund_refused(payment: Payment, news: AnyNews, turn: Turn) -> Payment:
    refund = payment.refund(news.effect.refund_id) if news.effect else None
    assert refund is not None
    payment = payment.without_refund(refund.id)
    refusal = refusal_of(news.answer)
    report_refund(payment, refund, turn, "REFUSED", refusal)
    turn.raise_alert(
        "refund_refused", payment.order_id, f"refund {refund.id} of {payment.told(refund.amount)}: {refusal}"
    )
    return payment


def y18_exhausted(payment: Payment, news: News[EffectOutcome], turn: Turn) -> Payment:
    """The effect stays parked: a replay of its dead letter sends the same refund under the same key."""
    return replace(park(payment, turn, news.message.answer), state="STUCK")


def y19_retry(payment: Payment, _: AnyNews, turn: Turn) -> Payment:
    """What was refused is tried anew. What was exhausted has a dead letter of its own: replayed, the engine tries it
    under the same key as long as that lives, which a new effect would not know."""
    if payment.parked is not None:
        turn.note(f"refund {payment.parked.refund_id} has no known outcome; replay its own dead letter, or resolve it")
        return payment
    if payment.authorisation_open:
        return begin_void(payment, turn)
    return replace(payment, state="CAPTURED")  # ADVANCE begins a new refund


def y19_retried(payment: Payment, _: AnyNews, __: Turn) -> Payment:
    """Under way again, with the same key. Until it ends nobody can say what became of it, so nobody may resolve it."""
    return replace(payment, state="REFUNDING" if payment.state == "STUCK" else payment.state, unknown=True)


def y19_too_late(payment: Payment, _: AnyNews, __: Turn) -> Payment:
    return payment


def y21_refund_failed(payment: Payment, news: News[PaymentEvent], turn: Turn) -> Payment:
    refund = payment.refund(news.message.refund_id)
    assert refund is not None
    payment = replace(payment.without_refund(refund.id), refunded=payment.refunded - refund.amount)
    _moved(payment, "refund_failed", refund.amount, payment.provider_id, turn)
    report_refund(payment, refund, turn, "FAILED_LATER", "the refund failed after it had been accepted")
    advice = f"refund {refund.id} of {payment.told(refund.amount)} failed after it had been accepted; refund it again"
    turn.raise_alert("refund_refused", payment.order_id, advice)
    if payment.closing and payment.state == "CLOSED":
        return stick(payment, turn, f"refund {refund.id} of {payment.told(refund.amount)} failed after all")
    return payment


def refusal_of(answer: PaymentAnswer) -> str:
    """Code and text, as orders and people get to see them."""
    return f"{answer.code}: {answer.message}" if answer.message else answer.code or answer.status


def _closing(payment: Payment, turn: Turn) -> Payment:
    """Refunds that wait are overtaken: all is given back."""
    overtaken = [refund for refund in payment.refunds if refund.status == "WAITING"]
    for refund in overtaken:
        payment = payment.without_refund(refund.id)
        report_refund(payment, refund, turn, "REFUSED", "order_cancelled: the whole payment is given back")
    return replace(payment, closing=True)


def _moved(payment: Payment, kind: Any, amount: int, provider_id: str, turn: Turn) -> None:
    turn.note(MoneyMoved(kind, amount, payment.captured, payment.refunded, provider_id, payment.currency))
