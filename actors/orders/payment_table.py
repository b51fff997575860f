"""The payment table, to be read beside SAGAS 1.3: which row takes which event in which state.

Of several rows for one event and state the first whose guard holds is taken. An event without a row is Y23 if the
provider pushed it, and a bug if an actor sent it.
"""

from collections.abc import Callable

import msgspec

from sagamore.actors.orders import payment_rows as rows
from sagamore.actors.orders.payment import REFUNDS_MAX, Payment
from sagamore.actors.orders.payment_messages import RefundPayment, StartPayment
from sagamore.actors.orders.payment_news import News
from sagamore.actors.orders.payment_rows import AnyNews
from sagamore.engine.turn import Turn


def _always(_: Payment, __: AnyNews) -> bool:
    return True


def _next_attempt(payment: Payment, news: News[StartPayment]) -> bool:
    return not payment.closing and news.message.attempt == payment.attempt + 1


def _no_attempt(payment: Payment, news: News[StartPayment]) -> bool:
    return payment.closing or news.message.attempt <= payment.attempt


def _refund_known(payment: Payment, news: News[RefundPayment]) -> bool:
    return payment.refund(news.message.refund_id) is not None


def _refund_fits(payment: Payment, news: News[RefundPayment]) -> bool:
    fits = 0 < news.message.amount <= payment.left and len(payment.refunds) < REFUNDS_MAX
    return fits and not payment.closing


def _not_parked(payment: Payment, _: AnyNews) -> bool:
    return payment.parked is None


class Row(msgspec.Struct, frozen=True):
    """One row: its name in SAGAS, the states and the event it takes, what it does, and its guard."""

    name: str
    states: tuple[str, ...]
    event: str
    action: Callable[[Payment, AnyNews, Turn], Payment]
    guard: Callable[[Payment, AnyNews], bool] = _always


CHARGING, ACTION_REQUIRED, AUTHORISED, CAPTURING = "CHARGING", "ACTION_REQUIRED", "AUTHORISED", "CAPTURING"
CAPTURED, VOIDING, REFUNDING = "CAPTURED", "VOIDING", "REFUNDING"
ABSENT, REFUSED, STUCK, CLOSED = "ABSENT", "REFUSED", "STUCK", "CLOSED"
ANY = (
    ABSENT, CHARGING, ACTION_REQUIRED, AUTHORISED, CAPTURING, CAPTURED, VOIDING, REFUNDING, REFUSED, STUCK, CLOSED,
)  # fmt: skip
BUT_AUTHORISED = tuple(state for state in ANY if state != AUTHORISED)

TABLE = (
    Row("Y1", (ABSENT, REFUSED), "start", rows.y1_start, _next_attempt),
    Row("Y2", ANY, "start", rows.y2_again, _no_attempt),
    Row("Y2", BUT_AUTHORISED, "capture", rows.y2_again),
    Row("Y3", (CHARGING, ACTION_REQUIRED), "captured", rows.y3_y9_y14_y22_captured),
    Row("Y3", (CHARGING, ACTION_REQUIRED), "authorised", rows.y3_y22_authorised),
    Row("Y4", (CHARGING, ACTION_REQUIRED, CAPTURING), "refused", rows.y4_refused),
    Row("Y5", (CHARGING, ACTION_REQUIRED), "action_required", rows.y5_waits),
    Row("Y5", (CHARGING, ACTION_REQUIRED), "pending", rows.y5_waits),
    Row("Y5", (CHARGING, ACTION_REQUIRED), "poll", rows.y5_poll),
    Row("Y6", ANY, "unknown", rows.y6_unknown),
    Row("Y18", (REFUNDING,), "parked", rows.y18_exhausted),
    Row("Y6", ANY, "parked", rows.y6_parked),
    Row("Y7", (AUTHORISED,), "capture", rows.y7_capture),
    Row("Y8", (AUTHORISED,), "lapsed", rows.y8_lapsed),
    Row("Y9", (CAPTURING,), "captured", rows.y3_y9_y14_y22_captured),
    Row("Y10", (ABSENT,), "close", rows.y10_y13_close),
    Row("Y11", (CHARGING,), "close", rows.y11_close, _not_parked),
    Row("Y12", (CHARGING,), "withdrawn", rows.y4_refused),
    Row("Y13", ANY, "close", rows.y10_y13_close),
    Row("Y14", (VOIDING,), "voided", rows.y14_voided),
    Row("Y14", (VOIDING,), "captured", rows.y3_y9_y14_y22_captured),
    Row("Y14", (VOIDING,), "refused", rows.y14_y18_y20_not_undone),
    Row("Y15", ANY, "refund", rows.y15_known, _refund_known),
    Row("Y15", (CAPTURED,), "refund", rows.y15_refund, _refund_fits),
    Row("Y15", ANY, "refund", rows.y15_no_refund),
    Row("Y16", (CAPTURED, REFUNDING), "refunded", rows.y16_refunded),
    Row("Y16", ANY, "refund_succeeded", rows.y16_landed),
    Row("Y17", (CAPTURED,), "refused", rows.y17_refund_refused),
    Row("Y18", (REFUNDING,), "refused", rows.y14_y18_y20_not_undone),
    Row("Y19", (STUCK,), "retry", rows.y19_retry),
    Row("Y19", ANY, "retry", rows.y19_too_late),
    Row("Y19", ANY, "retried", rows.y19_retried),
    Row("Y20", (STUCK,), "refunded", rows.y16_refunded),
    Row("Y20", (STUCK,), "refused", rows.y14_y18_y20_not_undone),
    Row("Y20", (STUCK,), "voided", rows.y14_voided),
    Row("Y20", (STUCK,), "captured", rows.y3_y9_y14_y22_captured),
    Row("Y21", ANY, "refund_failed", rows.y21_refund_failed),
    Row("Y22", (CLOSED,), "captured", rows.y3_y9_y14_y22_captured),
    Row("Y22", (CLOSED,), "authorised", rows.y3_y22_authorised),
)

_ROWS: dict[tuple[str, str], tuple[Row, ...]] = {}
for _row in TABLE:
    for _state in _row.states:
        _ROWS[_state, _row.event] = (*_ROWS.get((_state, _row.event), ()), _row)


def row_for(payment: Payment, news: AnyNews) -> Row | None:
    """The row that takes the news, if there is one."""
    for row in _ROWS.get((payment.state, news.event), ()):
        if row.guard(payment, news):
            return row
    return None
