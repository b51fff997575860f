"""What inventory answers to a client whose change of stock it refuses. Nothing has changed then."""

from sagamore.engine.errors import Refused


class StockCommitted(Refused):
    """on_hand would fall below what orders hold. Cancel orders first, or leave what is reserved."""

    code = "stock_committed"

    def __init__(self, product_id: str, on_hand: int, reserved: int) -> None:
        super().__init__(
            f"product {product_id!r}: of {on_hand} on hand {reserved} are reserved; on hand must not fall below"
        )
        self.product_id, self.on_hand, self.reserved = product_id, on_hand, reserved


class StockChanged(Refused):
    """The count was made against another on_hand than there is now. Count again."""

    code = "stock_changed"

    def __init__(self, product_id: str, expected: int, on_hand: int) -> None:
        super().__init__(f"product {product_id!r}: {expected} were expected on hand, there are {on_hand}")
        self.product_id, self.expected, self.on_hand = product_id, expected, on_hand


class StockUnknown(Refused):
    """The product was never received or counted."""

    code = "stock_unknown"

    def __init__(self, product_id: str) -> None:
        super().__init__(f"product {product_id!r} was never received; receive it, or set its count with expected 0")
        self.product_id = product_id
