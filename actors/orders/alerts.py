"""The alerts of an order: conditions of its state, raised when one begins and cleared when it ends.

    order_payment_parked   PENDING, CONFIRMED  the provider's outcome is unknown for good (SAGAS B8)
    order_news_discarded   PENDING             a person discarded what it waits for (PROTOCOL 8)
    order_refund_refused   CONFIRMED           a refund was refused, or failed later (B15); until another is asked for
    order_stuck            CANCELLING          what was taken cannot be given back (B17)
    order_reopened         CANCELLING          it was settled, then its payment changed (B19)

The subject is the order's id. Payments raises alerts of its own about the same payment; these say what it does to the
order.
"""

from sagamore.actors.orders.order import Order
from sagamore.engine.turn import Turn

REFUND_REFUSED = "order_refund_refused"
ADVICE = {
    "order_payment_parked": "look the payment up at the provider, then `sagamore payments resolve` it; the order waits",
    "order_news_discarded": "a message that it waits for was discarded; cancel the order, which undoes all of it",
    REFUND_REFUSED: "the customer did not get this money: refund again, or another way, and tell the customer",
    "order_stuck": "replay its dead letters (if one was discarded, cancel the order again), or undo by hand at the "
    "provider and `sagamore payments resolve` it",
    "order_reopened": "money moved after all was settled; it is being given back: check that the order settles again",
}


def alerts_of(order: Order) -> tuple[str, ...]:
    """The names of the conditions that hold and follow from the state alone: all but that of refunds."""
    match order.state:
        case "CONFIRMED":
            return ("order_payment_parked",) if order.snapshot.parked else ()
        case "CANCELLING":
            holds = ("order_stuck",) if order.settlement == "STUCK" else ()
            return (*holds, "order_reopened") if order.reopened else holds
        case "CANCELLED":
            return ()
    holds = ("order_payment_parked",) if order.snapshot.parked else ()
    return (*holds, "order_news_discarded") if order.news_discarded else holds


def tell_refused(order: Order, turn: Turn) -> None:
    """A refund was refused."""
    turn.raise_alert(REFUND_REFUSED, order.id, ADVICE[REFUND_REFUSED])


def clear_refused(order: Order, turn: Turn) -> None:
    """Another refund is asked for, or all is given back."""
    if not all(refund.counts for refund in order.refunds):
        turn.clear_alert(REFUND_REFUSED, order.id)


def tell(before: Order, after: Order, turn: Turn) -> None:
    """Raise what has begun, clear what has ended."""
    held, holds = alerts_of(before), alerts_of(after)
    if held == holds:
        return
    for name in holds:
        if name not in held:
            turn.raise_alert(name, after.id, ADVICE[name])
    for name in held:
        if name not in holds:
            turn.clear_alert(name, after.id)
