"""One product's stock, and the one way to change it: a row of the stock ledger.

    available = on_hand - reserved,   0 <= reserved <= on_hand, always

Every change is a `StockMoved` in the history of the turn that made it. `apply` is the only writer of quantities, so
that replaying a product's rows from nothing gives its stock: the audit does exactly that.
"""

from sagamore.actors.orders.facts import Movement, StockMoved
from sagamore.engine.message import State
from sagamore.engine.turn import Turn


class Stock(State, tag="inventory.stock", version=1):
    """What there is of one product."""

    product_id: str
    on_hand: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        """What can still be promised."""
        return self.on_hand - self.reserved


def stock_key(product_id: str) -> str:
    """The entity key of a product; it also decides which inventory partition owns the product."""
    return f"stock:{product_id}"


def apply(stock: Stock | None, moved: StockMoved) -> Stock:
    """The stock after a row of the ledger; None is a product never seen. Raises ValueError for a row that does not
    follow from this stock or would promise more than there is."""
    on_hand, reserved = (stock.on_hand, stock.reserved) if stock is not None else (0, 0)
    on_hand += moved.on_hand_change
    reserved += moved.reserved_change
    if (on_hand, reserved) != (moved.on_hand, moved.reserved):
        raise ValueError(f"{moved} does not follow from {stock}")
    if not 0 <= reserved <= on_hand:
        raise ValueError(f"{moved} would leave {on_hand} on hand, {reserved} of them reserved")
    return Stock(moved.product_id, on_hand, reserved)


def move(
    turn: Turn, stock: Stock, kind: Movement, *, on_hand: int = 0, reserved: int = 0, reason: str = "", by: str = ""
) -> Stock:
    """Change a stock by so many and write the row of the ledger; raises ValueError as `apply` does."""
    moved = StockMoved(
        stock.product_id, kind, on_hand, reserved, stock.on_hand + on_hand, stock.reserved + reserved, reason, by
    )
    changed = apply(stock, moved)
    turn.note(moved)
    return changed
