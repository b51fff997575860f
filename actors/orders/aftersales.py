"""The door of what clients do to an order that exists: from what a host says to a message, or an InvalidInput before
any message exists. Whether the order's state allows it is the order's to say.
"""

from collections.abc import Mapping
from typing import Literal

from sagamore.actors.checks import check_choice, check_flag, check_mapping, check_money, check_quantity
from sagamore.actors.money import Money
from sagamore.actors.orders.door import LINES_MAX
from sagamore.actors.orders.order import Order
from sagamore.actors.orders.order_messages import CancelOrder, PayOrder, RefundOrder, ReturnOrder, ShipOrder
from sagamore.actors.orders.stock_messages import ProductQuantity
from sagamore.actors.text import check_text
from sagamore.engine.errors import InvalidInput

REASON_CHARACTERS_MAX = 500


def pay_order(order_id: str, payment_method: str) -> PayOrder:
    """Pay, or pay again. Raises InvalidInput."""
    return PayOrder(order_id, check_text("payment_method", payment_method))


def cancel_order(order_id: str, reason: Literal["REQUESTED", "OPERATOR"] = "REQUESTED", by: str = "") -> CancelOrder:
    """Cancel. `by` is the operator's name, required for OPERATOR. Raises InvalidInput."""
    check_choice("reason", reason, ("REQUESTED", "OPERATOR"))
    return CancelOrder(order_id, reason, check_text("by", by, optional=reason == "REQUESTED"))


def refund_order(order: Order, amount: Money, reason: str) -> RefundOrder:
    """Give part of the money back. Raises InvalidInput."""
    minor = _minor(order, amount)
    if minor < 1:
        raise InvalidInput("amount", str(amount), "more than nothing")
    return RefundOrder(order.id, minor, check_text("reason", reason, REASON_CHARACTERS_MAX, optional=True))


def ship_order(order_id: str, tracking: str = "") -> ShipOrder:
    """All that was ordered leaves. Raises InvalidInput."""
    return ShipOrder(order_id, check_text("tracking", tracking, optional=True))


def return_order(
    order: Order, goods: Mapping[str, int], *, amount: Money | None = None, restock: bool = True, reason: str = ""
) -> ReturnOrder:
    """So many of each product came back; `amount` of the money goes back. Raises InvalidInput."""
    check_mapping("goods", goods, 1, LINES_MAX)
    lines = tuple(
        ProductQuantity(
            check_text("goods key", product_id, product=True), check_quantity(f"goods[{product_id!r}]", quantity)
        )
        for product_id, quantity in goods.items()
    )
    minor = 0 if amount is None else _minor(order, amount)
    if minor < 0:
        raise InvalidInput("amount", str(amount), "nothing or more")
    reason = check_text("reason", reason, REASON_CHARACTERS_MAX, optional=True)
    return ReturnOrder(order.id, lines, minor, check_flag("restock", restock), reason)


def _minor(order: Order, amount: Money) -> int:
    if check_money("amount", amount).currency != order.currency:
        raise InvalidInput("amount", str(amount), f"in {order.currency}, as the order")
    return amount.minor
