"""What the sagas promise: in every world, and in every quiet one, where nothing moves unless something goes wrong."""

from sagamore.actors.orders.order import Order
from sagamore.actors.orders.payment_messages import PaymentEvent
from tests.sagas.truth import Truth
from tests.sagas.world import AMOUNT, OrderSide, PaymentSide, Sending, Setup, StockSide


def broken_always(order: Order, payment: PaymentSide, stocks: tuple[StockSide, ...], truth: Truth) -> str:
    """What is wrong, or nothing."""
    if not 0 <= truth.net <= AMOUNT:
        return f"the customer has paid {truth.net} net of {AMOUNT}"
    if len(truth.open) + (truth.net > 0) > 1:
        return "more than one charge or authorisation is live"
    moving = [flight.effect.operation for flight in payment.flights if flight.effect.operation != "read"]
    if len(moving) > 1:
        return f"{' and '.join(moving)} are under way at once"
    for side in stocks:
        held = side.hold is not None and side.hold.state == "HELD"
        if any(stock.reserved != held for stock in side.stocks):
            return "another quantity is reserved than is held for the order"
    if order.state == "CANCELLED":
        if payment.payment is None or not payment.payment.closing:
            return "settled, and the payment can still be taken"
        if not {"void", "refund"}.issuperset(moving):
            return f"settled, and {moving[0]} is under way"
        if any(side.hold is None or side.hold.state != "RELEASED" for side in stocks):
            return "settled, and stock is, or can still be, held"
    return ""


def broken_at_rest(
    setup: Setup, side: OrderSide, payment: PaymentSide, stocks: tuple[StockSide, ...], truth: Truth, bag: list[Sending]
) -> str:
    """What is wrong, or nothing: money and stock must be where the order's status says, and nothing wait for nobody."""
    order, paid = side.order, payment.payment
    assert order is not None
    parked = paid is not None and paid.parked is not None
    state = paid.state if paid else "ABSENT"
    stuck = state == "STUCK"
    # An event that no row takes becomes a dead letter: no harm if the books agree, which is asked below.
    left = [type(sending.message) for sending in bag if not isinstance(sending.message, PaymentEvent)]
    if left:
        return f"nobody ever takes {', '.join(kind.__name__ for kind in left)}"
    holds = {side.hold.state if side.hold else "ABSENT" for side in stocks}
    net = paid.net if paid else 0
    if net != truth.net and not (parked or stuck):  # else a person will look
        return f"our books say {net}, the provider's {truth.net}"
    match order.state:
        case "CANCELLED":
            at_rest = (state, truth.net, truth.open, order.settlement) == ("CLOSED", 0, (), "SETTLED")
        case "CONFIRMED":
            asked = any(refund.status == "REQUESTED" for refund in order.refunds)
            held = holds == ({"SHIPPED"} if order.shipped_at_ms else {"HELD"})
            at_rest = (
                held
                and state == "CAPTURED"
                and not truth.open
                and (parked or (not asked and order.refundable == truth.net))
            )
        case "CANCELLING":
            owned = parked or (stuck and bool(payment.letters))
            at_rest = owned and order.settlement == "STUCK" and holds == {"RELEASED"}
        case "AWAITING_PAYMENT":
            held = holds == ({"HELD"} if setup.saga == "reserve_first" else {"ABSENT"})
            at_rest = held and side.armed and not side.late and (truth.net, truth.open) == (0, ())
        case _:
            at_rest = parked and order.payment == "UNKNOWN"
    return (
        "" if at_rest else f"order {order.state} {order.settlement}, payment {state}, stock {', '.join(sorted(holds))}"
    )
