"""The actions of the tables: each takes the order, the message and the turn, leaves its intentions in the turn and
returns the order with what it must remember."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from sagamore.actors.orders.alerts import clear_refused, tell_refused
from sagamore.actors.orders.order import Order, Refund, fold_refund
from sagamore.actors.orders.order_messages import (
    CancelOrder,
    DeadlinePassed,
    OrderCancelled,
    OrderConfirmed,
    OrderCreated,
    OrderShipped,
    PaymentActionRequired,
    PaymentFailed,
    PayOrder,
    Reason,
    RefundIssued,
    RefundOrder,
    ReturnOrder,
    ShipOrder,
)
from sagamore.actors.orders.payment_messages import (
    CapturePayment,
    ClosePayment,
    PaymentReport,
    RefundPayment,
    RefundReport,
    StartPayment,
)
from sagamore.actors.orders.plan import plan_of, split, summed
from sagamore.actors.orders.stock_messages import (
    ProductQuantity,
    ReleaseStock,
    ReserveStock,
    ReturnStock,
    ShipStock,
    StockReleased,
    StockReserved,
)
from sagamore.actors.orders.unlisted import Unlisted
from sagamore.engine.turn import Turn

Action = Callable[[Order, Any, Turn], Order]
DEADLINE = "deadline"


# --- events ---


def _publish_created(order: Order, _: Any, turn: Turn) -> Order:
    turn.publish(OrderCreated(order.id, order.user_id, order.amount, order.currency))
    return order


def _publish_confirmed(order: Order, _: Any, turn: Turn) -> Order:
    turn.publish(OrderConfirmed(order.id, order.user_id, order.amount, order.currency))
    return order


def _publish_payment_failed(order: Order, message: PaymentReport, turn: Turn) -> Order:
    turn.publish(PaymentFailed(order.id, order.user_id, message.attempt, message.refusal))
    return order


def _publish_action_required(order: Order, message: PaymentReport, turn: Turn) -> Order:
    if message.next_action is not None:
        turn.publish(PaymentActionRequired(order.id, order.user_id, message.next_action))
    return order


def _publish_shipped(order: Order, message: ShipOrder, turn: Turn) -> Order:
    turn.publish(OrderShipped(order.id, order.user_id, message.tracking))
    return order


# --- payment ---


def _start_payment(order: Order, message: Any, turn: Turn) -> Order:
    method = message.payment_method if isinstance(message, PayOrder) else order.payment_method
    attempt = order.attempt + 1
    turn.send("payments", StartPayment(order.id, attempt, order.amount, order.currency, method, order.capture))
    return replace(order, attempt=attempt, payment_method="")


def _capture_payment(order: Order, _: Any, turn: Turn) -> Order:
    turn.send("payments", CapturePayment(order.id))
    return order


def _refund_payment(order: Order, message: RefundOrder | ReturnOrder, turn: Turn) -> Order:
    """A return may refund nothing."""
    if not message.amount:
        return order
    clear_refused(order, turn)
    refund = Refund(turn.new_id("ref"), message.amount, message.reason)
    turn.send("payments", RefundPayment(order.id, refund.id, refund.amount, refund.reason))
    return replace(order, refunds=(*order.refunds, refund))


def _refund_of(order: Order, message: RefundReport) -> Refund:
    for refund in order.refunds:
        if refund.id == message.refund_id:
            return refund
    raise Unlisted("order", order.id, order.state, f"RefundReport of {message.refund_id}, which it did not ask for")


def _publish_refund(order: Order, message: RefundReport, turn: Turn) -> Order:
    """Once a refund: when it is first accepted."""
    if message.status in ("PENDING", "SUCCEEDED") and _refund_of(order, message).status == "REQUESTED":
        turn.publish(RefundIssued(order.id, order.user_id, message.refund_id, message.amount, order.currency))
    return order


def _note_refund(order: Order, message: RefundReport, _: Turn) -> Order:
    return fold_refund(order, _refund_of(order, message), message)


def _alert_if_refused(order: Order, message: RefundReport, turn: Turn) -> Order:
    if message.status in ("REFUSED", "FAILED_LATER"):
        tell_refused(order, turn)
    return order


# --- stock ---


def _reserve_stock(order: Order, message: Any, turn: Turn) -> Order:
    """At the lowest partition, or the next one after that which has just reserved: side by side, two orders could
    refuse each other and both die."""
    after = message.partition if isinstance(message, StockReserved) else -1
    plan = plan_of(order, turn)
    partition = min(p for p in plan if p > after)
    reserve = ReserveStock(order.id, partition, plan[partition], order.deadline_ms)
    turn.send("inventory", reserve, partition=partition)
    return order


def _ship_stock(order: Order, message: ShipOrder, turn: Turn) -> Order:
    for partition, lines in plan_of(order, turn).items():
        turn.send("inventory", ShipStock(order.id, partition, lines), partition=partition)
    return replace(order, shipped_at_ms=turn.now_ms, tracking=message.tracking)


def _delivered(order: Order, _: Any, turn: Turn) -> Order:
    return replace(order, delivered_at_ms=turn.now_ms)


def _return_stock(order: Order, message: ReturnOrder, turn: Turn) -> Order:
    return_id = turn.new_id("ret")
    for partition, lines in split(summed(message.lines), turn).items():
        back = ReturnStock(order.id, return_id, partition, lines, message.restock)
        turn.send("inventory", back, partition=partition)
    returned = summed((*order.returned, *message.lines))
    return replace(order, returned=tuple(ProductQuantity(*item) for item in returned.items()))


def _tick_partition(order: Order, message: StockReleased, _: Turn) -> Order:
    return replace(order, released=tuple(sorted({*order.released, message.partition})))


# --- deadline ---


def _set_deadline(order: Order, _: Any, turn: Turn) -> Order:
    turn.schedule(DEADLINE, DeadlinePassed(order.id), at_ms=order.deadline_ms)
    return order


def _stop_deadline(order: Order, _: Any, turn: Turn) -> Order:
    if order.deadline_ms:
        turn.cancel(DEADLINE)
    return replace(order, deadline_ms=0)


def _remember_deadline(order: Order, _: Any, __: Turn) -> Order:
    """An unknown charge is never timed out: success goes on, a refusal will cancel."""
    return replace(order, deadline_ms=0, deadline_passed=True)


# --- cancelling ---


def _undo(order: Order, turn: Turn) -> None:
    """Both compensations: whoever is done already says so again."""
    turn.send("payments", ClosePayment(order.id))
    for partition, lines in plan_of(order, turn).items():
        if partition not in order.released:
            turn.send("inventory", ReleaseStock(order.id, partition, lines), partition=partition)


def _undo_again(order: Order, _: Any, turn: Turn) -> Order:
    _undo(order, turn)
    return replace(order, news_discarded=False)


def _cancel(order: Order, reason: Reason, turn: Turn) -> Order:
    _undo(order, turn)
    turn.publish(OrderCancelled(order.id, order.user_id, reason))
    clear_refused(order, turn)
    order = _stop_deadline(order, None, turn)
    return replace(order, reason=reason, payment_method="", news_discarded=False)


def _cancel_because(reason: Reason) -> Action:
    return lambda order, _, turn: _cancel(order, reason, turn)


def _cancel_as_asked(order: Order, message: CancelOrder, turn: Turn) -> Order:
    return replace(_cancel(order, message.reason, turn), cancelled_by=message.by)


def _settled(order: Order, _: Any, __: Turn) -> Order:
    return replace(order, news_discarded=False, reopened=False)


def _reopen(order: Order, _: Any, __: Turn) -> Order:
    return replace(order, reopened=True)


def _discard_news(order: Order, _: Any, __: Turn) -> Order:
    return replace(order, news_discarded=True)


ACTIONS: dict[str, Action] = {
    "publish OrderCreated": _publish_created,
    "publish OrderConfirmed": _publish_confirmed,
    "publish PaymentFailed": _publish_payment_failed,
    "publish PaymentActionRequired": _publish_action_required,
    "publish OrderShipped": _publish_shipped,
    "publish RefundIssued": _publish_refund,
    "StartPayment": _start_payment,
    "CapturePayment": _capture_payment,
    "RefundPayment": _refund_payment,
    "note the refund": _note_refund,
    "alert if refused": _alert_if_refused,
    "ReserveStock": _reserve_stock,
    "ShipStock": _ship_stock,
    "delivered": _delivered,
    "ReturnStock": _return_stock,
    "tick the partition": _tick_partition,
    "deadline": _set_deadline,
    "stop deadline": _stop_deadline,
    "remember that it passed": _remember_deadline,
    "CANCEL(EXPIRED)": _cancel_because("EXPIRED"),
    "CANCEL(PAYMENT_REFUSED)": _cancel_because("PAYMENT_REFUSED"),
    "CANCEL(OUT_OF_STOCK)": _cancel_because("OUT_OF_STOCK"),
    "CANCEL(AUTHORISATION_LAPSED)": _cancel_because("AUTHORISATION_LAPSED"),
    "CANCEL(REQUESTED or OPERATOR)": _cancel_as_asked,
    "settled": _settled,
    "reopen": _reopen,
    "undo again": _undo_again,
    "note that news was discarded": _discard_news,
}
