"""What the histories of stock, payments and orders say happened: rows that are kept, never sent."""

from typing import Literal

from sagamore.engine.message import Record

Movement = Literal["received", "adjusted", "set", "reserved", "released", "shipped", "returned"]


class StockMoved(Record, frozen=True, tag="stock.moved", version=1):
    """A row of the stock ledger, the only writer of quantities: signed changes and what they led to."""

    product_id: str
    kind: Movement
    on_hand_change: int
    reserved_change: int
    on_hand: int
    reserved: int
    reason: str = ""
    by: str = ""


class MoneyMoved(Record, frozen=True, tag="money.moved", version=1):
    """A row of the money ledger of one order: what the provider confirmed. Amounts are integer minor units."""

    kind: Literal["captured", "refunded", "refund_failed"]
    amount: int
    captured: int
    refunded: int
    provider_id: str = ""
    currency: str = ""


class Entered(Record, frozen=True, tag="state.entered", version=1):
    """A transition of the order or of its payment."""

    before: str
    after: str
    why: str = ""
