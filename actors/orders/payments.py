"""The payments actor: one payment an order, kept under the order's id. It obeys orders and reports to it (SAGAS 1.3).

A turn is four steps: what does the message mean (`payment_news.py`), which row takes it (`payment_table.py`), what the
row does (`payment_rows.py`), and what follows every row: ADVANCE, one report if there is news, timers and alerts that
no longer matter, a line in the history that names the row.
"""

from msgspec.structs import replace

from sagamore.actors.orders.facts import Entered
from sagamore.actors.orders.order_messages import UndoAbandoned
from sagamore.actors.orders.payment import Payment, Refund
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
from sagamore.actors.orders.payment_news import heard
from sagamore.actors.orders.payment_steps import (
    EFFECT_POLICIES,
    advance,
    begin_void,
    is_news,
    park,
    report,
    report_refund,
    schedule_poll,
)
from sagamore.actors.orders.payment_table import row_for
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.actor import Actor
from sagamore.engine.effect import EffectOutcome
from sagamore.engine.turn import Turn

PaymentMessage = (
    StartPayment | CapturePayment | RefundPayment | ClosePayment | PollPayment | AuthorisationDue | RetryRefund
    | ResolvePayment | PaymentEvent | EffectOutcome
)  # fmt: skip


DISCARDED = "discarded: by an operator"


class PaymentsActor(Actor[Payment | None, PaymentMessage], kind="payments", indexed=("attention",)):
    """Owns payments; the only one who knows how to undo one."""

    effect_policies = EFFECT_POLICIES
    reads_back = False

    def entity(self, message: PaymentMessage) -> str:
        """The order's id."""
        return message.entity if isinstance(message, EffectOutcome) else message.order_id

    def handle(self, payment: Payment | None, message: PaymentMessage, turn: Turn) -> Payment | None:
        """One row. Raises Unlisted for what no row takes; NothingToResolve or CannotResolve to a person."""
        before = payment or _absent(turn)
        after, news = heard(before, message, turn)
        name = "Y23"
        if news is not None:
            row = row_for(after, news)
            if row is not None:
                name, after = row.name, row.action(after, news, turn)
            elif not isinstance(message, PaymentEvent):
                raise Unlisted("payment", before.order_id, before.state, news.event)
        after = _follow(before, after, name, turn)
        if isinstance(message, ResolvePayment):
            turn.reply(after)
        return payment if after.state == "ABSENT" else after

    def given_up(self, payment: Payment | None, message: PaymentMessage, turn: Turn) -> Payment | None:
        """Whoever waits for the discarded message is answered: a command as refused, an undo as STUCK."""
        before = payment or _absent(turn)
        after = _given_up(before, message, turn)
        after = _follow(before, after, "discarded", turn)
        return payment if after.state == "ABSENT" else after


def _absent(turn: Turn) -> Payment:
    return Payment(turn.new_id("pay"), turn.entity, "ABSENT")


def _follow(before: Payment, after: Payment, name: str, turn: Turn) -> Payment:
    """What follows every row."""
    after = advance(after, turn)
    if after.revision == before.revision and is_news(before, after):
        after = report(after, turn)
    if before.waits and not after.waits:
        turn.cancel("poll")
        after = replace(after, reading="")
    if before.state != after.state:
        turn.note(Entered(before.state, after.state, name))
        if before.state == "AUTHORISED":
            turn.cancel("authorisation")
        if before.state == "STUCK":
            turn.clear_alert("payment_stuck", after.order_id)
    if before.parked and not after.parked:
        turn.clear_alert("payment_parked", after.order_id)
    return after


def _given_up(payment: Payment, message: PaymentMessage, turn: Turn) -> Payment:
    match message:
        case StartPayment() if not payment.closing and message.attempt == payment.attempt + 1:
            return replace(payment, state="REFUSED", attempt=message.attempt, refusal=DISCARDED)
        case CapturePayment() if payment.state == "AUTHORISED":
            return begin_void(payment, turn)  # its end is reported as REFUSED
        case RefundPayment():
            report_refund(payment, Refund(message.refund_id, message.amount), turn, "REFUSED", DISCARDED)
        case ClosePayment():
            turn.send("orders", UndoAbandoned(message.order_id, "closing of the payment"))
            payment = replace(payment, closing=True)
            if payment.effect is None and payment.parked is None and payment.state != "CLOSED":
                payment = replace(payment, state="STUCK")
            return report(payment, turn)
        case RetryRefund() if payment.state == "STUCK":
            turn.send("orders", UndoAbandoned(message.order_id, f"refund of {payment.told(payment.net)}"))
        case PollPayment() if payment.waits:
            return schedule_poll(payment, turn)
        case EffectOutcome() if payment.effect is not None and message.effect == payment.effect.id:
            return park(payment, turn, f"{message.verdict} {message.answer}, which could not be taken")
    return payment
