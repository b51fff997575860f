"""The guards of the tables: pure questions about an order, the message and the time.

A client's action is allowed if its guards hold; asked with no message, a guard says whether some message could pass.
Guards of what actors and timers send come in ALTERNATIVES of which exactly one always holds; that is what lets
`soundness.py` prove that every such event meets exactly one row.
"""

from collections.abc import Callable
from typing import Any

from sagamore.actors.orders.order import Order
from sagamore.actors.orders.order_messages import RefundOrder, ReturnOrder
from sagamore.actors.orders.payment import REFUNDS_MAX
from sagamore.actors.orders.plan import partitions_of, summed
from sagamore.actors.orders.stock_messages import StockReleased
from sagamore.engine.turn import Turn

Guard = Callable[[Order, Any, Turn], bool]


def _method_given(order: Order, _: Any, __: Turn) -> bool:
    return order.payment_method != ""


def _deadline_passed(order: Order, _: Any, turn: Turn) -> bool:
    """The timer has come, or is about to: a clock may be set back, and a timer comes late."""
    return order.deadline_passed or 0 < order.deadline_ms <= turn.now_ms


def _may_pay_again(order: Order, message: Any, turn: Turn) -> bool:
    # A lapsed authorisation may still be open at the provider: only closing the payment voids it.
    return order.pay_by_ms > 0 and not order.snapshot.lapsed and not _deadline_passed(order, message, turn)


def _last(order: Order, message: Any, turn: Turn) -> bool:
    return bool(message.partition == max(partitions_of(order, turn)))


def _payment_authorised(order: Order, _: Any, __: Turn) -> bool:
    return order.snapshot.state == "AUTHORISED"


def _payment_captured(order: Order, _: Any, __: Turn) -> bool:
    return order.snapshot.state == "CAPTURED"


def _action_required(order: Order, _: Any, __: Turn) -> bool:
    return order.payment == "ACTION_REQUIRED"


def _lapsed(order: Order, _: Any, __: Turn) -> bool:
    return order.snapshot.lapsed


def _all_undone(order: Order, message: Any, turn: Turn) -> bool:
    released = {*order.released, message.partition} if isinstance(message, StockReleased) else set(order.released)
    return order.snapshot.state == "CLOSED" and released.issuperset(partitions_of(order, turn))


def _news_discarded(order: Order, _: Any, __: Turn) -> bool:
    return order.news_discarded


def _nothing_shipped(order: Order, _: Any, __: Turn) -> bool:
    return order.fulfilment == "UNFULFILLED"


def _on_the_way(order: Order, _: Any, __: Turn) -> bool:
    return order.fulfilment == "SHIPPED"


def _may_refund(order: Order, amount: int) -> bool:
    return 0 < amount <= order.refundable and len(order.refunds) < REFUNDS_MAX


def _at_most_what_is_left(order: Order, message: RefundOrder | None, _: Turn) -> bool:
    return _may_refund(order, 1 if message is None else message.amount)


def _refunds_at_most_what_is_left(order: Order, message: ReturnOrder | None, _: Turn) -> bool:
    return message is None or not message.amount or _may_refund(order, message.amount)


def _at_most_what_is_out(order: Order, message: ReturnOrder | None, _: Turn) -> bool:
    out = order.out
    if message is None:
        return bool(out)
    comes = summed(message.lines)
    return bool(comes) and all(0 < comes[product] <= out.get(product, 0) for product in comes)


def _not(guard: Guard) -> Guard:
    return lambda order, message, turn: not guard(order, message, turn)


GUARDS: dict[str, Guard] = {
    "method given": _method_given,
    "pay later": _not(_method_given),
    "before the deadline": _not(_deadline_passed),
    "deadline passed": _deadline_passed,
    "may pay again": _may_pay_again,
    "may not pay again": _not(_may_pay_again),
    "last": _last,
    "more partitions": _not(_last),
    "payment AUTHORISED": _payment_authorised,
    "payment CAPTURED": _payment_captured,
    "payment ACTION_REQUIRED": _action_required,
    "payment not ACTION_REQUIRED": _not(_action_required),
    "lapsed": _lapsed,
    "not lapsed": _not(_lapsed),
    "all undone": _all_undone,
    "more to undo": _not(_all_undone),
    "news discarded": _news_discarded,
    "no news discarded": _not(_news_discarded),
    "nothing shipped": _nothing_shipped,
    "on the way": _on_the_way,
    "at most what is left": _at_most_what_is_left,
    "refunds at most what is left": _refunds_at_most_what_is_left,
    "at most what is out": _at_most_what_is_out,
}

ALTERNATIVES: tuple[tuple[str, str], ...] = (
    ("method given", "pay later"),
    ("before the deadline", "deadline passed"),
    ("may pay again", "may not pay again"),
    ("last", "more partitions"),
    ("payment AUTHORISED", "payment CAPTURED"),  # nothing else leads to RESERVING, and a lapse leads out of it
    ("payment ACTION_REQUIRED", "payment not ACTION_REQUIRED"),
    ("lapsed", "not lapsed"),
    ("all undone", "more to undo"),
    ("news discarded", "no news discarded"),
)
