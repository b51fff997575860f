"""What is said to inventory, and what inventory answers (SAGAS.md): the messages whose tag begins with `inventory`.

Commands are imperative, events past tense; ids are text. Holds are keyed by the order id, so that a message about an
order finds its hold without a look-up.
"""

from sagamore.engine.message import Message, Record


class ProductQuantity(Record, frozen=True):
    """So many of a product."""

    product_id: str
    quantity: int


class Shortage(Record, frozen=True):
    """What was wanted of a product and what there was; `available` is -1 if the product is unknown."""

    product_id: str
    wanted: int
    available: int


# --- orders to inventory ---


class ReserveStock(Message, tag="inventory.reserve", version=1):
    """Hold these for the order, all or none; `lines` has one entry a product, all of this partition."""

    order_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]
    expires_at_ms: int
    """Information: a hold lives until orders releases or ships it."""


class ReleaseStock(Message, tag="inventory.release", version=1):
    """Hold nothing for this order, ever; legal also before ReserveStock. `lines` names the products to touch."""

    order_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]


class ShipStock(Message, tag="inventory.ship", version=1):
    """What was held has left."""

    order_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]


class ReturnStock(Message, tag="inventory.return", version=1):
    """What was shipped came back."""

    order_id: str
    return_id: str
    partition: int
    lines: tuple[ProductQuantity, ...]
    restock: bool


# --- inventory to orders ---


class StockReserved(Message, tag="inventory.reserved", version=1):
    """All lines of that partition are held."""

    order_id: str
    partition: int


class StockRefused(Message, tag="inventory.refused", version=1):
    """No line was touched: there is not enough of these."""

    order_id: str
    partition: int
    shortages: tuple[Shortage, ...]


class StockReleased(Message, tag="inventory.released", version=1):
    """That partition holds nothing for the order and never will."""

    order_id: str
    partition: int


# --- clients to inventory ---


class ReceiveStock(Message, tag="inventory.receive", version=1):
    """A delivery: on_hand rises. Makes the product known."""

    product_id: str
    quantity: int
    reason: str
    by: str = ""


class AdjustStock(Message, tag="inventory.adjust", version=1):
    """A correction, signed; refused with StockCommitted if on_hand would fall below reserved."""

    product_id: str
    quantity: int
    reason: str
    by: str = ""


class SetStock(Message, tag="inventory.set", version=1):
    """A count of the shelf; `expected` is the on_hand that it corrects, else StockChanged."""

    product_id: str
    on_hand: int
    expected: int
    reason: str
    by: str = ""
