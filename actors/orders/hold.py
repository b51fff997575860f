"""What one inventory partition holds for one order."""

from typing import Literal

from sagamore.actors.orders.stock_messages import ProductQuantity, Shortage
from sagamore.engine.message import State

HoldState = Literal["HELD", "REFUSED", "RELEASED", "SHIPPED"]


class Hold(State, tag="inventory.hold", version=1, omit_defaults=True):
    """RELEASED is also the tombstone of a hold that was released before it was asked for: nothing is ever held then.
    Quantities are sums, one entry a product."""

    order_id: str
    state: HoldState
    lines: tuple[ProductQuantity, ...] = ()
    """What is or was held."""
    shortages: tuple[Shortage, ...] = ()
    shipped: tuple[ProductQuantity, ...] = ()
    returned: tuple[ProductQuantity, ...] = ()
    expires_at_ms: int = 0
    """Information: a hold lives until orders releases or ships it."""


def hold_key(order_id: str) -> str:
    """The entity key of an order's hold."""
    return f"hold:{order_id}"
